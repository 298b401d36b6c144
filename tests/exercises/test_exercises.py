"""The questions of the course: their references, their banks, and their visible checks on right and wrong answers."""

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
from stabilitylab.exercises import MALFORMED, CheckFailed, check
from stabilitylab.exercises.values import decode, encode, same
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


ANYTHING = (
    *(None, 8, "x", [], [[[]]], {"dict": [["a", 1]]}, {"number": "inf"}, 10**400, {"other": "Liar"}, -1, True),
    *({"tensor": ["float32", [-5], [1, "x"]]}, [8] * 100, {"dict": []}),
)
"""What a learner's process may hand back, or tell a partner."""

MET = [
    (assignment, grade_id, probe)
    for assignment in release.assignments()
    for grade_id, question in exercises.questions(assignment).items()
    for probe in question.probes
    if probe.settle or probe.partner
]


@pytest.mark.parametrize("assignment, grade_id, probe", MET, ids=lambda value: getattr(value, "name", value))
def test_settling_and_partners_cope_with_whatever_comes_back(assignment, grade_id, probe):
    right = {"value": True}  # nothing that is compared is as simple
    for value in ANYTHING:
        partner = exercises.meet(probe, seed=3)
        if probe.partner:
            with contextlib.suppress(Exception):  # what makes no sense is refused
                json.dumps(encode(partner.reply(decode(value))))
        settled = exercises.settle(partner, {"value": value})
        assert "value" in settled or settled["error"] == MALFORMED
        assert json.dumps(settled) and not exercises.agree(settled, right, probe)


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
