"""nbgrader around the project's folders: one mapping, used by its own commands and by ours."""

from __future__ import annotations

import html
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import bleach
import sqlalchemy.exc
from bleach.html5lib_shim import Filter
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters import markdown2html_mistune
from nbformat import NotebookNode
from nbgrader.apps import NbGraderAPI
from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import ClearSolutions
from traitlets.config import Config

from autograder import gradebook
from autograder.gradebook import COURSE_ID
from stabilitylab import workspace


class ClearAnswers(ClearSolutions):
    """Clears solutions as nbgrader does, but leaves no `raise NotImplementedError()` in quiz cells, where there is no code to
    write."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], cell_index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        self.code_stub = (
            {"python": ""}
            if "quiz" in cell.metadata.get("tags", [])
            else {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}
        )
        return super().preprocess_cell(cell, resources, cell_index)


SAFE_TAGS = bleach.ALLOWED_TAGS | {
    *("p", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "br", "pre", "div", "span", "del", "sub", "sup", "img"),
    *("table", "thead", "tbody", "tr", "th", "td", "details", "summary", "dl", "dt", "dd"),
}


def _safe_attribute(tag: str, name: str, value: str) -> bool:
    """Links go out when somebody follows them, images as soon as a page is opened: only those within the page are shown."""
    return (
        name in ("alt", "title", "class")
        or (tag, name) == ("a", "href")
        or (tag, name, value[:11]) == ("img", "src", "data:image/")
    )


class _Described(Filter):
    """Gives an image without words the ones that nbconvert gives it; a page would have to be read again for that."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for token in super().__iter__():
            if token.get("name") == "img" and (None, "alt") not in token["data"]:
                token["data"][(None, "alt")] = "No description has been provided for this image"
            yield token


def as_typed(source: str, *language: object, **about: object) -> str:
    """Text as HTML that looks as it was typed."""
    return f"<pre>{html.escape(source)}</pre>"


def _unchanged(page: str) -> str:
    return page


@lru_cache(maxsize=512)  # most cells are the same in every student's notebook
def safe_markdown(source: str) -> str:
    """Markdown as HTML in which nothing runs: a learner's text is shown to others, in formgrader on the teacher's own server.
    Text that cannot be formatted (nested a thousand deep, with an image that is nowhere) is shown as it was typed."""
    cleaner = bleach.Cleaner(
        tags=SAFE_TAGS, attributes=_safe_attribute, protocols=["http", "https", "data"], strip=True, filters=[_Described]
    )
    try:
        return cleaner.clean(markdown2html_mistune(source))
    except Exception:  # of whatever kind: it is a learner's text, and others wait for their pages
        return as_typed(source)


# nbgrader's database layer warns about its own use of sessions at every submission
warnings.filterwarnings("ignore", category=sqlalchemy.exc.SAWarning, module="nbgrader")


