"""The export of feedback, read: what each row claims of which passage, and how much it counts.

1. A reviewer's label is taken at its word, whatever was reported, and counts `REVIEWED` times a report.
2. A report counts once for each key and text. All reports of one key count no more than `MOST_OF_ONE_KEY` would.
3. A row without text (the policy kept none), or about a category that is not there, is left out and counted.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from filters.category import Category
from filters.parts import parts
from learning.errors import LearnError
from learning.rows import Span, lines, span_of, text_of

Verdict = Literal["missed", "false_alarm", "good"]
REVIEWED = 3.0
MOST_OF_ONE_KEY = 5.0
"""A number, not a share of all: what one key reports makes no difference to what others count for."""


@dataclass(frozen=True, slots=True)
class Claim:
    """That a text should be flagged in a category (None: the first), or in none; None: it is well judged."""

    text: str
    flagged: bool | None
    category: Category | None = None
    span: Span | None = None
    key: str = ""
    reviewed: bool = False
    counts: float = 1.0

    @property
    def passages(self) -> list[str]:
        """What is claimed of: the sentences of the span, if there is one; all sentences of what is let through."""
        places = parts(self.text)
        if self.flagged and self.span:
            start, end = self.span
            found = [place for place in places if place.start < end and start < place.end]
            return [self.text[place.start : place.end].strip() for place in found] or [self.text]
        if self.flagged is False:
            return [self.text, *(self.text[place.start : place.end].strip() for place in places)]
        return [self.text]


@dataclass(frozen=True, slots=True)
class Feedback:
    """What was read: the claims, and how many rows were left out, by why."""

    claims: tuple[Claim, ...]
    left_out: Mapping[str, int]


def read_feedback(path: Path, categories: Collection[Category]) -> Feedback:
    """Return what an export claims. LearnError for a broken row, or if nothing can be learned from."""
    found: dict[tuple[str, str, bool], Claim] = {}
    left_out: Counter[str] = Counter()
    for line, said in lines(path):
        claim = _claim(f"{path}: line {line}", said, categories)
        if isinstance(claim, str):
            left_out[claim] += 1
        else:
            found[(claim.key, claim.text, claim.reviewed)] = claim
    if not found:
        why = ", ".join(f"{count} {reason}" for reason, count in left_out.items()) or "it is empty"
        raise LearnError(path, f"expected feedback with a text to learn from; {why}")
    return Feedback(_capped(list(found.values())), left_out)


def _claim(where: str, said: Mapping[str, Any], categories: Collection[Category]) -> Claim | str:
    """Return what a row claims, or why it is left out."""
    verdict, label = said.get("verdict"), said.get("label")
    if verdict not in get_args(Verdict):
        raise LearnError(where, f"verdict: expected one of {', '.join(get_args(Verdict))}")
    if said.get("text") is None:
        return "without a text"
    text = text_of(where, said["text"], "text")
    claim = Claim(text, None, said.get("category"), _span(where, said, text), str(said.get("key") or ""))
    if said.get("reviewed") and label is not None:
        claim = _labelled(where, claim, label)
    elif verdict != "good":
        claim = replace(claim, flagged=verdict == "missed")
    if claim.category is not None and claim.category not in categories:
        return "about a category that this gate does not have"
    return claim


def _labelled(where: str, claim: Claim, label: object) -> Claim:
    if not isinstance(label, dict) or not isinstance(label.get("toxic"), bool):
        raise LearnError(where, "label: expected an object with toxic (true or false), category and span")
    category = label.get("category") or claim.category
    span = _span(where, label, claim.text) or claim.span
    return replace(claim, flagged=label["toxic"], category=category, span=span, reviewed=True, counts=REVIEWED)


def _span(where: str, said: Mapping[str, Any], text: str) -> Span | None:
    return None if said.get("span") is None else span_of(where, said["span"], text)


def _capped(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """Return the claims with what those of one key count held to its share."""
    reports = Counter(claim.key for claim in claims if not claim.reviewed)
    return tuple(
        claim if claim.reviewed else replace(claim, counts=min(1.0, MOST_OF_ONE_KEY / reports[claim.key]))
        for claim in claims
    )
