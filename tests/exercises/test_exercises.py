import contextlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from autograder import bank, release
from autograder.expected import REFERENCES
from stabilitylab import exercises
from stabilitylab.exercises import CheckFailed, check
from stabilitylab.exercises.values import encode, same
from stabilitylab.training.loop import train


def reference(assignment="a1_clipping"):
    namespace = {}
    exec((REFERENCES / f"{assignment}.py").read_text(), namespace)
    return namespace


def answer(question, name, assignment="a1_clipping"):
    """A function of the bank, with the reference's other functions around it."""
    namespace = reference(assignment)
    source = next(a.source for a in bank.answers(assignment) if (a.question, a.name) == (question, name))
    exec(source, namespace)
    return namespace[exercises.questions(assignment)[question].target]


CODE = [
    (assignment, grade_id)
    for assignment in release.assignments()
    for grade_id, question in exercises.questions(assignment).items()
    if not question.options
]


@pytest.mark.parametrize("assignment, question", CODE)
def test_the_visible_checks_pass_a_right_answer_and_say_so(assignment, question, capsys):
    target = exercises.questions(assignment)[question].target
    check(f"{assignment}/{question}", reference(assignment)[target])
    assert "checks pass" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("assignment", release.assignments())
def test_the_visible_checks_pass_every_right_answer_of_the_bank(assignment, capsys):
    for right in (a for a in bank.answers(assignment) if a.right):
        check(f"{assignment}/{right.question}", answer(right.question, right.name, assignment))
        assert "checks pass" in capsys.readouterr().out, right.name


