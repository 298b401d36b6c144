import nbformat
import pytest

from autograder import release
from stabilitylab import notebooks

SOURCES = sorted(notebooks.LESSONS.glob("[0-9]*.py"))
names = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def kept(source):
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


@names
def test_the_notebook_is_what_its_source_gives(source):
    assert not notebooks.differs(source), "run `make notebooks`"


@names
def test_code_cells_are_short_and_prose_leads(source):
    cells = kept(source).cells
    assert cells[0].cell_type == "markdown"
    assert all(len(cell.source.splitlines()) <= 40 for cell in cells if cell.cell_type == "code")
    assert sum(len(cell.source.split()) for cell in cells if cell.cell_type == "markdown") > 1000


@names
def test_every_picture_has_alt_text_and_nothing_was_printed_to_stderr(source):
    outputs = [output for cell in kept(source).cells if cell.cell_type == "code" for output in cell.outputs]
    assert not any(output.output_type == "error" or output.get("name") == "stderr" for output in outputs)
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert pictures
    assert all(len(picture.metadata["image/png"]["alt"]) > 80 for picture in pictures)


@names
def test_a_notebook_stays_small_and_shows_no_machine(source):
    text = source.with_suffix(".ipynb").read_text()
    assert len(text) < 1.5e6
    assert str(notebooks.LESSONS.parent) not in text and "/tmp/" not in text


@names
def test_a_lesson_runs_top_to_bottom_in_a_fresh_kernel(source):
    notebook = notebooks.derive(source)
    notebooks.execute(notebook, notebooks.LESSONS)
    assert [cell.get("execution_count") for cell in notebook.cells if cell.cell_type == "code"] == list(
        range(1, 1 + sum(cell.cell_type == "code" for cell in notebook.cells))
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", release.assignments())
def test_a_solved_assignment_runs_top_to_bottom_and_draws_with_alt_text(name, tmp_path):
    notebook = notebooks.derive(release.SOLUTIONS / name / f"{name}.py")
    notebooks.execute(notebook, tmp_path)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not any(output.output_type == "error" or output.get("name") == "stderr" for output in outputs)
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert pictures and all(len(picture.metadata["image/png"]["alt"]) > 80 for picture in pictures)
    assert all(len(cell.source.splitlines()) <= 40 for cell in notebook.cells if cell.cell_type == "code")


def test_a_changed_source_is_noticed(tmp_path):
    source = tmp_path / "lesson.py"
    source.write_text("# %% [markdown]\n# Words.\n\n# %%\nx = 1\n")
    assert notebooks.differs(source)
    notebooks.write(notebooks.derive(source), source.with_suffix(".ipynb"))
    assert not notebooks.differs(source)
    source.write_text(source.read_text().replace("x = 1", "x = 2"))
    assert notebooks.differs(source)
