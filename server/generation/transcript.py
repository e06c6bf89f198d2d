"""Tokens and characters of one choice, and how to get from one to the other.

1. The transcript is a function of the tokens in it: cutting and appending the same tokens again gives the same text.
2. `text` is all that the tokens spell, the stop token and a stop string that was cut off included: token ids, logprobs
   and the stop reason show them too. Passages are parts of it, so nothing can be sent that no scorer could see. What
   the answer says is its beginning, `said` characters long.
3. `ends[i]` is the length of the text after token i. A token that completes no character ends where its predecessor
   did; its text belongs to the token that completes it, or to the last one if none does.
4. A first word that goes on where the prompt stopped is judged with its beginning there, the `lead`.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from filters.boundaries import MAX_WORD, last_boundary, word_start
from filters.clauses import clause_start, previous_sentence_start, sentence_start
from filters.passage import Passage
from server.generation.draft import Detokenizer, Draft
from server.guard.events import Places, TokenSpan

_WORD = re.compile(r"\s*\S+")
FAR = 4 * MAX_WORD
"""Characters after which a word is too long to be scanned from its start at every token."""


class Transcript:
    """What one choice says so far. `detokenizer` makes a fresh one, primed with the prompt.

    `lead` is the word in which the prompt ends, empty if its last word is complete.
    """

    def __init__(self, detokenizer: Callable[[], Detokenizer], lead: str = "") -> None:
        self._make = detokenizer
        self._detokenizer = detokenizer()
        self._lead = lead
        self.tokens: list[int] = []
        self.logprobs: list[Any] = []
        self.seen: list[bytes | None] = []
        self.ends: list[int] = []
        self._boundary = 0
        self.ending: tuple[str, int | str | None] | None = None
        """Finish reason and stop reason, once the text has ended."""

    @property
    def finish_reason(self) -> str | None:
        """Why the text ended; None while it goes on."""
        return self.ending[0] if self.ending else None

    @property
    def text(self) -> str:
        """All that the tokens spell."""
        return self._detokenizer.text

    @property
    def answer(self) -> str:
        """What the answer says of it."""
        return self._detokenizer.text[: self._detokenizer.said]

    def append(self, draft: Draft) -> None:
        """Add the draft's tokens; a stop string ends the text in the middle of it."""
        last = len(draft.tokens) - 1
        stopped_by_token = draft.finish_reason == "stop" and not isinstance(draft.stop_reason, str)
        logprobs = draft.logprobs or [None] * len(draft.tokens)
        seen = draft.seen or [None] * len(draft.tokens)
        for i, (token, logprob, row) in enumerate(zip(draft.tokens, logprobs, seen, strict=True)):
            stop = self._feed(token, logprob, row, terminal=stopped_by_token and i == last)
            if stop is not None:
                return self._end("stop", stop)
        if draft.finish_reason is not None:
            self._end(draft.finish_reason, draft.stop_reason)

    def _feed(self, token: int, logprob: Any, seen: bytes | None, *, terminal: bool) -> str | None:
        stop = self._detokenizer.feed(token, terminal=terminal)
        self.tokens.append(token)
        self.logprobs.append(logprob)
        self.seen.append(seen)
        self.ends.append(len(self._detokenizer.text))
        return stop

    def _end(self, reason: str, stop: int | str | None) -> None:
        self.ending = (reason, stop)
        self._detokenizer.close()
        if self.ends:
            self.ends[-1] = len(self._detokenizer.text)

    def cut(self, to: int) -> None:
        """Forget every token from `to` on."""
        kept = zip(self.tokens[:to], self.logprobs[:to], self.seen[:to], strict=True)
        self._detokenizer = self._make()
        self.tokens = []
        self.logprobs = []
        self.seen = []
        self.ends = []
        self.ending = None
        self._boundary = 0
        for token, logprob, seen in kept:
            self._feed(token, logprob, seen, terminal=False)

    def fork(self) -> "Transcript":
        """Return another one with the same tokens."""
        fork = Transcript(self._make, self._lead)
        for token, logprob in zip(self.tokens, self.logprobs, strict=True):
            fork._feed(token, logprob, None, terminal=False)
        return fork

    def judgeable(self) -> int:
        """Return how many tokens, from the first, can be judged: up to the last one that ends at a word's end.

        Tokens after it without text may hold part of the next character, and wait with it. Only a word that is too long
        to wait for is cut inside.
        """
        text = self._detokenizer.text
        boundary = last_boundary(text, self._boundary)
        self._boundary = boundary
        count = bisect_right(self.ends, boundary)
        while count and (start := _near_word_start(text, self.ends[count - 1])) < self.ends[count - 1]:
            # The word goes on in a token that cannot be judged yet, since it begins the next word as well.
            if boundary - start >= MAX_WORD:
                break
            count = bisect_right(self.ends, start)
        return _without_textless(self.ends, count)

    def start_of(self, index: int) -> int:
        """Return the character at which token `index` begins."""
        return self.ends[index - 1] if index else 0

    def passage(self, window: TokenSpan, released: int) -> tuple[Passage, int]:
        """Return the text of `window` for a scorer, begun at a whole word, and the character at which it starts.

        A word that began in the prompt is whole with its lead, and starts that much before the first character; it is
        read without it as well. So is the last window without what the answer leaves out: most readers see just that.
        """
        text = self._detokenizer.text
        start = _near_word_start(text, self.start_of(window.start))
        fresh = self.start_of(min(max(released, window.start), window.end)) - start
        shown = text[start : self.start_of(window.end)]
        lead = self._lead if not start and _continues(self._lead, shown) else ""
        shown = lead + shown
        others = [*self._detokenizer.also_read(shown)]
        others += [shown[len(lead) :]] if lead else []
        if window.end == len(self.tokens) and self._detokenizer.said < len(text):
            others.append(text[start : self._detokenizer.said])
        return Passage(shown, len(lead) + fresh, tuple(others), len(lead)), start - len(lead)

    def token_at(self, character: int) -> int:
        """Return the index of the token that holds `character` of the text, the first one if several do."""
        return _without_textless(self.ends, bisect_right(self.ends, character))

    def sayable(self, upto: int, *, closing: bool) -> int:
        """Return how many characters of the answer may be sent once the tokens before `upto` are released.

        Those that a stop string may still take back wait, unless the text has ended or is `closing`.
        """
        said, settled = self._detokenizer.said, closing or self.ending is not None
        return min(self.start_of(upto), said if settled else max(0, said - self._detokenizer.unsettled))

    def spelled(self, start: int, end: int) -> list[str]:
        """Return what each token from `start` to before `end` adds to the text."""
        return [self._detokenizer.text[self.start_of(index) : self.ends[index]] for index in range(start, end)]


