"""nbgrader's own commands and its formgrader, run from this folder, use the course's folders."""

from autograder.course import configure

configure(get_config())  # noqa: F821  nbgrader provides get_config
