"""nbgrader set up for the course: folders, what is cleared, what a page may hold."""

import logging
import os
import sqlite3
import sys
from pathlib import Path

import nbformat
import pytest
from jinja2.bccache import Bucket
from traitlets.config import Config

from autograder import course, gradebook
from stabilitylab import workspace

UNSOLVED = "### BEGIN SOLUTION\nx = 1\n### END SOLUTION"


@pytest.mark.parametrize(
    "tags, left",
    [
        ([], "# YOUR CODE HERE\nraise NotImplementedError()"),
        (["quiz"], ""),
        (["demo"], "# YOUR CODE HERE\nraise NotImplementedError()"),
    ],
)
def test_a_cleared_answer_raises_until_it_is_written_and_a_quiz_cell_has_no_code_to_write(tags, left):
    cell = nbformat.v4.new_code_cell(
        UNSOLVED,
        metadata={
            "tags": tags,
            "nbgrader": {"solution": True, "grade": False, "schema_version": 3, "grade_id": "x", "locked": False},
        },
    )
    cleared, _ = course.ClearAnswers().preprocess_cell(cell, {"language": "python"}, 0)
    assert cleared.source == left


def test_a_cell_without_tags_is_cleared_too():
    about = {"solution": True, "grade": False, "schema_version": 3, "grade_id": "x", "locked": False}
    cell = nbformat.v4.new_code_cell(UNSOLVED, metadata={"nbgrader": about})
    assert "raise NotImplementedError()" in course.ClearAnswers().preprocess_cell(cell, {"language": "python"}, 0)[0].source


def test_plain_markdown_is_shown_as_html():
    assert "<strong>bold</strong>" in course.safe_markdown("**bold**")
    assert "<table>" in course.safe_markdown("| a | b |\n|---|---|\n| 1 | 2 |")
    assert '<a href="https://example.org">' in course.safe_markdown("[there](https://example.org)")
    assert "<details><summary>Hint</summary>" in course.safe_markdown("<details><summary>Hint</summary>x</details>").replace(
        "\n", ""
    )


@pytest.mark.parametrize(
    "source, gone",
    [
        ("<script>alert(1)</script>", "<script"),
        ("<img src=x onerror=alert(1)>", "onerror"),
        ("[x](javascript:alert(1))", "javascript:"),
        ("<a href='javascript:alert(1)'>x</a>", "javascript:"),
        ("<a onclick='alert(1)'>x</a>", "onclick"),
        ("<iframe src='https://example.org'></iframe>", "<iframe"),
        ("<p style='position:fixed'>x</p>", "style"),
        ("![x](https://example.org/count.png)", "example.org"),
        ("<img src='data:text/html,x'>", "src"),
        ("<div src='data:image/png;base64,x'>x</div>", "src"),
        ("<p href='https://example.org'>x</p>", "href"),
    ],
)
def test_nothing_in_a_learners_text_runs_or_is_fetched(source, gone):
    assert gone not in course.safe_markdown(source)


def test_a_picture_within_the_page_and_its_words_are_shown():
    shown = course.safe_markdown("<img src='data:image/png;base64,AAAA' alt='a curve' title='t' class='c'>")
    for kept in ('src="data:image/png;base64,AAAA"', 'alt="a curve"', 'title="t"', 'class="c"'):
        assert kept in shown


def test_an_image_without_words_is_given_some_and_one_that_has_them_keeps_them():
    shown = course.safe_markdown("<img src='data:image/png;base64,AAAA'>")
    assert 'alt="No description has been provided for this image"' in shown
    assert 'alt="a curve"' in course.safe_markdown("<img src='data:image/png;base64,AAAA' alt='a curve'>")


def test_text_that_cannot_be_formatted_is_shown_as_it_was_typed(monkeypatch):
    assert course.safe_markdown("![x](attachment:nowhere.png) & <b>") == "<pre>![x](attachment:nowhere.png) &amp; &lt;b&gt;</pre>"

    def too_deep(source):
        raise RecursionError

    monkeypatch.setattr(course, "markdown2html_mistune", too_deep)
    assert course.safe_markdown("> > > a") == "<pre>&gt; &gt; &gt; a</pre>"


def test_pages_can_show_text_as_it_was_typed(tmp_path):
    filters = course.configure(Config(), workdir=tmp_path, formatted=False).HTMLExporter.filters
    for name in ("markdown2html", "highlight_code"):
        assert filters[name]("# <b>", metadata={}) == "<pre># &lt;b&gt;</pre>"