def word(transcript: Transcript, at: int) -> frozenset[int]:
    """Return the tokens of the word that token `at` begins, up to the next white space."""
    if at >= len(transcript.tokens):
        return frozenset()
    found = _WORD.match(transcript.text, transcript.start_of(at))
    end = found.end() if found else 0
    return frozenset(
        token for index, token in enumerate(transcript.tokens[at:], at) if transcript.start_of(index) < end
    )


def seen_of(transcript: Transcript, window: TokenSpan) -> bytes | None:
    """Return what the model's probe saw of the tokens of a window, row after row; None unless it saw all of them.

    What it sees of a token comes with the next one.
    """
    rows = transcript.seen[window.start + 1 : window.end + 1]
    known = [row for row in rows if row is not None]
    return b"".join(known) if known and len(known) == window.end - window.start else None


def places_around(transcript: Transcript, character: int) -> Places:
    """Return the tokens at which the clause and the sentence of a character begin, and the sentence before."""
    text, at = transcript.text, transcript.token_at
    return Places(
        clause=at(clause_start(text, character)),
        sentence=at(sentence_start(text, character)),
        previous_sentence=at(previous_sentence_start(text, character)),
    )


def _without_textless(ends: list[int], count: int) -> int:
    """Return the first `count` tokens, less those at their end that have no text of their own."""
    while count and ends[count - 1] == (ends[count - 2] if count > 1 else 0):
        count -= 1
    return count


def _near_word_start(text: str, index: int) -> int:
    """Return the start of the word at `index`; of a word without end, a place that is near enough."""
    return word_start(text, index, max(0, index - FAR))


def _continues(lead: str, text: str) -> bool:
    """Return whether the text goes on with the word that `lead` begins."""
    return bool(lead) and word_start(lead + text, len(lead)) < len(lead)
