"""Raw data: its plain form, and when two pieces of it are the same."""

import json
import math
from decimal import Decimal
from fractions import Fraction

import numpy
import pytest
import torch

from stabilitylab.exercises.values import decode, encode, same


def sent(value):
    """As it arrives in another process."""
    return json.loads(json.dumps(encode(value), allow_nan=False))


def test_raw_answers_survive_json_and_differ_where_they_should():
    value = {"grads": [torch.tensor([1.0, 2.0]), None], "norm": 3.0, "name": "x", "flag": True}
    assert same(sent(value), encode(value))
    for other in (
        {**value, "norm": 3.1},
        {**value, "grads": [torch.tensor([[1.0, 2.0]]), None]},
        {**value, "grads": [torch.tensor([1.0, 2.0])]},
        {**value, "flag": 1},
        {**value, "flag": False},
        {**value, "norm": None},
        {**value, "name": "y"},
        {**value, "more": 1},
        list(value),
    ):
        assert not same(encode(other), sent(value)) and not same(sent(value), encode(other))


NUMBERS = [
    numpy.float64(0.5),
    numpy.float32(0.5),
    numpy.float16(0.5),
    numpy.array(0.5),
    numpy.array([0.5]),
    numpy.array([[0.5]], dtype="float32"),
    torch.tensor(0.5),
    torch.tensor([0.5], dtype=torch.float64),
    torch.tensor(0.5, dtype=torch.bfloat16).to(torch.float16),
    torch.nn.Parameter(torch.tensor([0.5])),
    Fraction(1, 2),
    Decimal("0.5"),
]


@pytest.mark.parametrize("value", NUMBERS, ids=lambda value: f"{type(value).__module__}.{type(value).__name__}")
def test_a_number_of_any_library_is_that_number(value):
    assert same(sent(value), encode(0.5)) and not same(sent(value), encode(0.6))
    assert same(sent({"rates": [value]}), encode({"rates": (0.5,)}))


@pytest.mark.parametrize("value", [numpy.int64(3), numpy.array(3), torch.tensor([3]), Fraction(3), Decimal(3), 3.0])
def test_a_whole_number_of_any_library_is_that_number(value):
    assert same(sent(value), encode(3)) and not same(sent(value), encode(4))


@pytest.mark.parametrize("value", [numpy.bool_(True), numpy.array(True), torch.tensor(True)])
def test_a_truth_value_of_any_library_is_one_and_no_number(value):
    assert same(sent(value), encode(True))
    assert not same(sent(value), encode(False)) and not same(sent(value), encode(1))


@pytest.mark.parametrize(
    "given, expected", [(1, True), (True, 1), ("1", 1), (None, 0), ([1], 1), (0, None), ("True", True), ({}, [])]
)
def test_what_is_of_another_kind_is_not_the_same(given, expected):
    assert not same(sent(given), encode(expected))


def test_numbers_agree_within_the_tolerance():
    assert same(1.00009, 1.0) and not same(1.0002, 1.0)
    assert same(1.002, 1.0, rtol=1e-2) and same(1e-7, 0.0) and not same(1e-5, 0.0)


def test_what_is_not_finite_agrees_only_with_itself():
    nan, inf, minus = (sent(float(name)) for name in ("nan", "inf", "-inf"))
    assert same(inf, inf) and same(minus, minus) and not same(inf, minus)
    assert not same(nan, nan) and same(nan, nan, nan_is_nan=True) and not same(1.0, nan, nan_is_nan=True)
    assert not same(1.0, inf) and not same(inf, 1.0) and not same(1e308, inf)
    assert same(sent(torch.tensor([math.inf])), inf) and same(sent(numpy.float32("nan")), nan, nan_is_nan=True)
    assert same(sent([math.nan, 1]), encode([math.nan, 1]), nan_is_nan=True) and not same(sent([math.nan]), encode([math.nan]))


def test_tensors_agree_in_shape_and_numbers_whatever_their_library_and_precision():
    ours = encode(torch.tensor([[1.0, 2.0]]))
    assert same(sent(numpy.array([[1.0, 2.0]])), ours) and same(sent(torch.tensor([[1.0, 2.0]]).double()), ours)
    for other in (torch.tensor([1.0, 2.0]), torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0, 2.1]]), [[1.0, 2.0]], "x", None):
        assert not same(sent(other), ours)


def test_what_has_no_plain_form_is_never_the_same():
    class Liar:
        def __eq__(self, other):
            return True

        def __float__(self):
            return 1.0

        __hash__ = None

    deep = []
    for _ in range(10):
        deep = [deep]
    for value in (Liar(), object(), lambda: 1, 10**400, torch.zeros(2, dtype=torch.complex64), deep, 1j):
        assert not same(sent(value), encode(1.0)) and not same(sent(value), sent(value))


@pytest.mark.parametrize("given", [10**400, -(10**400), [10**400], {"tensor": ["float32", [], [10**400]]}])
def test_whole_numbers_beyond_every_float_are_not_the_same_and_do_no_harm(given):
    assert not same(given, 1.0) and not same(given, [1.0])


@pytest.mark.parametrize(
    "given", [{"tensor": 3}, {"tensor": ["float32", [1]]}, {"dict": 3}, {"dict": [3]}, {"number": 1}, {}, [[]]]
)
def test_damaged_data_is_not_the_same_and_does_no_harm(given):
    for expected in (1.0, True, "x", None, [1.0], encode({"a": 1}), encode(torch.ones(1)), encode(math.inf)):
        assert not same(given, expected)


def test_what_was_encoded_comes_back():
    value = {"a": [1, 2.5, None, True, "x"], "b": {"c": math.inf}}
    assert decode(sent(value)) == value and math.isnan(decode(sent(math.nan)))
    back = decode(sent(torch.tensor([[1.0, math.inf]], dtype=torch.float64)))
    assert back.dtype == torch.float64 and back.tolist() == [[1.0, math.inf]]
    assert decode(sent((1, 2))) == [1, 2] and decode(sent({3: 4})) == {"3": 4}


@pytest.mark.parametrize(
    "damaged",
    [{"other": "Liar"}, {"number": "1"}, {"dict": [["a"]]}, {"dict": [[1, 2]]}, {"tensor": ["object", [1], [1]]}, {}, {"x": 1}],
)
def test_what_is_no_plain_data_is_not_decoded(damaged):
    for value in (damaged, [damaged]):
        with pytest.raises(ValueError, match="not plain data"):
            decode(value)
