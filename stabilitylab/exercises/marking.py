"""From answers to a share of the points and sentences: compared with the reference's, and with those of known misconceptions.
Runs no learner's code."""

from __future__ import annotations

import builtins
import textwrap
from collections.abc import Mapping
from typing import Any

from stabilitylab.exercises.probes import MALFORMED, UNDEFINED, Probe, Question
from stabilitylab.exercises.values import same

MOST_SENTENCES = 3
"""For one question: who reads more mends less."""

LEFT_CHANGED = "LeftChanged"
"""The name of ``surroundings.LeftChanged``, without loading PyTorch for it."""

BUILT_IN = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
)


def mark(
    question: Question, given: Mapping[str, Mapping[str, Any]], expected: Mapping[str, Any], quote: bool = False
) -> tuple[float, list[str]]:
    """Compares a learner's answers with the reference's and those of known misconceptions.

    A misconception is named if it alone explains everything: the known wrong answer gives what the learner's gives on every
    probe, on those passed as on those failed. Otherwise the failed probes speak for themselves, the most fundamental first.

    Args:
        question: what was asked.
        given: probe name -> what ``ask`` returned for the learner, settled, or ``{"died": why}`` if the process was stopped.
        expected: ``{"right": probe name -> the same for the reference, "wrong": [{"sentence": ..., "given": the same for a wrong
            answer that holds one misconception}, ...]}``.
        quote: whether sentences may repeat the text of an exception, which is the learner's own; default not.

    Returns:
        The share of the points, and at most ``MOST_SENTENCES`` sentences on what is wrong.
    """

    def explains(wrong: Mapping[str, Any]) -> bool:
        return all(agree(given[p.name], wrong["given"][p.name], p, nan_is_nan=True) for p in question.probes)

    if any(answer.get("error") == "RuledOut" for answer in given.values()):
        generic = f"{question.target} must not use the library's own: it is ruled out here, and using it earns nothing."
        known = (
            wrong["sentence"]
            for wrong in expected["wrong"]
            if any(a.get("error") == "RuledOut" for a in wrong["given"].values()) and explains(wrong)
        )
        return 0.0, [next(known, generic)]
    if all(answer.get("error") == UNDEFINED for answer in given.values()):
        return 0.0, [f"{question.target} is not defined: no cell that ran to its end defines it."]
    if all(answer.get("error") == "NotImplementedError" for answer in given.values()):
        return 0.0, [f"{question.target} is not written yet: replace the line that raises NotImplementedError."]
    failed = [probe for probe in question.probes if not agree(given[probe.name], expected["right"][probe.name], probe)]
    share = 1 - len(failed) / len(question.probes)
    if any(given[probe.name].get("error") == LEFT_CHANGED for probe in failed):
        return share, [f"{question.target} leaves a setting of PyTorch changed that all code shares: put back what you set."]
    named = list(dict.fromkeys(wrong["sentence"] for wrong in expected["wrong"] if failed and explains(wrong)))
    sentences = named if len(named) == 1 else _own_sentences(failed, given, quote)
    return share, sentences[:MOST_SENTENCES]


def _own_sentences(failed: list[Probe], given: Mapping[str, Mapping[str, Any]], quote: bool) -> list[str]:
    """What the failed probes say. The second probe that ends in the same failure says nothing new."""
    sentences: list[str] = []
    failures: set[str] = set()
    for probe in failed:
        failure = _failure(given[probe.name], quote)
        if not failure or failure not in failures:
            sentences.append(probe.sentence + failure)
        failures.add(failure)
    return list(dict.fromkeys(sentences))


def agree(a: Mapping[str, Any], b: Mapping[str, Any], probe: Probe, nan_is_nan: bool = False) -> bool:
    """Whether two answers, as ``ask`` returns them, are the same: equal values, or the same exception."""
    if "value" in a and "value" in b:
        return same(a["value"], b["value"], probe.rtol, nan_is_nan=nan_is_nan)
    return "error" in a and a["error"] == b.get("error")


def _failure(answer: Mapping[str, Any], quote: bool) -> str:
    if "died" in answer:
        return f" (Your code was stopped: {answer['died']}.)"
    if "error" not in answer:
        return ""
    message = textwrap.shorten(str(answer.get("message", "")), 300, placeholder=" ...")
    if answer["error"] == MALFORMED:
        return f" (What came back cannot be judged{': ' + message if message else ''}.)"
    if quote:
        return f" (Your code raised {answer['error']}: {message})"
    # an exception's name is the learner's own text too, and could carry out what a probe was given
    return f" (Your code raised {answer['error'] if answer['error'] in BUILT_IN else 'an exception of its own'}.)"
