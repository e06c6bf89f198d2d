"""A category of one's own: a head fitted to examples and counterexamples, whose one half means what it does elsewhere.

1. The base data are counterexamples too, so that the head knows what is about something else altogether.
2. Everything that is said of it is cross-validated: each text is scored by a head that was fitted without it.
3. The bias is moved so that one half is the score from which most examples and fewest counterexamples are flagged,
   and no more than `FALSE_ALARMS` of the base data.
4. Where a span is given, it is an example by itself too, and the text before it a counterexample: onsets are found so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from filters.scorers.heads import Heads
from learning.base import Base
from learning.errors import LearnError
from learning.fit import Examples, Linear, Prior
from learning.odds import Array, folds
from learning.reader import Reader
from learning.rows import Row

LEAST, LEAST_OF_EACH = 50, 20
FALSE_ALARMS = 0.005
RIDGE = 10.0
_FOLDS = 5
_WORDS_BEFORE = 3


@dataclass(frozen=True, slots=True)
class Fitted:
    """The head, and cross-validated log odds over one half's: of examples, counterexamples, and the base data."""

    head: Linear
    examples: Array
    counterexamples: Array
    background: Array

    def found(self, least: float = 0.0) -> float:
        """Return the part of the examples that is flagged from these log odds on."""
        return float((self.examples >= least).mean())

    def false_alarms(self, least: float = 0.0) -> tuple[float, float]:
        """Return the part of the counterexamples that is flagged, and of the base data."""
        return float((self.counterexamples >= least).mean()), float((self.background >= least).mean())

    @property
    def area(self) -> float:
        """The area under the curve of examples against counterexamples."""
        higher = self.examples[:, None] - self.counterexamples[None, :]
        return float((higher > 0).mean() + (higher == 0).mean() / 2)


def check(where: object, rows: Sequence[Row]) -> None:
    """Raise LearnError if these are too few to learn from, or of one kind."""
    counts = (sum(row.label for row in rows), sum(not row.label for row in rows))
    found = f"found {counts[0]} examples (label true) and {counts[1]} counterexamples (label false)"
    if not all(counts):
        missing = "counterexamples" if counts[0] else "examples"
        raise LearnError(where, f"{found}: no {missing}; add texts that are {'not ' * bool(counts[0])}of the category")
    if len(rows) < LEAST or min(counts) < LEAST_OF_EACH:
        raise LearnError(where, f"{found}, expected at least {LEAST} in all and {LEAST_OF_EACH} of each")
    texts: dict[str, Row] = {}
    for row in rows:
        other = texts.setdefault(row.text, row)
        if other.label != row.label:
            raise LearnError(f"{where}: line {row.line}", f"the text of line {other.line} again, with another label")


def fit(reader: Reader, heads: Heads, rows: Sequence[Row], base: Base) -> Fitted:
    """Return a head for what the rows are examples and counterexamples of."""
    rows = [Row(row.text, row.label, line=at) for at, row in enumerate(rows)] + _of_spans(rows)
    texts = [*(row.text for row in rows), *(row.text for row in base.fitted), *(row.text for row in base.quiet)]
    embeddings = reader.seen(texts, heads).embeddings
    own, fitted = len(rows), len(rows) + len(base.fitted)
    right = np.array([float(row.label) for row in rows] + [0.0] * len(base.fitted))
    examples = Examples(embeddings[:fitted], np.zeros(fitted), right, _counts(right[:own], len(base.fitted)))
    prior = Prior(embeddings[own:fitted], still=0.0, ridge=RIDGE, free_bias=True)
    left_out = _cross_validated(prior, examples, [row.line for row in rows])
    positive = right[:own] > 0.5
    head = prior.fit(examples)
    measured = np.concatenate([left_out[own:], head(embeddings[fitted:])])
    half = _half(left_out[:own][positive], left_out[:own][~positive], measured)
    moved = Linear(head.weight, head.bias - half)
    return Fitted(moved, left_out[:own][positive] - half, left_out[:own][~positive] - half, measured - half)


def _of_spans(rows: Sequence[Row]) -> list[Row]:
    found = []
    for at, row in enumerate(rows):
        for start, end in row.spans:
            before = row.text[:start].strip()
            found.append(Row(row.text[start:end].strip(), True, line=at))
            if len(before.split()) >= _WORDS_BEFORE:
                found.append(Row(before, False, line=at))
    return found


def _counts(right: Array, background: int) -> Array:
    """Return how much each row counts: examples, counterexamples and the background the same together."""
    positive = right > 0.5
    own = np.where(positive, 1.0, positive.sum() / max(1, (~positive).sum()))
    return np.concatenate([own, np.full(background, positive.sum() / max(1, background))])


def _cross_validated(prior: Prior, examples: Examples, groups: Sequence[int]) -> Array:
    """Return for each row the log odds by a head that was fitted without it; a row's spans are in its fold."""
    rest = len(examples.rows) - len(groups)
    fold = np.array([*folds(groups, _FOLDS), *(at % _FOLDS for at in range(rest))])
    found = np.zeros(len(fold))
    for number in range(_FOLDS):
        found[fold == number] = prior.fit(examples.only(fold != number))(examples.rows[fold == number])
    return found


def _half(examples: Array, counterexamples: Array, background: Array) -> float:
    """Return the log odds that are to mean one half."""
    least = float(np.quantile(background, 1 - FALSE_ALARMS))
    places = np.unique([least, *examples[examples >= least], *counterexamples[counterexamples >= least]])
    middles = [least, *((places[:-1] + places[1:]) / 2)]
    return float(max(middles, key=lambda at: float((examples >= at).mean() - (counterexamples >= at).mean())))
