"""Texts as the classifier sees them: what it says itself, and the embeddings that heads are fitted to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filters.category import Category
from filters.highest import highest_of
from filters.parts import with_parts
from filters.scorer import Scores
from filters.scorers.detoxify import DetoxifyScorer
from filters.scorers.heads import Heads
from filters.scorers.taught import Said, Taught
from reporting.progress import progress

Array = NDArray[np.float64]
_AT_ONCE = 64
_WORTH_TELLING = 500


@dataclass(frozen=True, slots=True)
class Seen:
    """Embeddings (texts, width) and log odds (texts, categories), of what the gate says of each text."""

    embeddings: Array
    odds: Mapping[Category, Array]


class Reader:
    """A classifier, and what it has said of the texts that it has read: each is read once."""

    def __init__(self, scorer: DetoxifyScorer) -> None:
        self.scorer = scorer
        self._known: dict[str, Said] = {}

    @property
    def base(self) -> int:
        """How many categories are the classifier's own."""
        return len(self.scorer.own)

    def categories(self, heads: Heads) -> tuple[Category, ...]:
        """Return the classifier's categories and those of the heads."""
        return (*self.scorer.own, *heads.categories)

    @property
    def width(self) -> int:
        """The width of an embedding."""
        output = self._read(["A first text."])[0].output
        assert output is not None
        return int(output.embeddings.shape[1])

    def seen(self, texts: Sequence[str], heads: Heads) -> Seen:
        """Return what is seen of texts, and what the gate with these heads makes of them.

        A text of several pieces is seen as their mean.
        """
        outputs = [said.output for said in self._read(texts) if said.output is not None]
        means = [output.embeddings.mean(dim=0, keepdim=True).double().numpy() for output in outputs]
        rows = [heads(output, self.base).amax(dim=0, keepdim=True).double().numpy() for output in outputs]
        odds = np.concatenate(rows)
        names = self.categories(heads)
        return Seen(np.concatenate(means), {name: odds[:, at] for at, name in enumerate(names)})

    def scores(self, texts: Sequence[str], heads: Heads) -> list[Scores]:
        """Return the scores that a gate with these heads gives, the highest of a text and its sentences."""
        every = [with_parts(text) for text in texts]
        taught = Taught(self.scorer.own, None, heads)
        said = self._read([part for parts in every for part in parts])
        return highest_of(every, [taught.scores(each)[0] for each in said])

    def _read(self, texts: Sequence[str]) -> list[Said]:
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        if len(new) >= _WORTH_TELLING:
            with progress("reading", len(new)) as advance:
                for start in range(0, len(new), _AT_ONCE):
                    self._add(new[start : start + _AT_ONCE])
                    advance(len(new[start : start + _AT_ONCE]))
        else:
            for start in range(0, len(new), _AT_ONCE):
                self._add(new[start : start + _AT_ONCE])
        return [self._known[text] for text in texts]

    def _add(self, texts: Sequence[str]) -> None:
        for text, said in zip(texts, self.scorer.embeddings(texts).each(), strict=True):
            self._known[text] = said
