"""A submission rebuilt on the release notebook: whatever people do to cells, their code is run and their words are read."""

import nbformat
import pytest

from autograder import rebuilding
from autograder.rebuilding import defined, is_prose, rebuild
from autograder.sandbox.host import Code
from autograder.submissions import Cell


def ours(kind, source, grade_id=None, **nbgrader):
    made = nbformat.v4.new_code_cell(source) if kind == "code" else nbformat.v4.new_markdown_cell(source)
    if grade_id:
        about = {"grade_id": grade_id, "solution": False, "grade": False, "locked": True, "schema_version": 3}
        made.metadata["nbgrader"] = nbformat.from_dict(about | nbgrader)
    return made


STUB = "def double(x):\n    raise NotImplementedError()"
ANSWER = "def double(x):\n    return 2 * x"


@pytest.fixture
def blank():
    made = nbformat.v4.new_notebook()
    made.cells = [
        ours("code", "import math", "setup"),
        ours("markdown", "A word."),
        ours("code", STUB, "double_code", solution=True),
        ours("code", "check(double)", "double", grade=True, points=4),
        ours("markdown", "*Your answer.*", "words", grade=True, solution=True, points=3),
        ours("code", "plot()", "show"),
        ours("code", 'answer_one = ""', "quiz_code", solution=True),
    ]
    made.cells[5].metadata["tags"] = [rebuilding.DEMO_TAG]
    return made


def rebuilt(blank, *submitted):
    """What is made of cells, each (kind, source) or (kind, source, grade_id)."""
    return rebuild(blank, [Cell(*[*cell, None][:3], position=at) for at, cell in enumerate(submitted, start=1)])


def sources(made):
    return [cell.source for cell in made.notebook.cells]


def own(made):
    """The sources that are run of the learner's own."""
    return [code.source for code in made.code if code.position is not None]


RELEASED = ["import math", "A word.", STUB, "check(double)", "*Your answer.*", "plot()", 'answer_one = ""']


def test_answers_stand_in_their_cells_and_are_run_after_what_the_release_defines(blank):
    made = rebuilt(
        blank,
        ("code", "import math", "setup"),
        ("code", ANSWER, "double_code"),
        ("code", "check(double)", "double"),
        ("markdown", "Because.", "words"),
        ("code", "answer_one = 'b'", "quiz_code"),
    )
    assert sources(made) == ["import math", "A word.", ANSWER, "check(double)", "Because.", "plot()", "answer_one = 'b'"]
    assert made.code == [
        *(Code("import math"), Code(STUB), Code('answer_one = ""')),
        *(Code(ANSWER, True, 2), Code("answer_one = 'b'", True, 5)),
    ]
    assert made.notes == [] and [cell.source for cell in blank.cells] == RELEASED  # it serves the next student too


def test_what_was_deleted_is_there_again(blank):
    made = rebuilt(blank)
    assert sources(made) == RELEASED and own(made) == [] and made.notes == []


def test_cells_as_they_were_released_are_not_run_again(blank):
    made = rebuilt(blank, *[("code" if cell.cell_type == "code" else "markdown", f"{cell.source}\n") for cell in blank.cells])
    assert sources(made) == RELEASED and own(made) == []


def test_a_copied_cell_counts_and_a_stub_kept_beside_it_does_not(blank):
    for cells in (
        [("code", STUB, "double_code"), ("code", ANSWER, "double_code")],
        [("code", ANSWER, "double_code"), ("code", STUB, "double_code")],
        [("code", STUB, "double_code"), ("code", ANSWER)],
        [("code", ANSWER), ("code", STUB, "double_code")],
    ):
        made = rebuilt(blank, *cells)
        assert sources(made)[2] == ANSWER and STUB not in sources(made) and own(made) == [ANSWER], cells
    both = rebuilt(blank, ("code", ANSWER, "double_code"), ("code", ANSWER + " + 1", "double_code"))
    assert own(both) == [ANSWER, ANSWER + " + 1"] == sources(both)[2:4]
    twice = rebuilt(blank, ("code", ANSWER, "double_code"), ("code", ANSWER, "double_code"))
    assert own(twice) == [ANSWER] and sources(twice).count(ANSWER) == 1