def test_a_new_gradebook_is_whole_and_starts_no_program(tmp_path, monkeypatch):
    import nbgrader.api

    version = nbgrader.api.get_alembic_version()
    monkeypatch.setattr(nbgrader.api, "get_alembic_version", lambda: pytest.fail("a program was started"))
    course.api(course.configure(Config(), workdir=tmp_path))
    with sqlite3.connect(tmp_path / "gradebook.db") as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [(version,)]
        assert database.execute("SELECT id FROM course").fetchall() == [("stabilitylab",)]
    gradebook.check(tmp_path / "gradebook.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exchange", "gradebook.db"]


def test_a_page_is_compiled_once():
    pages = course.FeedbackPages(config=Config())
    environment, other = pages._create_environment(), course.FeedbackPages(config=Config())._create_environment()
    assert environment.bytecode_cache is other.bytecode_cache is course.FeedbackPages.compiled
    cache, bucket = course._Compiled(), Bucket(environment, "key", "checksum")
    cache.load_bytecode(bucket)
    assert bucket.code is None
    bucket.code = compile("1 + 1", "page", "eval")
    cache.dump_bytecode(bucket)
    again = Bucket(environment, "key", "checksum")
    cache.load_bytecode(again)
    assert eval(again.code) == 2


def test_everything_that_grading_writes_goes_below_one_folder(tmp_path):
    config = Config()
    assert course.configure(config, workdir=tmp_path) is config
    made = config.CourseDirectory
    assert (made.course_id, made.root) == ("stabilitylab", str(workspace.ROOT))
    assert made.submitted_directory == str(tmp_path / "submitted")
    assert made.autograded_directory == str(tmp_path / "autograded")
    assert made.feedback_directory == str(tmp_path / "feedback")
    assert made.db_url == f"sqlite:///{tmp_path}/gradebook.db"
    assert config.Exchange.root == str(tmp_path / "exchange")
    assert made.source_directory == str(workspace.ROOT / "solutions") and made.release_directory == str(workspace.EXERCISES)
    assert config.NbGrader.logfile == ""
    assert "*.py" in made.ignore and ".ipynb_checkpoints" in made.ignore
    assert config.HTMLExporter.filters["markdown2html"] is course.safe_markdown
    assert config.GenerateFeedback.exporter_class is course.FeedbackPages


def test_folders_can_be_named(tmp_path):
    made = course.configure(Config(), source=tmp_path / "s", release=tmp_path / "r", submitted=tmp_path / "h").CourseDirectory
    assert (made.source_directory, made.release_directory) == (str(tmp_path / "s"), str(tmp_path / "r"))
    assert made.submitted_directory == str(tmp_path / "h")
    assert made.feedback_directory == str(course.WORKDIR / "feedback")


def test_solutions_are_cleared_our_way_and_nothing_else_is_taken_from_nbgrader():
    from nbgrader.converters import GenerateAssignment
    from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions

    steps = course.configure(Config()).GenerateAssignment.preprocessors
    theirs = GenerateAssignment.preprocessors.default_args[0]
    assert [course.ClearAnswers if step is ClearSolutions else step for step in theirs] == steps
    assert course.ClearAnswers in steps and ClearSolutions not in steps and ClearHiddenTests in steps


@pytest.mark.parametrize("activated", [True, False])
def test_nbgrader_finds_the_programs_beside_this_python(tmp_path, monkeypatch, activated):
    scripts = os.path.dirname(sys.executable)
    monkeypatch.setenv("PATH", f"/usr/bin{os.pathsep}{scripts}" if activated else "/usr/bin")
    made = course.api(course.configure(Config(), workdir=tmp_path))
    assert os.environ["PATH"] == (f"/usr/bin{os.pathsep}{scripts}" if activated else f"{scripts}{os.pathsep}/usr/bin")
    assert made.log.level == logging.ERROR and (tmp_path / "exchange").is_dir()
    course.api(course.configure(Config(), workdir=tmp_path))  # the folder may be there already


def test_what_nbgrader_says_when_it_fails_is_passed_on():
    course.must({"success": True}, "releasing toy")
    with pytest.raises(RuntimeError, match="nbgrader failed while releasing toy:\nno kernel\nat line 3"):
        course.must({"success": False, "error": "no kernel", "log": "at line 3"}, "releasing toy")
    with pytest.raises(RuntimeError, match=r"nbgrader failed while releasing toy:\nat line 3$"):
        course.must({"success": False, "error": None, "log": "at line 3"}, "releasing toy")
    with pytest.raises(RuntimeError, match=r"nbgrader failed while releasing toy:\n$"):
        course.must({"success": False}, "releasing toy")


def test_grading_writes_into_the_graders_folder_unless_told_otherwise():
    assert Path(os.environ.get("STABILITYLAB_GRADING", workspace.ROOT / "autograder")) == course.WORKDIR
