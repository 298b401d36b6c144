import re

import nbformat
import pytest

from autograder import release
from stabilitylab.claims import verdicts
from stabilitylab.lessons import notebooks, proofreading
from stabilitylab.questions import bank

SOURCES = sorted(notebooks.LESSONS.glob("[0-9]*.py"))
names = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
all_names = pytest.mark.parametrize("source", sorted(notebooks.LESSONS.glob("*.py")), ids=lambda path: path.stem)
lessons = pytest.mark.parametrize("source", SOURCES[1:], ids=lambda path: path.stem)
SECTIONS = (
    "**You will be able to**",
    "**Time**",
    "**You need**",
    "### What this does not show",
    "**At 7B parameters**",
    "## What you predicted",
    "## In the interview, in three sentences",
    "## What to log in your own runs",
    "## Try it yourself",
    "**Assignment:**",
    "## Quiz",
    "## References",
)


def kept(source):
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


@all_names
def test_the_notebook_is_what_its_source_gives(source):
    assert not notebooks.differs(source), "run `make notebooks`"


@names
def test_code_cells_are_short_and_prose_leads(source):
    cells = kept(source).cells
    assert cells[0].cell_type == "markdown"
    assert all(len(cell.source.splitlines()) <= 40 for cell in cells if cell.cell_type == "code")
    assert words(cells) > 1000


def words(cells):
    return sum(len(cell.source.split()) for cell in cells if cell.cell_type == "markdown")


@lessons
def test_a_lesson_has_every_part(source):
    cells = kept(source).cells
    prose, code = ("\n".join(c.source for c in cells if c.cell_type == kind) for kind in ("markdown", "code"))
    assert re.match(r"# \d\d · .+\n", prose)
    assert "**On trial:**" in prose or "**Claim of this lesson:**" in prose
    assert [section for section in SECTIONS if section not in prose] == []
    assert "live.panel(" in code or "live.explore(" in code
    assert f'quiz("{source.stem[:2]}")' in code
    assert 1500 <= words(cells) <= 3100


@lessons
def test_a_prediction_is_made_before_anything_runs_and_shown_again_at_the_end(source):
    code = "\n".join(c.source for c in kept(source).cells if c.cell_type == "code")
    made, reviewed = (re.findall(rf'predictions\.{call}\(\s*"([^"]+)"', code) for call in ("predict", "review"))
    assert made and set(made) <= set(reviewed)
    first_run = re.search(r"live\.panel\(|\.run\(|plots\.", code)
    assert first_run is None or code.index("predictions.predict(") < first_run.start()


def test_every_claim_gets_its_verdict_in_the_lesson_that_the_ledger_names():
    for claim in verdicts.load():
        (source,) = [source for source in SOURCES if source.stem[:2] == claim.lesson[:2]]
        shown = re.findall(r"ledger\.verdicts\(([^)]*)\)", source.read_text())
        assert any(f'"{claim.id}"' in ids for ids in shown), f"{source.stem} does not show the verdict on {claim.id}"


@lessons
def test_a_quiz_asks_at_least_five_questions_and_no_letter_is_always_right(source):
    asked = bank.select(source.stem[:2])
    assert len(asked) >= 5 and {question.lesson for question in asked} == {source.stem}
    singles = [question.answer for question in asked if question.kind == "single"]
    assert max(map(singles.count, singles)) <= max(2, len(singles) // 2)


@all_names
def test_every_number_in_the_prose_is_computed_recorded_or_sourced(source):
    assert proofreading.unsupported(kept(source)) == []


@all_names
def test_every_picture_has_alt_text_and_nothing_was_printed_to_stderr(source):
    outputs = [output for cell in kept(source).cells if cell.cell_type == "code" for output in cell.outputs]
    assert not any(output.output_type == "error" or output.get("name") == "stderr" for output in outputs)
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert pictures
    assert all(len(picture.metadata["image/png"]["alt"]) > 80 for picture in pictures)


@all_names
def test_a_notebook_stays_small_and_shows_no_machine(source):
    text = source.with_suffix(".ipynb").read_text()
    assert len(text) < 1.5e6
    assert str(notebooks.LESSONS.parent) not in text and "/tmp/" not in text


@pytest.mark.slow
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