@pytest.mark.parametrize("second", ["double_code", None])
def test_the_halves_of_a_split_cell_are_run_and_shown_in_order(blank, second):
    halves = ["def half(x):\n    return x", "def double(x):\n    return 2 * half(x)"]
    made = rebuilt(blank, ("code", halves[0], "double_code"), ("code", halves[1], second))
    assert own(made) == halves == sources(made)[2:4] and all(code.needed for code in made.code[3:])


def test_a_retyped_cell_is_found_by_what_it_defines(blank):
    made = rebuilt(blank, ("code", "import math", "setup"), ("code", "helper = 1"), ("code", ANSWER))
    assert sources(made)[:4] == ["import math", "helper = 1", "A word.", ANSWER] and own(made) == ["helper = 1", ANSWER]
    assert made.notes == ["double was found in cell 3, by what that cell defines."]


def test_the_last_of_several_retyped_cells_stands_in_its_place(blank):
    made = rebuilt(blank, ("code", ANSWER), ("code", ANSWER + " + 0"))
    assert sources(made)[:4] == [ANSWER, "import math", "A word.", ANSWER + " + 0"] and own(made) == [ANSWER, ANSWER + " + 0"]


def test_a_notebook_without_any_metadata_is_graded_all_the_same(blank):
    texts = ["import math", "A word.", ANSWER, "check(double)", "Because.", "plot()", "answer_one = 'b'"]
    made = rebuilt(blank, *[("markdown" if at in (1, 4) else "code", text) for at, text in enumerate(texts)])
    assert own(made) == [ANSWER, "answer_one = 'b'"] and sources(made) == texts


@pytest.mark.parametrize("kind", ["raw", "markdown"])
@pytest.mark.parametrize("grade_id", ["double_code", None])
def test_an_answer_that_was_turned_into_text_is_run(blank, kind, grade_id):
    made = rebuilt(blank, (kind, ANSWER, grade_id))
    assert own(made) == [ANSWER] and sources(made)[2] == ANSWER and made.notebook.cells[2].cell_type == "code"


def test_text_that_holds_an_older_answer_is_not_run_beside_the_code(blank):
    made = rebuilt(blank, ("raw", ANSWER + " + 1"), ("code", ANSWER, "double_code"), ("markdown", "Because.", "words"))
    assert own(made) == [ANSWER]


@pytest.mark.parametrize("grade_id", ["setup", "double", "show"])
def test_a_helper_in_a_locked_or_a_demonstration_cell_is_run(blank, grade_id):
    source = {"setup": "import math", "double": "check(double)", "show": "plot()"}[grade_id] + "\ndef helper(): ..."
    made = rebuilt(blank, ("code", source, grade_id), ("code", ANSWER, "double_code"))
    assert own(made) == [source, ANSWER] and source in sources(made)
    assert [code.needed for code in made.code if code.position] == [False, True]


def test_an_answer_beside_the_setup_is_found(blank):
    made = rebuilt(blank, ("code", "import math\n" + ANSWER, "setup"))
    assert own(made) == ["import math\n" + ANSWER] and sources(made)[2] == "import math\n" + ANSWER
    assert made.notes == ["double was found in cell 1, by what that cell defines."]


def test_cells_in_another_order_are_run_in_the_learners(blank):
    quiz, answer = ("code", "answer_one = 'b'", "quiz_code"), ("code", ANSWER, "double_code")
    made = rebuilt(blank, quiz, answer, ("code", "x = 1"), ("code", "import math", "setup"))
    assert own(made) == ["answer_one = 'b'", ANSWER, "x = 1"]
    assert [text for text in sources(made) if text in (ANSWER, "answer_one = 'b'")] == [ANSWER, "answer_one = 'b'"]


def test_cells_of_ones_own_stay_where_they_stood(blank):
    made = rebuilt(
        blank,
        ("code", "before = 1"),
        ("markdown", "A word."),  # ours, though it has no name
        ("code", "import math", "setup"),
        ("code", "helper = 1"),
        ("markdown", "A note."),
        ("code", ANSWER, "double_code"),
        ("markdown", "Because.", "words"),
        ("code", "import math", "setup"),  # again: it is run once
        ("code", "after = 1", "not_ours"),
    )
    assert sources(made) == [
        *("before = 1", "import math", "helper = 1", "A note.", "after = 1", "A word."),
        *(ANSWER, "check(double)", "Because.", "plot()", 'answer_one = ""'),
    ]
    assert own(made) == ["before = 1", "helper = 1", ANSWER, "after = 1"]
    assert [cell.id for cell in made.notebook.cells] == [f"cell-{number:03d}" for number in range(len(made.notebook.cells))]
    nbformat.validate(made.notebook)


