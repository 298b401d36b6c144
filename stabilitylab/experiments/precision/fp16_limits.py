"""The limits of fp16 numbers, exactly, with bf16 and fp32 beside them (claim C8).

The numbers are exact and do not depend on a seed.
"""

import math
from functools import partial

import torch

from stabilitylab.experiments.experiment import Expectation, Experiment, Measurement, Quantity

SMALLEST = 2.0**-24
"""fp16's smallest number above 0, 5.96e-8."""


def stored(value: float, dtype: torch.dtype) -> float:
    """A number rounded to a precision."""
    return torch.tensor(value, dtype=torch.float64).to(dtype).item()


def worst_rounding(power: int, dtype: torch.dtype) -> float:
    """Largest relative error of rounding among 4097 numbers between 2^power and twice that."""
    exact = torch.linspace(2.0**power, 2.0 ** (power + 1), 4097, dtype=torch.float64)
    return ((exact.to(dtype).double() - exact).abs() / exact).max().item()


def measure(dtype: torch.dtype, seed: int) -> dict[str, float]:
    return {
        "2^-24": stored(2.0**-24, dtype),
        "2^-25": stored(2.0**-25, dtype),
        "3e-8": stored(3e-8, dtype),
        "5e-8": stored(5e-8, dtype),
        "65504": stored(65504.0, dtype),
        "65519": stored(65519.0, dtype),
        "65520": stored(65520.0, dtype),
        "256*256": (torch.tensor(256.0, dtype=dtype) * torch.tensor(256.0, dtype=dtype)).item(),
        "normal": worst_rounding(-14, dtype),
        "subnormal": worst_rounding(-15, dtype),
        "tiny": worst_rounding(-23, dtype),
    }


EXPERIMENT = Experiment(
    name="fp16-limits",
    question="which numbers can fp16 hold?",
    arms={
        "fp16": Measurement(partial(measure, torch.float16), "5 bits of exponent, 10 of fraction"),
        "bf16": Measurement(partial(measure, torch.bfloat16), "8 bits of exponent, 7 of fraction"),
        "fp32": Measurement(partial(measure, torch.float32), "8 bits of exponent, 23 of fraction"),
    },
    expectations={
        "cutoff": Expectation(
            (
                "The smallest fp16 number above 0 is 2^-24 = 5.96e-8, and zero begins at half of it: 2^-25 becomes 0, 3e-8 and "
                "5e-8 round up."
            ),
            lambda r: r["fp16"]["2^-25"] == 0 and r["fp16"]["2^-24"] == r["fp16"]["3e-8"] == r["fp16"]["5e-8"] == SMALLEST,
        ),
        "largest": Expectation(
            "The largest is 65504: 65519 rounds down to it, 65520 and 256 * 256 are inf.",
            lambda r: (
                r["fp16"]["65504"] == r["fp16"]["65519"] == 65504 and r["fp16"]["65520"] == r["fp16"]["256*256"] == math.inf
            ),
        ),
        "full-precision-ends": Expectation(
            (
                "From 2^-14 = 6.1e-5 up the relative rounding error is at most 2^-11; just below it is twice that, and at "
                "1.2e-7 a fifth."
            ),
            lambda r: (
                r["fp16"]["normal"] <= 2.0**-11
                and 1.9 < r["fp16"]["subnormal"] / r["fp16"]["normal"] < 2.1
                and abs(r["fp16"]["tiny"] - 0.2) < 0.001
            ),
        ),
        "bf16-has-the-range": Expectation(
            "bf16 holds 2^-25 and 256 * 256 exactly, and rounds 8 times as coarsely as fp16 does from 6.1e-5 up.",
            lambda r: (
                r["bf16"]["2^-25"] == 2.0**-25
                and r["bf16"]["256*256"] == 65536
                and 7.9 < r["bf16"]["normal"] / r["fp16"]["normal"] < 8.1
            ),
        ),
    },
    control=("fp16", "bf16"),
    quantities={
        "smallest": Quantity("what fp16 makes of 3e-8", lambda r: r["fp16"]["3e-8"]),
        "below-cutoff": Quantity("what fp16 makes of 2^-25", lambda r: r["fp16"]["2^-25"]),
        "largest": Quantity("what fp16 makes of 65519", lambda r: r["fp16"]["65519"]),
        "error-normal": Quantity("largest relative rounding error, 6.1e-5 to 1.2e-4, fp16", lambda r: r["fp16"]["normal"]),
        "error-subnormal": Quantity("the same, 3.1e-5 to 6.1e-5", lambda r: r["fp16"]["subnormal"]),
        "error-tiny": Quantity("the same, 1.2e-7 to 2.4e-7", lambda r: r["fp16"]["tiny"]),
        "error-bf16": Quantity("the same, 6.1e-5 to 1.2e-4, bf16", lambda r: r["bf16"]["normal"]),
    },
    shows=(
        "fp16 reaches from 5.96e-8 to 65504 and flushes to zero below 2.98e-8. Long before that, from 6.1e-5 down, it loses "
        "digits. bf16 has fp32's range and fewer digits."
    ),
    does_not_show="What training makes of it: that is what fp16-underflow and fp16-overflow run.",
)