ELSEWHERE = {
    "another Python's text": {},
    "a processor without vector instructions": {"ATEN_CPU_CAPABILITY": "default", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"},
    "AVX2, and a processor's own order of sums": {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "COMPATIBLE"},
    "two threads": {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"},
}


@pytest.mark.slow
@pytest.mark.parametrize("where", ELSEWHERE)
def test_the_visible_checks_pass_right_answers_on_other_machines(where, tmp_path):
    """The same checks in a Python that ships another edition of its reference, and with the arithmetic of other processors."""
    (tmp_path / "pydoc_data").mkdir()
    (tmp_path / "pydoc_data" / "__init__.py").touch()
    (tmp_path / "pydoc_data" / "topics.py").write_text("topics = {'assert': 'another edition of the text. ' * 20000}")
    arguments = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    arguments += ["-k", "visible_checks_pass_a_right_answer or reference_agrees"]
    environment = (
        os.environ | {"PYTHONPATH": str(tmp_path), "STABILITYLAB_TESTED_WORK": str(tmp_path / "work")} | ELSEWHERE[where]
    )
    shipped = "import pydoc_data.topics as t; assert len(t.topics) == 1"
    subprocess.run([sys.executable, "-c", shipped], env=environment, check=True)
    run = subprocess.run(arguments, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:]


@pytest.mark.parametrize(
    "question, name, said",
    [
        ("clip_grad_norm", "wrong_per_tensor", "You clip each tensor by its own norm"),
        ("clip_grad_norm", "wrong_walks_a_generator_twice", "a generator such as model.parameters() is empty the second time"),
        ("clip_grad_norm", "wrong_uses_torch_helper", "ruled out"),
        ("clip_grad_value", "wrong_loses_the_sign", "lose the signs"),
        ("cosine_similarity", "wrong_average_of_cosines", "You average the tensors' own cosines"),
        ("rescue", "wrong_lower_learning_rate", "You lower the learning rate"),
    ],
)
def test_the_visible_checks_name_the_misconception_first(question, name, said):
    with pytest.raises(CheckFailed) as failure:
        check(f"a1_clipping/{question}", answer(question, name))
    assert said in str(failure.value).splitlines()[1 if "checks pass" in str(failure.value) else 0]


def test_a_stub_is_told_that_it_is_not_written_yet():
    def clip_grad_norm(parameters, max_norm):
        raise NotImplementedError()

    with pytest.raises(CheckFailed, match="not written yet"):
        check("a1_clipping/clip_grad_norm", clip_grad_norm)


def test_a_quiz_answer_is_taken_but_not_marked_in_the_notebook(capsys):
    for choice in "abcd":
        check("a1_clipping/quiz_nan", choice)
    assert capsys.readouterr().out.count("is noted") == 4
    for wrong in ("", "ab", "e", ["a"], None):
        with pytest.raises(CheckFailed, match="must be one of the letters a, b, c, d"):
            check("a1_clipping/quiz_nan", wrong)
    check("a3_loss_scaling/quiz_bf16", "ac")
    with pytest.raises(CheckFailed, match='one or more of the letters a, b, c, d, as in "ac"'):
        check("a3_loss_scaling/quiz_bf16", "aa")


def test_code_that_does_nothing_fails_every_probe():
    nothing = {
        "clip_grad_norm": lambda p, m: None,
        "clip_grad_value": lambda p, v: None,
        "cosine_similarity": lambda a, b: 0.0,
        "rescue": lambda c: train(c),
    }
    for grade_id, do_nothing in nothing.items():
        question = exercises.questions("a1_clipping")[grade_id]
        target = reference()[question.target]
        for probe in question.probes:
            given, right = (exercises.ask(question, probe, f, exercises.given(probe, 11)) for f in (do_nothing, target))
            assert not ("value" in given and same(given["value"], right["value"], probe.rtol)), probe.name


def test_a_function_that_is_ruled_out_is_known_under_any_name():
    import torch.nn.utils.clip_grad as module
    from torch.nn.utils import clip_grad_norm_ as other_name

    def imported(parameters, max_norm):
        return other_name(list(parameters), max_norm)

    def bound_early(parameters, max_norm, clip=torch.nn.utils.clip_grad_norm_):
        return clip(list(parameters), max_norm)

    def in_a_thread(parameters, max_norm):
        with ThreadPoolExecutor() as pool:
            return pool.submit(other_name, list(parameters), max_norm).result()

    def unwatched(parameters, max_norm):
        sys.setprofile(None)
        return module.clip_grad_norm_(list(parameters), max_norm)

    def tries_again(parameters, max_norm):
        with contextlib.suppress(Exception):
            other_name(list(parameters), max_norm)
        return reference()["clip_grad_norm"](parameters, max_norm)

    for function in (imported, bound_early, in_a_thread, unwatched, tries_again):
        with pytest.raises(CheckFailed, match="ruled out"):
            check("a1_clipping/clip_grad_norm", function)


def test_settling_copes_with_whatever_comes_back():
    question = exercises.questions("a4_detect_and_recover")["monitor"]
    for probe in question.probes:
        for value in (
            None,
            8,
            "x",
            [],
            [[[]]],
            {"dict": [["a", 1]]},
            {"number": "inf"},
            10**400,
            {"other": "Liar"},
            {"tensor": ["float32", [-5], [1, "x"]]},
        ):
            settled = exercises.settle(probe, {"value": value}, seed=3)
            assert "value" in settled or settled["error"] == "MalformedAnswer"
            share, sentences = exercises.mark(
                exercises.Question(question.target, (probe,)),
                {probe.name: settled},
                {
                    "right": {
                        probe.name: exercises.settle(
                            probe,
                            exercises.ask(
                                question, probe, reference("a4_detect_and_recover")["StabilityMonitor"], exercises.given(probe, 3)
                            ),
                            3,
                        )
                    },
                    "wrong": [],
                },
            )
            assert share == 0 and sentences


def test_the_reference_agrees_with_pytorch():
    ours, theirs = reference(), torch.nn.utils
    for norm in (0.3, 5.0):
        a, b = ([torch.nn.Parameter(torch.zeros(3, 2)), torch.nn.Parameter(torch.zeros(4))] for _ in range(2))
        torch.manual_seed(0)
        for p, q in zip(a, b):
            p.grad = torch.randn(p.shape) * norm
            q.grad = p.grad.clone()
        assert ours["clip_grad_norm"](a, 1.0) == pytest.approx(float(theirs.clip_grad_norm_(b, 1.0)), rel=1e-5)
        assert all(torch.allclose(p.grad, q.grad, rtol=1e-4) for p, q in zip(a, b))
        ours["clip_grad_value"](a, 0.05)
        theirs.clip_grad_value_(b, 0.05)
        assert all(torch.equal(p.grad.abs() > 0.0499, q.grad.abs() > 0.0499) for p, q in zip(a, b))


def test_ruled_out_functions_are_back_after_a_probe():
    original = torch.nn.utils.clip_grad_norm_
    with pytest.raises(CheckFailed):
        check("a1_clipping/clip_grad_norm", lambda p, m: torch.nn.utils.clip_grad_norm_(p, m))
    assert torch.nn.utils.clip_grad_norm_ is original


def test_raw_answers_survive_json_and_differ_where_they_should():
    value = {"grads": [torch.tensor([1.0, 2.0]), None], "norm": 3.0, "name": "x", "flag": True}
    sent = json.loads(json.dumps(encode(value), allow_nan=False))
    assert same(sent, encode(value))
    for other in (
        {**value, "norm": 3.1},
        {**value, "grads": [torch.tensor([[1.0, 2.0]]), None]},
        {**value, "flag": 1},
        {**value, "norm": None},
    ):
        assert not same(encode(other), sent)
    nan = encode(float("nan"))
    assert not same(nan, nan) and same(nan, nan, nan_is_nan=True)
    assert same(encode(float("inf")), encode(float("inf")))


def test_an_object_that_claims_to_equal_everything_is_no_answer():
    class Liar:
        def __eq__(self, other):
            return True

        def __float__(self):
            return 1.0

    assert not same(encode(Liar()), encode(1.0))


def test_the_checks_work_without_the_autograder(work_folder):
    """A class receives the lessons and exercises, never the references: nothing in the package may need them."""
    code = (
        "import sys; sys.modules['autograder'] = None\n"
        "from stabilitylab.exercises import check\n"
        "check('a1_clipping/clip_grad_value', lambda p, v: [q.grad.clamp_(-v, v) for q in p if q.grad is not None])"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert json.loads((work_folder / "checks.json").read_text())["checks"] == {"a1_clipping/clip_grad_value": True}
