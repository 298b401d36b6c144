"""Reads the numbers in a lesson's prose and looks for each where it must come from.

A number in the prose of a lesson is supported if it stands

- in what the lesson itself computed: the outputs of its cells (alt text of figures included), its code, or a formula of the same
  cell;
- in the recorded evidence of an experiment that the lesson names: its section of ``docs/experiments.md``, made from
  ``data/evidence``;
- in a confirmed fact (``data/sources.yaml``) of a source that the same cell links to.

A count such as "9 of 10", in digits or in words, must be found as a pair. A number matches one that is printed with more digits
if it is that number, rounded. What it cannot see: whether the number is the one that the sentence means. That is for a reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import yaml
from nbformat import NotebookNode

from stabilitylab import experiments, workspace
from stabilitylab.claims import ledger

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_VALUE = {word: str(number) for number, word in enumerate(_WORDS)} | {"no": "0", "none": "0", "twenty": "20"}
_COUNT = re.compile(rf"(?<![\w.])(\d+|{'|'.join(_VALUE)})(?: of (?:the |its |all )?|/)(\d+|{'|'.join(_VALUE)})\b", re.I)
# not inside a word, a version, a date or an identifier: fp16, 0.9.6, 2024-01, B1 hold no number of the prose
_NUMBER = re.compile(r"(?<![\w.^])(?<![A-Za-z]-)\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?(?![\w^]|\.\d|-[A-Za-z]\b)(?:\s?%)?")
_IGNORED = (
    re.compile(r"`[^`]*`"),  # code
    re.compile(r"\]\([^)]*\)"),  # the address of a link
    re.compile(r"https?://\S+"),
    re.compile(r"^#+ .*$", re.M),  # headings
    re.compile(r"^\s*\d+\. ", re.M),  # numbered lists
    re.compile(r"\b[Ll]essons?\s\d\d(?:(?:,|\sand|\sto)\s\d\d)*"),
    re.compile(
        r"\b(?:Trial|trial|[Ss]tep|[Qq]uestions?|[Ss]ections?|[Aa]ppendix|[Ff]igure|[Tt]able|[Aa]lgorithm|[Ee]quation)"
        r"\s\d+(?:\.\d+)*\b"
    ),
    re.compile(r"\b(?:19|20)\d\d\b"),  # years
    re.compile(r"\b\d+(?:\.\d+)?B\b"),  # sizes of models: 7B
    re.compile(r"\*\*Time\*\*[^*]*"),
)
_FORMULA = re.compile(r"\$\$?.+?\$\$?", re.S)
_ALWAYS = {0.0, 1.0, 2.0}  # as in "1 nat", "0 is the lowest"
_CLOSED_SECTIONS = ("## References", "## Try it yourself")


@dataclass(frozen=True)
class Unsupported:
    """A number that was found nowhere: the number as it stands, and the sentence it stands in."""

    number: str
    sentence: str


def unsupported(notebook: NotebookNode) -> list[Unsupported]:
    """The numbers in an executed lesson's prose that nothing supports."""
    computed = _Pool(_computed(notebook))
    for name in sorted(_named(notebook)):
        computed.add(_section(name))
    missing = []
    for text in _prose(notebook):
        pool = _Pool([formula.group() for formula in _FORMULA.finditer(text)])
        for url, facts in _facts().items():
            if url in text:
                pool.add(facts)
        for sentence in _sentences(text):
            bare = sentence
            for count in _COUNT.finditer(sentence):
                bare = bare.replace(count.group(), " ")
                if not any(_pair(count) in where.pairs for where in (pool, computed)):
                    missing.append(Unsupported(count.group(), sentence))
            for number in _NUMBER.finditer(bare):
                if not any(where.holds(number.group()) for where in (pool, computed)):
                    missing.append(Unsupported(number.group(), sentence))
    return missing


class _Pool:
    """The numbers and the counts in some texts."""

    def __init__(self, texts: Iterable[str] = ()):
        self.values = set(_ALWAYS)
        self.pairs: set[tuple[str, str]] = set()
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        self.pairs |= {_pair(count) for count in _COUNT.finditer(" ".join(text.split()))}
        # any number at all, also one glued to a unit or a name
        self.values |= {float(number) for number in re.findall(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", text.replace(",", ""))}

    def holds(self, number: str) -> bool:
        digits, percent = number.rstrip("% ").replace(",", ""), number.endswith("%")
        mantissa, _, exponent = digits.partition("e")
        half = 0.5 * 10 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
        factors = (1.0, 100.0) if percent else (1.0,)
        return any(abs(value * factor - float(digits)) <= half * (1 + 1e-9) for value in self.values for factor in factors)


def _pair(count: re.Match[str]) -> tuple[str, str]:
    first, second = (_VALUE.get(word.lower(), word) for word in count.groups())
    return first, second


def _prose(notebook: NotebookNode) -> Iterator[str]:
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = cell.source
            for closed in _CLOSED_SECTIONS:
                text = text.partition(closed)[0]
            yield text


def _sentences(text: str) -> list[str]:
    text = _FORMULA.sub(" ", text)
    for ignored in _IGNORED:
        text = ignored.sub(" ", text)
    return [" ".join(sentence.split()) for sentence in re.split(r"(?<=[.?!:;])\s+|\n\s*\n|\n[-|>*]", text) if sentence.strip()]


def _computed(notebook: NotebookNode) -> Iterator[str]:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            yield cell.source
            for output in cell.get("outputs", ()):
                yield output.get("text", "")
                yield "".join(output.get("data", {}).get("text/plain", ""))


def _named(notebook: NotebookNode) -> set[str]:
    text = "\n".join(cell.source for cell in notebook.cells)
    return {
        name for name in experiments.all_experiments() if f'"{name}"' in text or re.search(rf"experiments\.md#{name}\b", text)
    }


@cache
def _sections() -> dict[str, str]:
    page = (ledger.DOCS / "experiments.md").read_text(encoding="utf-8")
    return {section.partition("\n")[0].strip(): section for section in page.split("\n## ")[1:]}


def _section(name: str) -> str:
    return _sections()[name]


@cache
def _facts() -> dict[str, str]:
    """Address of a source -> its confirmed facts."""
    listed = yaml.safe_load((workspace.DATA / "sources.yaml").read_text(encoding="utf-8"))["sources"]
    return {source["url"]: " ".join(fact["states"] for fact in source.get("facts", ()) if fact["confirmed"]) for source in listed}
