"""New versions reach a learner, and what a learner wrote is never lost."""

import json
import re
import subprocess
import sys

import nbformat
import pytest

from stabilitylab import delivery, workspace

LESSON = "notebooks/01_lesson.ipynb"
NEW = "notebooks/01_lesson-new-version.ipynb"


@pytest.fixture
def course(tmp_path):
    """A course of one lesson and one exercise, in the layout of the repository."""
    publish(tmp_path, "first")
    publish(tmp_path, "first", "exercises/a1/a1.ipynb")
    return tmp_path


def publish(course, text, name=LESSON):
    """A notebook as the repository has it: executed."""
    cells = [nbformat.v4.new_markdown_cell(f"# {text}"), nbformat.v4.new_code_cell(f"print('{text}')")]
    cells[1].outputs, cells[1].execution_count = [nbformat.v4.new_output("stream", text="the answer")], 1
    path = course / name
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def edit(name=LESSON, text="my own words"):
    path = workspace.WORK / name
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].source += f"\n# {text}"
    nbformat.write(notebook, path)


def text_of(name=LESSON):
    return "\n".join(cell.source for cell in nbformat.read(workspace.WORK / name, as_version=4).cells)


def copies():
    return sorted(path.relative_to(workspace.WORK).as_posix() for path in workspace.WORK.rglob("*.ipynb"))


def test_a_learner_gets_lessons_without_outputs_and_the_originals_keep_theirs(course):
    (said,) = delivery.deliver(course)
    assert said.startswith("New: exercises/a1/a1.ipynb, notebooks/01_lesson.ipynb")
    copy = nbformat.read(workspace.WORK / LESSON, as_version=4)
    nbformat.validate(copy)
    assert "the answer" not in (workspace.WORK / LESSON).read_text() and copy.cells[1].execution_count is None
    assert "the answer" in (course / LESSON).read_text()
    assert copies() == ["exercises/a1/a1.ipynb", LESSON]
    assert delivery.deliver(course) == []


def test_a_copy_that_was_not_edited_becomes_the_new_version(course):
    delivery.deliver(course)
    publish(course, "second")
    (said,) = delivery.deliver(course)
    assert said.startswith("Brought up to date") and LESSON in said
    assert "second" in text_of() and len(copies()) == 2
    assert delivery.deliver(course) == []


def test_running_and_saving_is_no_edit(course):
    delivery.deliver(course)
    path = workspace.WORK / LESSON
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["language_info"] = {"name": "python", "version": "3.13.0"}
    notebook.cells[1].outputs, notebook.cells[1].execution_count = [nbformat.v4.new_output("stream", text="run")], 7
    notebook.cells[1].metadata["execution"] = {"iopub.status.busy": "now"}
    notebook.cells.append(nbformat.v4.new_code_cell(""))  # as Shift+Enter leaves it after the last cell
    path.write_text(json.dumps(notebook, indent=4))  # and laid out differently
    publish(course, "second")
    delivery.deliver(course)
    assert "second" in text_of() and len(copies()) == 2


def test_an_edited_copy_stays_and_the_new_version_is_put_beside_it_once(course):
    delivery.deliver(course)
    edit()
    mine = (workspace.WORK / LESSON).read_bytes()
    assert delivery.deliver(course) == []
    publish(course, "second")
    (said,) = delivery.deliver(course)
    assert "You have edited notebooks/01_lesson.ipynb" in said and said.endswith("01_lesson-new-version.ipynb")
    assert (workspace.WORK / LESSON).read_bytes() == mine and "second" in text_of(NEW)
    assert delivery.deliver(course) == []
    (workspace.WORK / NEW).unlink()
    assert delivery.deliver(course) == [] and NEW not in copies(), "who throws it away does not want it"
    publish(course, "third")
    delivery.deliver(course)
    assert (workspace.WORK / LESSON).read_bytes() == mine and "third" in text_of(NEW)


def test_a_later_version_replaces_the_one_beside_unless_that_was_edited_too(course):
    delivery.deliver(course)
    edit()
    for text in ("second", "third"):
        publish(course, text)
        delivery.deliver(course)
    assert "third" in text_of(NEW) and len(copies()) == 3
    edit(NEW, "moved over to the new one")
    publish(course, "fourth")
    delivery.deliver(course)
    assert "moved over" in text_of(NEW) and "fourth" in text_of("notebooks/01_lesson-new-version-2.ipynb")


