"""From solutions/ to exercises/: what is written, what is only compared, and what must never get out."""

import json
import random
import shutil

import nbformat
import pytest

from autograder import orders, release
from autograder.cli import main
from autograder.sandbox.limits import PATIENT
from stabilitylab import exercises, workspace
from stabilitylab.exercises import questions
from stabilitylab.lessons import notebooks
from tests.autograder import toy as made_up
from tests.autograder.toy import NAME, Here
from tests.classroom.handing_in import NAME as REAL


@pytest.fixture
def source(toy, monkeypatch):
    """The made-up assignment's source; its release and its checks go beside it."""
    monkeypatch.setattr(release, "Sandbox", Here)
    return made_up.publish(toy, monkeypatch)


@pytest.fixture
def quick(source, monkeypatch):
    """Releases without nbgrader: the solution with its answers cleared."""

    def generate(name, folder, workdir=None, order=None):
        made = notebooks.derive(release.SOLUTIONS / name / f"{name}.py")
        orders.rearrange(made, order or {})
        for cell in made.cells:
            cell.source = cell.source.partition("### BEGIN SOLUTION")[0]
        path = folder / f"{name}.ipynb"
        path.write_text(nbformat.writes(made))
        return path

    monkeypatch.setattr(release, "generate", generate)
    return source


def released():
    return workspace.EXERCISES / NAME / f"{NAME}.ipynb"


ALL = ["solutions/toy/toy.ipynb", "exercises/toy/toy.ipynb", "data/checks/toy.json"]


def test_a_release_by_nbgrader_has_no_answer_keeps_the_questions_and_is_in_the_gradebook(source, tmp_path):
    from nbgrader.api import Gradebook

    (tmp_path / "grading").mkdir()
    path = release.generate(NAME, tmp_path / "made", tmp_path / "grading", {"quiz_one": "dacb"})
    made = nbformat.read(path, as_version=4)
    assert path == tmp_path / "made" / "release" / NAME / f"{NAME}.ipynb" and release.leaks(NAME, path.read_text()) == []
    cleared = "    # YOUR CODE HERE\n    raise NotImplementedError()"
    assert made_up.cell(made, "double_code").source == f'def double(x):\n    """Twice x."""\n{cleared}'
    assert made_up.cell(made, "quiz_one_code").source.strip().startswith('answer_one = ""')
    assert "NotImplementedError" not in made_up.cell(made, "quiz_one_code").source
    assert orders.choices(made)["quiz_one"][0] == "Last." and orders.choices(made)["quiz_some"][0] == "One."
    assert "twice as much" not in made_up.cell(made, "own_words").source
    assert made_up.cell(made, "double").metadata.nbgrader.points == 4
    assert len(made.cells) == len(made_up.solution().cells)
    assert not (tmp_path / "made" / "gradebook.db").exists()
    with Gradebook(f"sqlite:///{tmp_path / 'grading' / 'gradebook.db'}", "stabilitylab") as gradebook:
        assert gradebook.find_assignment(NAME).max_score == 11
    assert release.generate(NAME, tmp_path / "made", tmp_path / "grading") == path  # again, over what is there
    assert orders.choices(nbformat.read(path, as_version=4))["quiz_one"][3] == "Last."


def test_without_a_folder_of_its_own_the_gradebook_lies_beside_the_release(source, tmp_path):
    release.generate(NAME, tmp_path / "made")
    assert (tmp_path / "made" / "gradebook.db").exists()


def test_a_release_writes_what_changed_and_a_check_writes_nothing(quick):
    assert release.release([NAME], check=True) == release.release([], check=True) == ALL
    assert not released().exists() and not exercises.checks.CHECKS.exists()
    assert release.release([NAME]) == ALL
    assert release.release([NAME]) == release.release([NAME], check=True) == []
    first = released().read_text()
    released().write_text(first + "\n")
    assert release.release([NAME], check=True) == ALL[1:2] and released().read_text() != first
    assert release.release([NAME]) == ALL[1:2] and released().read_text() == first


def test_only_what_was_named_is_released_and_a_wrong_name_is_refused(quick):
    other = release.SOLUTIONS / "other" / "other.py"
    other.parent.mkdir()
    other.write_text("# %% [markdown]\n# # Other\n")
    (release.SOLUTIONS / "other" / "helper.py").write_text("# %%\n")
    assert release.assignments() == ("other", NAME)
    assert release.release([NAME]) == ALL
    with pytest.raises(ValueError, match=r"NAME is 'a9'; the assignments are other, toy$"):
        release.release([NAME, "b9", "a9"])


