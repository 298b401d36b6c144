"""What tests of the grader hand in."""

import nbformat

from stabilitylab import workspace

NAME = "a1_clipping"


def notebook(folder):
    """An assignment as ``solutions`` or ``exercises`` has it."""
    return nbformat.read(workspace.ROOT / folder / NAME / f"{NAME}.ipynb", as_version=4)


def cell(made, grade_id):
    """A cell of a notebook, or of its JSON."""
    return next(c for c in made["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def hand_in(folder, student, made):
    """Puts a notebook, or the text of its file, where the grader looks for it."""
    path = folder / student / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(made if isinstance(made, str) else nbformat.writes(made))
