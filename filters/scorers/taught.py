"""A classifier's outputs with what was learned beside it: one value, replaced whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from filters.category import Category
from filters.scorer import Scores, ThresholdValues
from filters.scorers.heads import Heads, Output, rms

if TYPE_CHECKING:
    import torch

    from filters.scorers.passes import Passes
    from filters.scorers.shadow import Shadow


class Said(NamedTuple):
    """What a pass says of the pieces of some texts, so many of each; None if there is no text."""

    output: Output | None
    counts: Sequence[int]

    def each(self) -> Iterator[Said]:
        """Yield what is said of each text by itself."""
        start = 0
        for count in self.counts if self.output is not None else ():
            logits, embeddings = (rows[start : start + count] for rows in self.output or ())
            yield Said(Output(logits, embeddings), [count])
            start += count


class Taught:
    """A classifier's own categories, and heads over its embeddings, if there are any.

    `margins` are how far off log odds of a rough pass may be, None where that is too far for it to be of use, or where
    no rough pass is made (`passes` is None).
    """

    def __init__(
        self, own: Sequence[Category], passes: Passes | None, heads: Heads | None = None, shadow: Shadow | None = None
    ) -> None:
        self.version = heads.version if heads else ""
        self.categories = (*own, *(heads.categories if heads else ()))
        self._base = len(own)
        self._heads = heads
        self._shadow = shadow
        self.margins = None if passes is None else self._margins(passes)

    def must_read(self, text: str) -> bool:
        """Return whether the classifier has to read a text: for the heads, or for the shadow."""
        return self._heads is not None or (self._shadow is not None and self._shadow.takes(text))

    def scores(self, said: Said) -> list[Scores]:
        """Return the scores of each text, the highest over its pieces."""
        return self._named(self._rows(said, self._heads)) if said.output is not None else []

    def bounds(self, said: Said) -> list[Scores]:
        """Return upper bounds of the scores of each text from what a rough pass says."""
        if said.output is None or self.margins is None:
            return self.scores(said)
        return self._named(self._rows(said, self._heads) + self.margins)

    def compare(
        self,
        texts: Sequence[str],
        thresholds: Sequence[ThresholdValues],
        scores: Sequence[Scores],
        said: Sequence[Said],
        doubtful: Sequence[int] = (),
    ) -> None:
        """Tell the shadow what it would have said of its share, from the passes that were made anyway.

        The second pass, if there is one, was over the `doubtful` texts.
        """
        if self._shadow is None or not texts:
            return
        rows = self._rows(said[0], self._shadow.heads)
        if doubtful:
            rows[list(doubtful)] = self._rows(said[1], self._shadow.heads)
        categories = (*self.categories[: self._base], *self._shadow.heads.categories)
        found = [dict(zip(categories, row, strict=True)) for row in rows.sigmoid().tolist()]
        self._shadow.compare(texts, thresholds, scores, found)

    def _rows(self, said: Said, heads: Heads | None) -> torch.Tensor:
        """Return log odds (texts, categories)."""
        return log_odds(said, self._base, heads)

    def _named(self, logits: torch.Tensor) -> list[Scores]:
        return [dict(zip(self.categories, row, strict=True)) for row in logits.sigmoid().tolist()]

    def _margins(self, passes: Passes) -> torch.Tensor | None:
        """Return a margin for each category: as of the classifier, and more where heads make more of its errors."""
        import torch

        from filters.scorers.passes import MARGIN_ERRORS, MARGIN_MOST

        margins = torch.full((len(self.categories),), passes.margin)
        if self._heads is None or passes.trials is None:
            return margins
        exact, rough = (self._heads(each, self._base) for each in passes.trials)
        margins = torch.maximum(margins, MARGIN_ERRORS * torch.tensor(rms(rough - exact)))
        return margins if bool((margins <= MARGIN_MOST).all()) else None


def log_odds(said: Said, base: int, heads: Heads | None) -> torch.Tensor:
    """Return log odds (texts, categories) of at least one text: `base` categories of the classifier's and the heads'.

    A model may have more outputs than named classes: the named ones come first.
    """
    import torch

    assert said.output is not None
    rows = heads(said.output, base) if heads else said.output.logits[:, :base]
    if len(rows) == len(said.counts):
        return rows
    return torch.stack([own.amax(dim=0) for own in torch.split(rows, list(said.counts))])