def test_the_choices_keep_their_order_unless_they_are_shuffled(quick, monkeypatch):
    asked = []
    drawn = {"quiz_one": "dacb", "quiz_some": "badc"}
    monkeypatch.setattr(orders, "drawn", lambda notebook, chance: asked.append(chance) or drawn)
    assert release.order(NAME) == {"quiz_one": "abcd", "quiz_some": "abcd"}
    release.release([NAME])
    assert release.order(NAME) == {"quiz_one": "abcd", "quiz_some": "abcd"} and asked == []
    assert release.release([NAME], shuffle=True) == ALL[1:2]
    assert release.order(NAME) == drawn and isinstance(asked[0], random.SystemRandom)
    shuffled = released().read_bytes()
    assert release.release([NAME]) == release.release([NAME], check=True) == [] and released().read_bytes() == shuffled
    assert release.leaks(NAME, released().read_text()) == []


def test_the_recorded_checks_hold_right_and_wrong_answers_but_no_key(quick, monkeypatch):
    box = Here()
    monkeypatch.setattr(release, "Sandbox", lambda: box)
    text = release.visible_checks(NAME)
    found = json.loads(text)
    assert set(found) == {"double", "near"} and text.endswith("}\n") and "letter" not in text
    right = exercises.given(questions(NAME)["double"].probes[0], exercises.PUBLIC_SEED)["start"]
    assert found["double"]["right"]["small"]["value"] == pytest.approx(2 * random.Random(right).uniform(1, 9), rel=1e-6)
    assert found["near"]["right"] == {"closest": {"value": True}}
    assert [wrong["sentence"] for wrong in found["near"]["wrong"]] == ["You return nothing.", "You stop ten too early."]
    assert list(found["double"]) == sorted(found["double"]) and ": " not in text.replace("settled: ", "")
    assert set(box.limits) == {PATIENT} and box.closed == 1


def test_recorded_numbers_have_seven_digits():
    kept = {"a": [0.123456789, 123456789.0, 3, True, "0.123456789", None], "b": {"c": 1 / 3}}
    assert release._rounded(kept) == {"a": [0.1234568, 123456800.0, 3, True, "0.123456789", None], "b": {"c": 0.3333333}}


def checks(change=lambda kept: None):
    kept = {
        "double": {
            "right": {"small": {"value": 4.0}, "negative": {"value": -4.0}},
            "wrong": [
                {"sentence": "You lose the sign.", "given": {"small": {"value": 4.0}, "negative": {"value": 4.0}}},
                {"sentence": "You raise.", "given": {"small": {"error": "ValueError"}, "negative": {"error": "ValueError"}}},
            ],
        }
    }
    change(kept)
    return kept


def given(kept, number):
    return kept["double"]["wrong"][number]["given"]


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: None,
        lambda kept: kept["double"]["right"]["small"].update(value=4.00001),
        lambda kept: given(kept, 0)["small"].update(value=4.00001),
    ],
)
def test_what_differs_between_machines_does_not_make_a_new_release_of_the_checks(toy, change):
    assert release._same_checks(NAME, checks(), checks(change))
    assert release._same_checks(NAME, checks(change), checks())


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: kept["double"]["right"]["small"].update(value=4.01),
        lambda kept: kept["double"]["right"].update(negative={"error": "ValueError"}),
        lambda kept: kept["double"]["right"].pop("negative"),
        lambda kept: given(kept, 0)["negative"].update(value=5.0),
        lambda kept: given(kept, 0)["negative"].update(value=-4.0),  # nothing is wrong with it any more
        lambda kept: given(kept, 1).update(given(kept, 0)),
        lambda kept: given(kept, 1).update(negative={"value": 3.0}),  # it would not be told any more that it raises
        lambda kept: kept["double"]["wrong"][0].update(sentence="You lose it."),
        lambda kept: kept["double"]["wrong"].reverse(),
        lambda kept: kept["double"]["wrong"].pop(),
        lambda kept: kept.update(near=kept["double"]),
    ],
)
def test_whatever_else_changed_in_the_checks_is_noticed(toy, change):
    assert not release._same_checks(NAME, checks(), checks(change))


def test_new_checks_are_written_and_reported(quick):
    release.release([NAME])
    path = exercises.checks.CHECKS / f"{NAME}.json"
    first, kept = path.read_text(), json.loads(path.read_text())
    kept["double"]["right"]["small"]["value"] += 1
    path.write_text(json.dumps(kept))
    assert release.release([NAME], check=True) == ALL[2:] and path.read_text() != first
    assert release.release([NAME]) == ALL[2:] and path.read_text() == first


