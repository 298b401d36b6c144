"""nbgrader's own commands and its formgrader, run from this folder, use the course's folders."""

from pathlib import Path

from autograder.course import configure

config = configure(get_config())  # noqa: F821  nbgrader provides get_config
# nbgrader makes neither this folder nor, above it, the one of the gradebook
Path(config.Exchange.root).mkdir(parents=True, exist_ok=True)
