"""One number, whatever library it came from."""

import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import numpy
import pytest
import torch

from stabilitylab.training.numbers import number


@pytest.mark.parametrize(
    "value, plain",
    [
        (3, 3),
        (2.5, 2.5),
        (True, True),
        (numpy.float64(2.5), 2.5),
        (numpy.float32(2.5), 2.5),
        (numpy.int64(3), 3),
        (numpy.bool_(True), True),
        (numpy.array(2.5), 2.5),
        (numpy.array([[3]]), 3),
        (torch.tensor(2.5), 2.5),
        (torch.tensor([2.5], requires_grad=True), 2.5),
        (torch.tensor(False), False),
        (torch.tensor([[3]]), 3),
        (torch.tensor(2.5, dtype=torch.float16), 2.5),
        (Fraction(5, 2), 2.5),
        (Decimal("2.5"), 2.5),
    ],
)
def test_a_number_becomes_pythons_own(value, plain):
    found = number(value)
    assert found == plain and type(found) is type(plain)


def test_numbers_that_are_not_finite_stay_so():
    assert number(torch.tensor(float("inf"))) == float("inf") and number(numpy.float32("nan")) != number(numpy.float32("nan"))


@pytest.mark.parametrize(
    "value",
    ["3", b"3", [3], (3,), {"x": 3}, None, 3j, numpy.array([1, 2]), torch.zeros(2), torch.zeros(0), numpy.array("x"), Ellipsis],
    ids=repr,
)
def test_what_is_no_single_real_number_stays_what_it_is(value):
    assert number(value) is value


def test_a_class_of_numbers_of_ones_own_counts():
    class Rate(float):
        pass

    class Steps(int):
        pass

    assert type(number(Rate(2.5))) is float and type(number(Steps(3))) is int


def test_no_library_is_imported_for_it():
    code = (
        "import sys; from importlib.util import spec_from_file_location as at, module_from_spec\n"
        "import stabilitylab.training.numbers as n; spec = at('alone', n.__file__)\n"
        "for name in list(sys.modules):\n    if name.split('.')[0] in ('torch', 'numpy'): sys.modules[name] = None\n"
        "alone = module_from_spec(spec); spec.loader.exec_module(alone); assert alone.number(3) == 3"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
