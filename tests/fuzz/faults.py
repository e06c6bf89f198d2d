"""Faults that were in the server once, or could be, put in on purpose: the oracle has to find each."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from server.engine.alternatives import Alternatives
from server.engine.drafting.detokenize import VllmDetokenizer
from server.generation.trace import Trace
from server.generation.transcript import Transcript


@contextmanager
def unsettled_slice() -> Iterator[None]:
    """A stop string longer than the text makes the end of what is sent a place before its start."""

    def sayable(self: Transcript, upto: int, *, closing: bool) -> int:
        end = self.start_of(upto)
        return end if closing else min(end, len(self.text) - self._detokenizer.unsettled)

    def _send(self: Any, upto: int, reason: str | None, stop_reason: Any) -> int:
        from server.generation.outlet import Piece

        if self._channel.closed:
            return 0
        transcript, end = self._transcript, self._transcript.sayable(upto, closing=reason is not None)
        tokens, logprobs = transcript.tokens[self.tokens : upto], transcript.logprobs[self.tokens : upto]
        spelled, text = transcript.spelled(self.tokens, upto), transcript.text[self.characters : end]
        self.tokens, self.characters = max(self.tokens, upto), max(self.characters, end)
        self._channel.put(Piece(tokens, logprobs, text, reason, stop_reason, spelled))
        return len(tokens)

    with patch.object(Transcript, "sayable", sayable), patch("server.generation.outlet.Outlet._send", _send):
        yield


@contextmanager
def unjudged_stop_token() -> Iterator[None]:
    """A stop token is no part of what the scorer sees."""
    feed = VllmDetokenizer.feed

    def without(self: VllmDetokenizer, token: int, *, terminal: bool) -> str | None:
        return None if terminal else feed(self, token, terminal=False)

    with patch.object(VllmDetokenizer, "feed", without):
        yield


@contextmanager
def unjudged_alternatives() -> Iterator[None]:
    """Alternatives leave as the engine gave them."""

    async def clear(self: Alternatives, piece: Any) -> Any:
        return piece

    with patch.object(Alternatives, "clear", clear):
        yield


@contextmanager
def no_lead() -> Iterator[None]:
    """The first word is judged without its beginning in the prompt."""
    with patch("server.engine.client.unfinished_word", lambda tokenizer, ids: ""):
        yield


@contextmanager
def half_words() -> Iterator[None]:
    """All that is drafted is judged at once, in the middle of a word too, and no context with it."""

    def passage(self: Transcript, window: Any, released: int) -> Any:
        from filters.passage import Passage

        start = self.start_of(window.start)
        return Passage(self.text[max(start, self.start_of(released)) : self.start_of(window.end)], 0), start

    with (
        patch.object(Transcript, "judgeable", lambda self: len(self.tokens)),
        patch.object(Transcript, "passage", passage),
    ):
        yield


@contextmanager
def told_in_words() -> Iterator[None]:
    """A trace tells everybody what is drafted."""
    with patch.object(Trace, "texts", property(lambda trace: True, lambda trace, texts: None), create=True):
        yield


FAULTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "unsettled-slice": unsettled_slice,
    "unjudged-stop-token": unjudged_stop_token,
    "unjudged-alternatives": unjudged_alternatives,
    "no-lead": no_lead,
    "half-words": half_words,
    "told-in-words": told_in_words,
}
