"""Solved notebooks as honest people hand them in. Each function gets the notebook of ``solutions`` and of ``exercises`` as JSON,
and returns what was handed in, and the files beside it."""

import base64
import copy

PIXEL = base64.b64encode(
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU\x00\x00\x00\nIDATx\x9cc`"
    b"\x00\x00\x00\x02\x00\x01H\xaf\xa4q\x00\x00\x00\x00IEND\xaeB`\x82"
).decode()


def code(source):
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}


def text(source):
    return {"cell_type": "markdown", "source": source, "metadata": {}}


def source_of(cell):
    return "".join(cell["source"])


def grade_id(cell):
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def is_answer(cell):
    about = cell["metadata"].get("nbgrader", {})
    return bool(about.get("solution")) and cell["cell_type"] == "code"


def is_words(cell):
    return bool(cell["metadata"].get("nbgrader", {}).get("solution")) and cell["cell_type"] == "markdown"


def each(made, change):
    """Every cell replaced by what ``change`` makes of it: a list of cells."""
    made["cells"] = [new for cell in made["cells"] for new in change(cell)]
    return made


def cells_split(solved, blank):
    """JupyterLab's Split Cell gives both halves the same metadata."""

    def change(cell):
        if not is_answer(cell):
            return [cell]
        helper, rest = copy.deepcopy(cell), copy.deepcopy(cell)
        helper["source"] = "import math as mathematics\n\n\ndef my_root(x):\n    return mathematics.sqrt(x)"
        return [helper, rest]

    return each(solved, change), {}


def answer_in_a_copy(solved, blank):
    """The stub is still there, and the answer stands in a copy below."""
    stubs = {grade_id(cell): cell for cell in blank["cells"] if is_answer(cell)}
    return each(solved, lambda cell: [stubs[grade_id(cell)], cell] if is_answer(cell) else [cell]), {}


def stub_below(solved, blank):
    """The answer stands above a copy of the stub, which was run last."""
    stubs = {grade_id(cell): cell for cell in blank["cells"] if is_answer(cell)}
    return each(solved, lambda cell: [cell, code(stubs[grade_id(cell)]["source"])] if is_answer(cell) else [cell]), {}


def typed_anew(solved, blank):
    """Answer cells deleted, and typed again in new ones."""
    return each(solved, lambda cell: [code(cell["source"])] if is_answer(cell) else [cell]), {}


def all_metadata_lost(solved, blank):
    """As after a trip through another program."""

    def change(cell):
        return [{key: value for key, value in cell.items() if key != "id"} | {"metadata": {}}]

    solved["metadata"], solved["nbformat_minor"] = {}, 4
    return each(solved, change), {}


def through_colab(solved, blank):
    """Colab's own metadata instead of nbgrader's, and its cells at the top."""
    for number, cell in enumerate(solved["cells"]):
        cell["metadata"] = {"id": f"aB{number}", "colab": {"base_uri": "https://localhost:8080/"}}
        cell.pop("id", None)
        cell["source"] = source_of(cell).splitlines(keepends=True)
    badge = text('<a href="https://colab.research.google.com"><img src="badge.svg"></a>')
    solved["cells"] = [badge, code("!pip install -q torch\n%pip install rich"), *solved["cells"]]
    solved["metadata"] = {"colab": {"provenance": []}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return solved, {}


def turned_into_text(solved, blank):
    """Some answers turned raw or Markdown by a key pressed in the wrong mode."""
    kinds = ["raw", "markdown", "code"]

    def change(cell):
        if is_answer(cell):
            kinds.append(kinds.pop(0))
            cell["cell_type"] = kinds[-1]
            for key in ("outputs", "execution_count") if cell["cell_type"] != "code" else ():
                cell.pop(key, None)
        return [cell]

    return each(solved, change), {}


def pictures_pasted(solved, blank):
    """Pictures in a note of one's own and in the answer in one's own words."""
    note = text("What I see:\n\n![image.png](attachment:image.png)") | {"attachments": {"image.png": {"image/png": PIXEL}}}
    gone = text("![old](attachment:gone.png)")

    def change(cell):
        if is_words(cell):
            cell["source"] = source_of(cell) + "\n\n![plot](attachment:7ae2.png)"
            cell["attachments"] = {"7ae2.png": {"image/png": PIXEL}}
        return [cell]

    made = each(solved, change)
    made["cells"] = [*made["cells"][:3], note, gone, *made["cells"][3:]]
    return made, {}


def cells_of_ones_own(solved, blank):
    """Scratch cells: slow, failing, magic; checks in cells of one's own; answers that are timed or captured."""
    mine = [
        code("import a_module_nobody_has"),
        code("x = input('how many? ')"),
        code("from stabilitylab import check\ncheck('a1_clipping/quiz_nan', 'b')"),
        code("%matplotlib inline\n%timeit -n1 -r1 sum(range(10))\n!ls -l\nfiles = !ls"),
        code("import asyncio\nawait asyncio.sleep(0)"),
        code("while True:\n    pass"),
    ]
    magics = ["%%time\n", "%%capture\n"]

    def change(cell):
        if is_answer(cell):
            magics.append(magics.pop(0))
            cell["source"] = magics[-1] + source_of(cell)
        return [cell]

    made = each(solved, change)
    made["cells"] = [*made["cells"][:4], *mine, *made["cells"][4:]]
    return made, {}


def our_cells_edited(solved, blank):
    """Imports added to the set-up, demonstrations changed, code written into the cells of checks."""

    def change(cell):
        if cell["cell_type"] == "code" and not is_answer(cell):
            cell["source"] = "import numpy as np\nseen = []\n" + source_of(cell) + "\nseen.append(np.float64(1))"
        return [cell]

    return each(solved, change), {}


def answers_in_a_module(solved, blank):
    """The answers stand in a file beside the notebook."""
    module = "\n\n".join(
        source_of(cell) for cell in solved["cells"] if is_answer(cell) or (grade_id(cell) or "").startswith("setup")
    )

    def change(cell):
        if not is_answer(cell):
            return [cell]
        cell["source"] = f"import helpers\n{named(cell)} = helpers.{named(cell)}"
        return [cell]

    return each(solved, change), {"helpers.py": module}


def named(cell):
    """What an answer cell defines."""
    line = next(line for line in source_of(cell).splitlines() if line.startswith(("def ", "class ", "answer_")))
    return line.removeprefix("def ").removeprefix("class ").partition("(")[0].partition(":")[0].partition("=")[0].strip()


def words_elsewhere(solved, blank):
    """The text in one's own words stands in a new cell; its own was deleted. And the answers were moved to the end."""
    words = [text(source_of(cell)) for cell in solved["cells"] if is_words(cell)]
    answers = [cell for cell in solved["cells"] if is_answer(cell)]
    others = [cell for cell in solved["cells"] if not is_words(cell) and not is_answer(cell)]
    solved["cells"] = [*others, *words, *answers]
    return solved, {}


KINDS = (
    *(cells_split, answer_in_a_copy, stub_below, typed_anew, all_metadata_lost, through_colab, turned_into_text, pictures_pasted),
    *(cells_of_ones_own, our_cells_edited, answers_in_a_module, words_elsewhere),
)
