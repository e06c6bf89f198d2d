"""Corrections learned from feedback: a change of log odds for each category, silent wherever nothing was reported.

1. A report counts only if what others have reported, or a reviewer's label, says the same: it is left out while the
   rest is fitted, and has to be moved its way by that, farther than base data (`MOVED`). Nobody moves the gate alone.
2. Where nothing that is reported is judged wrongly by now, nothing is learned: it has been learned before.
3. The fit is held still over the base data, and the correction is silent (`quiet`) as far as it reaches there.
4. It is made just so large (`FACTORS`) that most of what was reported would be put right, had it not been fitted to it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from filters.category import Category
from filters.scorer import ThresholdValues
from filters.scorers.heads import Heads, with_correction
from learning.base import Base
from learning.feedback import Claim
from learning.fit import Examples, Linear, Prior
from learning.odds import Array, folds, logit
from learning.reader import Reader, Seen

STILL, RIDGE = 300.0, 30.0
MOVED = 1.0
"""Log odds: so much farther than the base data the others have to move a report for it to count."""
FACTORS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
ENOUGH = 0.95
"""The part of what was reported that has to be put right."""
QUIET = 0.995
"""The part of the base data at which a correction is silent."""
_FOLDS = 8
_LEAST = 5
"""With fewer passages of a category nothing is learned of it."""


@dataclass
class Learned:
    """What came of some feedback: the heads, and for the report what counted and what did not."""

    heads: Heads
    counted: Counter[Category] = field(default_factory=Counter)
    put_right: Counter[Category] = field(default_factory=Counter)
    alone: Counter[str] = field(default_factory=Counter)
    """Reports that nobody else's bear out, by key."""
    too_few: Counter[Category] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Passages:
    """Passages of one category: what is fitted, the threshold's log odds, and whose each is ("": a reviewer's)."""

    examples: Examples
    threshold: float
    keys: tuple[str, ...]
    texts: tuple[str, ...]

    @property
    def claims(self) -> frozenset[tuple[str, str]]:
        """Who says something of which text."""
        return frozenset(zip(self.keys, self.texts, strict=True))

    def only(self, kept: NDArray[np.bool_]) -> "_Passages":
        keys = tuple(key for key, keep in zip(self.keys, kept, strict=True) if keep)
        texts = tuple(text for text, keep in zip(self.texts, kept, strict=True) if keep)
        return _Passages(self.examples.only(kept), self.threshold, keys, texts)


def corrected(
    reader: Reader, heads: Heads, claims: Sequence[Claim], base: Base, thresholds: ThresholdValues
) -> Learned:
    """Return the heads with a correction for each category that enough of the claims are about."""
    learned = Learned(heads)
    prior = Prior(reader.seen(base.background, heads).embeddings, still=STILL, ridge=RIDGE)
    silent = reader.seen([row.text for row in base.quiet], heads).embeddings
    for category, passages in _by_category(reader, heads, claims, thresholds).items():
        wrong = (passages.examples.known >= 0) != (passages.examples.right > 0.5)
        if not wrong.any():
            continue
        borne_out = _borne_out(passages, prior, silent)
        kept = passages.only(borne_out)
        learned.alone.update(key for key, _ in passages.only(wrong & ~borne_out).claims)
        if len(set(kept.texts)) < _LEAST:
            learned.too_few[category] = len(set(kept.texts))
            continue
        found, quiet, put_right = _fitted(kept, prior, silent)
        of = reader.categories(heads).index(category)
        learned.heads = with_correction(learned.heads, of, found.weight, found.bias, quiet)
        learned.counted[category] = len(kept.texts)
        learned.put_right[category] = put_right
    return learned


def _by_category(
    reader: Reader, heads: Heads, claims: Sequence[Claim], thresholds: ThresholdValues
) -> Mapping[Category, _Passages]:
    """Return the passages of each category. What is to be let through is about every category that flags it now."""
    pairs = [(claim, text) for claim in claims if claim.flagged is not None for text in claim.passages]
    if not pairs:
        return {}
    seen = reader.seen([text for _, text in pairs], heads)
    found: dict[Category, _Passages] = {}
    for category in reader.categories(heads):
        threshold = logit(thresholds.get(category, 0.5))
        at = [index for index, pair in enumerate(pairs) if _is_about(pair[0], category, reader, seen, index, threshold)]
        if at:
            found[category] = _passages([pairs[index] for index in at], seen, at, category, threshold)
    return found


def _is_about(claim: Claim, category: Category, reader: Reader, seen: Seen, index: int, threshold: float) -> bool:
    if claim.flagged:
        return category == (claim.category or reader.scorer.own[0])
    return bool(seen.odds[category][index] >= threshold)


def _passages(
    pairs: Sequence[tuple[Claim, str]], seen: Seen, at: Sequence[int], category: Category, threshold: float
) -> _Passages:
    shares = Counter(id(claim) for claim, _ in pairs)
    return _Passages(
        Examples(
            seen.embeddings[list(at)],
            seen.odds[category][list(at)] - threshold,  # one half means the threshold
            np.array([float(bool(claim.flagged)) for claim, _ in pairs]),
            np.array([claim.counts / shares[id(claim)] for claim, _ in pairs]),
        ),
        threshold,
        tuple("" if claim.reviewed else claim.key for claim, _ in pairs),
        tuple(claim.text for claim, _ in pairs),
    )


def _borne_out(passages: _Passages, prior: Prior, silent: Array) -> NDArray[np.bool_]:
    """Return which passages count: a reviewer's, and what is moved its way by a fit to all that others say."""
    fold = np.array(folds(passages.keys, _FOLDS))
    reviewed = np.array([key == "" for key in passages.keys])
    kept = reviewed.copy()
    ways = np.where(passages.examples.right > 0.5, 1.0, -1.0)
    for number in set(fold[~reviewed].tolist()):
        own = (fold == number) & ~reviewed
        if not own.all():
            others = prior.fit(passages.examples.only(~own))
            kept[own] = (ways * others(passages.examples.rows))[own] >= _quiet(others, silent) + MOVED
    return kept


def _quiet(change: Linear, silent: Array) -> float:
    """Return how far base data are moved that nothing was reported of."""
    return float(np.quantile(np.abs(change(silent)), QUIET))


def _fitted(passages: _Passages, prior: Prior, silent: Array) -> tuple[Linear, float, int]:
    """Return the correction, how far it is silent, and how many passages it puts right that were not fitted to."""
    examples = passages.examples
    fold = np.array(folds(passages.texts, _FOLDS))
    moved = np.zeros(len(fold))
    for number in set(fold.tolist()):
        if (fold != number).any():
            moved[fold == number] = prior.fit(examples.only(fold != number))(examples.rows[fold == number])
    found = prior.fit(examples)
    quiet = _quiet(found, silent)
    for factor in FACTORS:
        loud = np.sign(moved) * np.maximum(np.abs(moved) - quiet, 0.0) * factor
        right = int(((examples.known + loud >= 0) == (examples.right > 0.5)).sum())
        if right >= ENOUGH * len(fold):
            break
    return found.scaled(factor), quiet * factor, right
