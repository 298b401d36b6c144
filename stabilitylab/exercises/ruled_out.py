"""Functions of a library that an exercise asks to write: their code is taken away while a probe runs."""

from __future__ import annotations

import contextlib
import importlib
import inspect
from collections.abc import Iterator
from types import FunctionType
from typing import Any


class RuledOut(Exception):
    """A library function was used that the exercise asks to write."""


_USED: list[str] = []
"""Whether something that is ruled out was used since a probe began, even if the learner's code caught the exception."""


def refuse() -> None:
    """What a ruled-out function does while a probe runs."""
    _USED.append("")
    raise RuledOut("this function is ruled out here; write it yourself")


def _refused(*args: Any, **kwargs: Any) -> None:
    from stabilitylab.exercises.ruled_out import refuse  # runs among the globals of the function whose code it replaces

    refuse()


def take(names: tuple[str, ...]) -> list[tuple[Any, str, Any]]:
    """Takes the code out of functions, and out of the methods of classes: no other name, thread or early import keeps it.

    Args:
        names: full names, such as ``"torch.nn.utils.clip_grad_norm_"``; one that this version of a library lacks is passed over.

    Returns:
        What was taken: (where it belongs, attribute, value). Where it is thrown away, as in the grader's sandbox, nobody in this
        process can find it again.
    """
    functions: list[FunctionType] = []
    taken: list[tuple[Any, str, Any]] = []
    for name in names:
        owner, attribute, found = _resolve(name)
        if isinstance(found, type):
            members = (getattr(member, "__func__", member) for member in vars(found).values())
            functions += [member for member in members if isinstance(member, FunctionType)]
        elif isinstance(found, FunctionType):
            functions.append(inspect.unwrap(found))
        elif found is not None:
            taken.append((owner, attribute, found))
            setattr(owner, attribute, _refused)
    for function in dict.fromkeys(functions):
        code = function.__code__
        taken.append((function, "__code__", code))
        # code only goes into a function that closes over as many variables
        function.__code__ = _refused.__code__.replace(co_freevars=code.co_freevars)
    return taken


@contextlib.contextmanager
def without(names: tuple[str, ...]) -> Iterator[None]:
    """Takes functions away for the time of a probe.

    Raises:
        RuledOut: at the end, if one of them was used.
    """
    taken = take(names)
    _USED.clear()
    try:
        yield
    finally:
        for owner, attribute, value in taken:
            setattr(owner, attribute, value)
    if _USED:
        raise RuledOut("a function that is ruled out was used")


def _resolve(name: str) -> tuple[Any, str, Any]:
    """(what holds it, under which name, the function or class): None for one that this version of a library does not have."""
    path = name.split(".")
    owner: Any = importlib.import_module(path[0])
    for position, part in enumerate(path[1:-1], start=2):
        try:  # a module that its package has taken its name from, as torch.optim does, can be imported all the same
            owner = importlib.import_module(".".join(path[:position]))
        except ModuleNotFoundError:
            owner = getattr(owner, part, None)
    found = inspect.getattr_static(owner, path[-1], None) if isinstance(owner, type) else getattr(owner, path[-1], None)
    return owner, path[-1], found