class _Compiled(BytecodeCache):
    """Templates compiled once for all pages: nbconvert makes a new environment for each."""

    def __init__(self) -> None:
        self.code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.code:
            bucket.bytecode_from_string(self.code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.code[bucket.key] = bucket.bytecode_to_string()


class _Finished(TemplateExporter):
    """Keeps a page from what HTMLExporter does to the finished one: it parses the whole page to describe images, which
    ``safe_markdown`` has done, and to number what JupyterLab's templates have and nbgrader's has not."""

    def from_notebook_node(  # type: ignore[override]  # as nbconvert's own do
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        self.finished, resources = super().from_notebook_node(nb, resources, **options)
        return "", resources


class FeedbackPages(HTMLExporter, _Finished):
    """nbconvert's exporter, several times as fast over a class."""

    compiled = _Compiled()

    def from_notebook_node(  # type: ignore[override]  # as nbconvert's own do
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        _, resources = super().from_notebook_node(nb, resources, **options)
        return self.finished, resources

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.bytecode_cache = self.compiled
        return environment


WORKDIR = Path(os.environ.get("STABILITYLAB_GRADING", workspace.ROOT / "autograder"))
"""Where gradebook.db, submitted/, autograded/, feedback/, marks/ and grades.csv go unless told otherwise; none of it is in git.
``STABILITYLAB_GRADING`` moves it, for formgrader too."""


def configure(
    config: Config,
    *,
    workdir: Path = WORKDIR,
    source: Path = workspace.ROOT / "solutions",
    release: Path = workspace.EXERCISES,
    submitted: Path | None = None,
    formatted: bool = True,
) -> Config:
    """Fills an nbgrader config with this course's folders and returns it.

    Args:
        config: changed in place.
        workdir: where grading writes.
        source: the folder of nbgrader sources.
        release: the folder of released assignments.
        submitted: STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb below it, default ``workdir/submitted``.
        formatted: whether pages show text formatted, or as it was typed, which takes no time whatever the text is.
    """
    directories = config.CourseDirectory
    directories.course_id = COURSE_ID
    directories.root = str(workspace.ROOT)
    directories.source_directory = str(source)
    directories.release_directory = str(release)
    directories.submitted_directory = str(submitted or workdir / "submitted")
    directories.autograded_directory = str(workdir / "autograded")
    directories.feedback_directory = str(workdir / "feedback")
    directories.db_url = f"sqlite:///{workdir / gradebook.NAME}"
    directories.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "*.py"]  # percent-format sources stay home
    config.Exchange.root = str(workdir / "exchange")
    config.NbGrader.logfile = ""
    # nbconvert looks for addresses of an old IPython, in a time that grows with the square of a text; there are none here
    config.HTMLExporter.filters = {"markdown2html": safe_markdown, "strip_files_prefix": _unchanged}
    if not formatted:
        config.HTMLExporter.filters |= {"markdown2html": as_typed, "highlight_code": as_typed}
    config.GenerateFeedback.exporter_class = FeedbackPages
    config.GenerateAssignment.preprocessors = [
        ClearAnswers if step is ClearSolutions else step for step in GenerateAssignment.preprocessors.default_args[0]
    ]
    return config


def api(config: Config) -> NbGraderAPI:
    """nbgrader's own Python interface, quiet but for errors, which ``must`` reports."""
    # nbgrader starts `alembic` by name: find the one installed beside this interpreter, whether or not the environment is
    # activated
    scripts = os.path.dirname(sys.executable)
    if scripts not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = scripts + os.pathsep + os.environ["PATH"]
    Path(config.Exchange.root).mkdir(parents=True, exist_ok=True)  # nbgrader complains of a folder we do not use
    gradebook.create(gradebook.path_of(config.CourseDirectory.db_url))
    made = NbGraderAPI(config=config)
    made.log.setLevel(logging.ERROR)
    made.log.addHandler(_cause)
    return made


class _Cause(logging.Handler):
    """Remembers the error that a step met: nbgrader tells its log, and raises another."""

    last: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        self.last = sys.exc_info()[1] or self.last


_cause = _Cause()


def must(result: dict[str, Any], doing: str) -> None:
    """Raises if an nbgrader step did not succeed.

    Raises:
        RuntimeError: with what nbgrader said.
        OSError: if a file could not be written.
        sqlalchemy.exc.DBAPIError: if the gradebook could not be used.
        KeyboardInterrupt: if that is what ended the step; nbgrader takes it for an error like any other.
    """
    cause, _cause.last = _cause.last, None
    if result["success"]:
        return
    if isinstance(cause, OSError | sqlalchemy.exc.DBAPIError | KeyboardInterrupt):
        raise cause
    if (result.get("error") or "").rstrip().endswith("KeyboardInterrupt"):
        raise KeyboardInterrupt
    said = "\n".join(filter(None, (result.get("error"), result.get("log"))))
    raise RuntimeError(f"nbgrader failed while {doing}:\n{said}")