def clean(more=""):
    """A released notebook without leaks, and more text in it."""
    made = made_up.solution()
    for cell in made.cells:
        cell.source = cell.source.partition("### BEGIN SOLUTION")[0]
    made.cells.append(nbformat.v4.new_markdown_cell(more))
    return nbformat.writes(made)


@pytest.mark.parametrize(
    "more, said",
    [
        ("", []),
        ("return x + x", []),
        ("### BEGIN SOLUTION", ["it holds 'BEGIN SOLUTION'"]),
        ("### END SOLUTION", ["it holds 'END SOLUTION'"]),
        ("### BEGIN HIDDEN TESTS", ["it holds 'HIDDEN TESTS'"]),
        ("Write it so: `return 2 * x`", ["it holds the answer of double_code"]),
        ("It is twice as much.", ["it holds the answer of own_words"]),
        ("answer_one = 'b'", ["it holds the key of quiz_one"]),
        ('answer_some="a"', ["it holds the key of quiz_some"]),
        ('answer_some  =  ""', []),
        ("It is not the third.", ["it holds the key of quiz_one"]),
        ("Twice three is six, and even.", ["it holds the key of quiz_some"]),
        ('return 2 * x\nanswer_one = "c"', ["it holds the answer of double_code", "it holds the key of quiz_one"]),
    ],
)
def test_each_kind_of_leak_is_found(source, more, said):
    assert release.leaks(NAME, clean(more)) == said


@pytest.mark.parametrize("leak", ["answer_one = 'b'", "It is not the third."])
def test_what_gives_an_answer_away_is_not_released(quick, leak):
    quick.write_text(made_up.SOURCE.replace("# # Twice", f"# # Twice\n#\n# {leak}"))
    with pytest.raises(RuntimeError, match="toy must not be released: it holds the key of quiz_one"):
        release.release([NAME], check=True)


# the course's own


@pytest.mark.parametrize("name", release.assignments())
def test_no_answer_and_no_key_is_released(name):
    released = (workspace.EXERCISES / name / f"{name}.ipynb").read_text()
    assert release.leaks(name, released) == []
    assert len(release.leaks(name, (workspace.ROOT / "solutions" / name / f"{name}.ipynb").read_text())) >= 8
    quizzes = {grade_id for grade_id, question in questions(name).items() if question.options}
    assert len(quizzes) >= 3
    assert not quizzes & set(json.loads((workspace.DATA / "checks" / f"{name}.json").read_text()))


@pytest.mark.slow
def test_what_is_released_is_exactly_what_the_source_gives():
    assert release.release([REAL], check=True) == []  # the others: `autograder release --check`, in .ci/run


@pytest.mark.slow
def test_the_check_notices_an_edited_release(monkeypatch, tmp_path, capsys):
    shutil.copytree(workspace.EXERCISES, tmp_path / "exercises")
    edited = tmp_path / "exercises" / REAL / f"{REAL}.ipynb"
    edited.write_text(edited.read_text().replace("8 points", "9 points", 1))
    monkeypatch.setattr(workspace, "EXERCISES", tmp_path / "exercises")
    assert main(["release", REAL, "--check"]) == 1
    assert "exercises/a1_clipping/a1_clipping.ipynb differs" in capsys.readouterr().out


@pytest.mark.slow
def test_an_assignment_that_would_give_an_answer_away_is_not_released(tmp_path, monkeypatch, capsys):
    source = (workspace.ROOT / "solutions" / REAL / f"{REAL}.py").read_text()
    shutil.copytree(workspace.EXERCISES, tmp_path / "exercises")
    (tmp_path / "solutions" / REAL).mkdir(parents=True)
    monkeypatch.setattr(release, "SOLUTIONS", tmp_path / "solutions")
    monkeypatch.setattr(workspace, "EXERCISES", tmp_path / "exercises")
    body = "if p.grad is not None:\n#             p.grad.clamp_(-clip_value, clip_value)"
    hint = f"# By the way:\n#\n#     for p in parameters:\n#         {body}\n#\n"
    for leak in (
        source.replace('answer_nan = ""', 'answer_nan = "d"'),
        source.replace("# <details><summary>Hint</summary>\n# Tensors", hint + "# Tensors"),
    ):
        (tmp_path / "solutions" / REAL / f"{REAL}.py").write_text(leak)
        assert main(["release", REAL]) == 2
        assert "must not be released" in capsys.readouterr().err