def test_who_takes_the_new_version_over_gets_the_next_one_in_place(course):
    delivery.deliver(course)
    edit()
    publish(course, "second")
    delivery.deliver(course)
    (workspace.WORK / NEW).replace(workspace.WORK / LESSON)
    publish(course, "third")
    delivery.deliver(course)
    assert "third" in text_of() and len(copies()) == 2


def test_a_deleted_copy_comes_back(course):
    delivery.deliver(course)
    (workspace.WORK / LESSON).unlink()
    delivery.deliver(course)
    assert "first" in text_of()


@pytest.mark.parametrize("record", [None, "{half", '{"version": 99}'])
def test_without_its_record_every_copy_that_differs_counts_as_edited(course, record):
    delivery.deliver(course)
    edit()
    kept = workspace.WORK / ".delivered.json"
    kept.unlink() if record is None else kept.write_text(record)
    publish(course, "second")
    said = delivery.deliver(course)[-1]
    assert "my own words" in text_of() and "second" in text_of(NEW)
    assert said.startswith(f"{LESSON} may hold edits of yours"), "it is not known who changed it"


@pytest.mark.parametrize("content", [b"", b"{half a notebook", b'{"cells": 3}', b"[]", b"\xff\xfe"])
def test_a_copy_that_cannot_be_read_is_kept(course, content):
    delivery.deliver(course)
    (workspace.WORK / LESSON).write_bytes(content)
    publish(course, "second")
    delivery.deliver(course)
    assert (workspace.WORK / LESSON).read_bytes() == content and "second" in text_of(NEW)


def test_a_delivery_that_breaks_off_is_finished_by_the_next(course, monkeypatch):
    delivery.deliver(course)
    edit("exercises/a1/a1.ipynb")
    for name in (LESSON, "exercises/a1/a1.ipynb"):
        publish(course, "second", name)
    monkeypatch.setattr(workspace, "save", lambda *_: None)  # the files are written, the record is not
    delivery.deliver(course)
    monkeypatch.undo()
    monkeypatch.setattr(workspace, "WORK", course / "work")
    delivery.deliver(course)
    beside = "exercises/a1/a1-new-version.ipynb"
    assert copies() == [beside, "exercises/a1/a1.ipynb", LESSON]
    assert "second" in text_of() and "second" in text_of(beside) and "my own words" in text_of("exercises/a1/a1.ipynb")
    assert delivery.deliver(course) == []


def test_every_link_of_a_lesson_leads_somewhere_beside_the_copy_and_in_the_repository():
    delivery.deliver()
    lessons = sorted((workspace.WORK / "notebooks").glob("*.ipynb"))
    assert len(lessons) == len(list((workspace.ROOT / "notebooks").glob("*.ipynb"))) == 13
    followed = 0
    for lesson in lessons:
        text = "\n".join(c.source for c in nbformat.read(lesson, as_version=4).cells if c.cell_type == "markdown")
        for link in re.findall(r"\]\(((?!https?:|#)[^)\s#]+\.(?:ipynb|md))", text):
            original = workspace.ROOT / "notebooks" / link
            assert (lesson.parent / link).is_file() and original.is_file(), f"{lesson.name}: {link}"
            assert (lesson.parent / link).resolve().is_relative_to(workspace.WORK.resolve())
            followed += 1
    assert followed > 100
    for page in (workspace.WORK / "docs").glob("*.md"):
        for link in re.findall(r"\]\(((?!https?:|#)[^)\s#]+)", page.read_text()):
            assert (page.parent / link).is_file(), f"{page.name}: {link}"


def test_no_lesson_is_delivered_with_an_output():
    delivery.deliver()
    for path in workspace.WORK.rglob("*.ipynb"):
        assert all(not cell.get("outputs") for cell in nbformat.read(path, as_version=4).cells), path.name


def test_delivering_loads_neither_pytorch_nor_nbformat():
    code = (
        "import sys\nfrom stabilitylab.cli import main\nassert main(['deliver']) == 0\n"
        "assert not {'torch', 'nbformat', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
