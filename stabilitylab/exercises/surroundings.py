"""What a function shares with everything else in its process: PyTorch's settings for all.

A probe sets them to what a fresh process has, whatever the notebook did before; a function that leaves one changed is found out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch

SETTINGS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], Any]] = {
    "the default dtype": (torch.get_default_dtype, torch.set_default_dtype, torch.float32),
    "whether gradients are recorded": (torch.is_grad_enabled, torch.set_grad_enabled, True),
    "whether only deterministic algorithms are allowed": (
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
        False,
    ),
}
"""What it is -> (how it is read, how it is set, what a fresh process has)."""


class LeftChanged(Exception):
    """A function changed a setting that everything else in the process shares."""


@contextlib.contextmanager
def fresh() -> Iterator[None]:
    """The settings of a fresh process, for a while.

    Raises:
        LeftChanged: at the end, if one of them was left changed.
    """
    before = {name: read() for name, (read, _, _) in SETTINGS.items()}
    for _, write, usual in SETTINGS.values():
        write(usual)
    changed = []
    try:
        yield
        changed = [name for name, (read, _, usual) in SETTINGS.items() if read() != usual]
    finally:
        for name, (_, write, _) in SETTINGS.items():
            write(before[name])
    if changed:
        raise LeftChanged(f"{' and '.join(changed)} must be as before when your code returns")