# words


def words(made):
    return next(cell.source for cell in made.notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "words")


@pytest.mark.parametrize(
    "cell",
    [
        ("markdown", "It is because twice is two times as much."),
        ("raw", "It is because twice is two times as much."),
        ("code", "It is because twice is two times as much."),
        ("code", "It is because twice is two times as much.", "words"),
        ("raw", "It is because twice is two times as much.", "words"),
        ("markdown", "It is because twice is two times as much.", "not_ours"),
    ],
)
def test_words_that_lost_their_cell_are_shown_to_a_person_and_not_run(blank, cell):
    made = rebuilt(blank, ("code", ANSWER, "double_code"), cell)
    assert words(made) == "It is because twice is two times as much." and own(made) == [ANSWER]
    if cell[2:] != ("words",):
        assert made.notes == ["words was empty; it shows what stands in cell 2."]


def test_several_texts_are_shown_together_and_other_texts_stay_when_nothing_is_missing(blank):
    split = rebuilt(blank, ("markdown", "One.", "words"), ("markdown", "Two.", "words"))
    assert words(split) == "One.\n\nTwo."
    lost = rebuilt(blank, ("markdown", "One."), ("markdown", "Two."))
    assert words(lost) == "One.\n\nTwo." and lost.notes == ["words was empty; it shows what stands in cell 1, 2."]
    kept = rebuilt(blank, ("markdown", "Because.", "words"), ("markdown", "A note."))
    assert words(kept) == "Because." and "A note." in sources(kept) and kept.notes == []


def test_code_of_ones_own_is_no_text(blank):
    made = rebuilt(blank, ("code", "x = 1"), ("code", "def broken(x):\n    return x +* (x[0] - y) / 2"))
    assert words(made) == "*Your answer.*" and len(own(made)) == 2


def test_a_picture_that_is_not_there_does_not_stop_the_page(blank):
    made = rebuilt(blank, ("markdown", "![x](attachment:x.png)", "words"))
    assert words(made) == "![x](attachment x.png)"


# what a cell is


def test_only_a_locked_code_cell_with_points_is_a_test(blank):
    assert [rebuilding.is_test(cell) for cell in blank.cells] == [False, False, False, True, False, False, False]
    assert not rebuilding.is_test(ours("code", "x", "essay", grade=True, solution=True, points=1))
    assert not rebuilding.is_test(ours("markdown", "x", "task", grade=True, points=1))


@pytest.mark.parametrize(
    "source, names",
    [
        ("def f(): ...", {"f"}),
        ("async def f(): ...", {"f"}),
        ("class C:\n    x = 1", {"C"}),
        ("f = lambda x: (y := x)", {"f"}),
        ("a = b = 1\nc, (d, *e) = 1, (2, 3)", {"a", "b", "c", "d", "e"}),
        ("if x:\n    a = 1\nelse:\n    def b(): ...", {"a", "b"}),
        ("for i in range(3):\n    j = i", {"i", "j"}),
        ("with open('x') as f:\n    pass", {"f"}),
        ("try:\n    import a\nexcept E:\n    a = None", {"a"}),
        ("import a.b\nfrom c import d as e", {"a", "e"}),
        ("x: int = 3", {"x"}),
        ("[y for y in z]", set()),
        ("print(x)\nx.y = 1\nz[0] = 2", set()),
        ("%%time\nf = 1", {"f"}),
        ("%%capture out\ndef f(): ...", {"f"}),
        ("%matplotlib inline\nf = 1", {"f"}),
        ("!ls\nf = 1", {"f"}),
        ("f = await g()", {"f"}),
        ("def f(:", set()),
        ("", set()),
        ("\0", set()),
        ("(" * 5000, set()),
    ],
)
def test_the_names_that_a_cell_defines(source, names):
    assert defined(source) == names


@pytest.mark.parametrize(
    "source, prose",
    [
        ("It is because twice is two times as much.", True),
        ("Twice.", False),
        ("x = 1", False),
        ("the_answer", False),
        ("def f(x) return x + 1 if x > 0 else (x - 1) * 2", False),
        ("", False),
    ],
)
def test_what_counts_as_words_in_a_code_cell(source, prose):
    assert is_prose(Cell("code", source)) is prose and not is_prose(Cell("markdown", source))
