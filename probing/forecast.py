"""Sentences that are still being written, and what the gate says of each once it is over: what a forecast learns from.

1. A forecast is asked where an alarm is (server/generation/glance.py): among the tokens since the last window, from
   the first few on. It sees what an alarm sees there, the states of the context and of these tokens.
2. What it is to say is what the gate says of the whole sentence in which the last of them stands, words that were not
   drawn yet included. The last sentence of an answer is as long as the answer has made it.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from filters.parts import parts
from filters.span import TextSpan
from probing.windows import Window
from server.guard.events import TokenSpan
from server.policy.policy import Policy

EVERY = 4
"""Tokens from one beginning to the next: neighbours see nearly the same."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is seen (`span`) of an answer (by its number) while a sentence is written, and the `sentence` as it ends.

    `share` (0..1) of its tokens are there.
    """

    answer: int
    span: TokenSpan
    sentence: str
    share: float


def beginnings(windows: Sequence[Window], texts: Sequence[str]) -> Iterator[Beginning]:
    """Yield what alarms might have seen before each window of an answer was cut, with the sentence it stands in.

    `texts` is what the answer's tokens spell (probing/windows.py, `spelled`).
    """
    sentences = parts(texts[-1]) or [TextSpan(0, len(texts[-1]))]
    for window in windows:
        yield from _before(window, texts, sentences)


def _before(window: Window, texts: Sequence[str], sentences: Sequence[TextSpan]) -> Iterator[Beginning]:
    for known in range(window.fresh + Policy().first_stride, window.span.end + 1, EVERY):
        sentence = _around(len(texts[known]), sentences)
        begin, end = (_token(texts, len(texts[-1][:at].rstrip())) for at in (sentence.start, sentence.end))
        share = (known - begin) / max(1, end - begin)
        yield Beginning(
            window.answer, TokenSpan(window.span.start, known), texts[-1][sentence.start : sentence.end], share
        )


def _around(said: int, sentences: Sequence[TextSpan]) -> TextSpan:
    """Return the sentence in which the last of `said` characters stands."""
    return next((each for each in sentences if each.end >= said), sentences[-1])


def _token(texts: Sequence[str], at: int) -> int:
    """Return how many tokens spell the first `at` characters."""
    return bisect_left(texts, at, key=len)
