"""The windows that a guard would have judged of an answer, and what the gate would say of each.

1. Windows are the guard's (server/guard/windows.py): strides that grow, with context before them, to a word's end. A
   verdict takes a while, so that some more tokens come into a window: as many as chance says.
2. Their text is the transcript's, and is judged as `filters/judge.py` has it: as a whole, and each sentence that
   reaches into what is fresh by itself; the highest scores count.
3. The window that shows an answer as a whole is none of them: no probe clears it (server/generation/glance.py).
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filters.parts import parts
from filters.scorer import Scorer
from probing.writing import Written
from server.generation.draft import Draft
from server.generation.transcript import Transcript
from server.guard.events import TokenSpan
from server.policy.policy import Policy

LATEST = 6
"""Tokens that come while a verdict is awaited, at most."""
_TOGETHER = 64
_LEAST, _MOST = 1e-5, 1 - 1e-5

Table = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Window:
    """Tokens of one answer (by its number), those from `fresh` on new, and the texts that are judged of them."""

    answer: int
    span: TokenSpan
    fresh: int
    texts: tuple[str, ...]


class _Spelled:
    """What tokens spell, known beforehand: a detokenizer for a transcript."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._fed = 0
        self.unsettled = 0

    @property
    def text(self) -> str:
        return self._texts[self._fed]

    @property
    def said(self) -> int:
        return len(self.text)

    def feed(self, token: int, *, terminal: bool) -> str | None:
        self._fed += 1
        return None

    def close(self) -> None:
        """Spell nothing more."""

    def also_read(self, text: str) -> tuple[str, ...]:
        """Return nothing: no token is special here."""
        return ()


def windows(answer: int, written: Written, texts: Sequence[str], chance: random.Random) -> Iterator[Window]:
    """Yield the windows of an answer under the default policy; `texts` is what its tokens spell (`spelled`)."""
    policy, cleared, wait = Policy(), 0, chance.randint(0, LATEST)
    transcript = Transcript(lambda: _Spelled(texts))
    for token in written.tokens:
        transcript.append(Draft((token,)))
        end = transcript.judgeable()
        stride = min(max(cleared, policy.stride), policy.max_stride) if cleared else policy.first_stride
        if end - cleared >= stride + wait:
            span = TokenSpan(max(0, cleared - policy.context), end)
            passage, _ = transcript.passage(span, max(0, cleared - policy.hold_back))
            places = parts(passage.text, passage.fresh)
            yield Window(answer, span, cleared, (passage.text, *(passage.text[at.start : at.end] for at in places)))
            cleared, wait = end, chance.randint(0, LATEST)


def spelled(tokens: Sequence[int], tokenizer: Any) -> list[str]:
    """Return what the first tokens spell, for each number of them; a character appears with its last token."""
    return [tokenizer.decode(tokens[:count]).rstrip("\ufffd") for count in range(len(tokens) + 1)]


def scores(found: Sequence[Sequence[str]], gate: Scorer, told: Callable[[int, int], None]) -> Table:
    """Return the gate's log odds of what is judged by several texts each, the worst of which counts.

    (given, 1 + categories), the highest first. `told` hears how far it is.
    """
    texts = sorted({text for each in found for text in each if text.strip()}, key=len)
    known: dict[str, list[float]] = {}
    for at in range(0, len(texts), _TOGETHER):
        some = texts[at : at + _TOGETHER]
        known |= {text: list(row.values()) for text, row in zip(some, gate.score(some), strict=True)}
        told(at + len(some), len(texts))
    nothing = [0.0] * len(gate.categories)
    rows = [np.max([known.get(text, nothing) for text in each], axis=0) for each in found]
    table = np.clip(np.array(rows, np.float64).reshape(len(rows), -1), _LEAST, _MOST)
    odds = np.log(table / (1 - table))
    labelled: Table = np.concatenate([odds.max(axis=1, keepdims=True), odds], axis=1).astype(np.float32)
    return labelled


def features(found: Iterable[tuple[int, TokenSpan]], answers: Sequence[Written]) -> Table:
    """Return the mean of the states of each stretch of an answer, and its last one (stretches, 2 * width)."""
    rows = []
    for answer, span in found:
        states = answers[answer].states[span.start : span.end].float().numpy()
        rows.append(np.concatenate([states.mean(axis=0), states[-1]]))
    return np.array(rows, np.float32)


def leading(found: Sequence[Window], answers: Sequence[Written]) -> Table:
    """Return the mean of the states from which the fresh tokens of each window were drawn (windows, width)."""
    rows = []
    for window in found:
        states = answers[window.answer].states[max(0, window.fresh - 1) : window.span.end - 1]
        rows.append(states.float().mean(dim=0).numpy())
    return np.array(rows, np.float32)
