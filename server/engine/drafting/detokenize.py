"""vLLM's own incremental detokenizer, behind the transcript's port.

1. The guard keeps its own instance: the text of a resubmitted request cannot be used, since a decode stream that is
   primed with ids ending inside a UTF-8 character gives out the whole prompt at its next step.
2. It is asked to spell every token, stop tokens included, and to look for no stop string: where the answer's text ends
   is found beside it, by vLLM's own search, as plain vLLM would have ended it.
"""

import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from vllm.sampling_params import SamplingParams
from vllm.v1.engine.detokenizer import IncrementalDetokenizer, check_stop_strings

from filters.boundaries import MAX_WORD, last_boundary

INCOMPLETE = "\ufffd"
"""What a tokenizer shows for bytes that are no whole character."""


class VllmDetokenizer:
    """Text of one choice, and how much of it plain vLLM would have said."""

    def __init__(self, tokenizer: Any, prompt_token_ids: Sequence[int], params: SamplingParams) -> None:
        self._tokenizer = tokenizer
        self._params = params
        self._stop = list(params.stop or ())
        self._inner: Any = IncrementalDetokenizer.from_new_request(tokenizer, _spelling(prompt_token_ids, params))
        self._count = 0
        self._pending: list[int] = []
        """The tokens whose text has not come yet."""
        self._rest = ""
        self.said = 0

    @property
    def text(self) -> str:
        """The text so far, special tokens as the client wants them."""
        return str(self._inner.output_text) + self._rest

    @property
    def unsettled(self) -> int:
        """How many characters at the end may still turn out to begin a stop string."""
        if not self._stop or self._params.include_stop_str_in_output:
            return 0
        return max(map(len, self._stop)) - 1

    def feed(self, token: int, *, terminal: bool) -> str | None:
        """Append one token; return the stop string that matched, if one did."""
        before = len(self._inner.output_text)
        self._inner.update([token], False)
        self._count += 1
        length = len(self._inner.output_text)
        self._pending = [] if length > before else [*self._pending, token]
        if terminal and not self._params.include_stop_str_in_output:
            return None
        self.said = length
        return self._stopped(length - before)

    def _stopped(self, fresh: int) -> str | None:
        """Return the stop string that ends in the last `fresh` characters, if one does."""
        if not self._stop or self._count <= self._params.min_tokens:
            return None
        included = self._params.include_stop_str_in_output
        found = check_stop_strings(self._inner.output_text, fresh, self._stop, included)
        if found is None:
            return None
        stop, end = found
        self.said = end if end >= 0 else self.said
        return str(stop)

    def close(self) -> None:
        """End the text: spell tokens that wait for the rest of a character as far as they go."""
        if self._pending:
            rest = self._tokenizer.decode(self._pending, skip_special_tokens=self._params.skip_special_tokens)
            self._rest = str(rest).replace(INCOMPLETE, "")

    def also_read(self, text: str) -> tuple[str, ...]:
        """Return the other readings of the ids of a part of `text`."""
        if self._params.skip_special_tokens:
            return ()
        marks = "|".join(map(re.escape, sorted(self._tokenizer.all_special_tokens, key=len, reverse=True)))
        without = re.sub(marks, "", text) if marks else text
        return (without,) if without != text else ()


def _spelling(prompt_token_ids: Sequence[int], params: SamplingParams) -> SimpleNamespace:
    """Return the request that vLLM's detokenizer is made for: the client's spelling of special tokens, and no end."""
    spelling = SimpleNamespace(
        skip_special_tokens=params.skip_special_tokens,
        spaces_between_special_tokens=params.spaces_between_special_tokens,
        stop=[],
        min_tokens=0,
        include_stop_str_in_output=True,
    )
    ids = list(prompt_token_ids)
    return SimpleNamespace(sampling_params=spelling, prompt_token_ids=ids, prompt_embeds=None, request_id="unsay")


def detokenizers(
    tokenizer: Any, prompt_token_ids: Sequence[int], params: SamplingParams
) -> Callable[[], VllmDetokenizer]:
    """Return a maker of fresh detokenizers for one choice."""
    return lambda: VllmDetokenizer(tokenizer, prompt_token_ids, params)


def unfinished_word(tokenizer: Any, prompt_token_ids: Sequence[int]) -> str:
    """Return the word in which a prompt ends, as far as it goes; empty after a word's end or a special token."""
    special = frozenset(tokenizer.all_special_ids)
    last: list[int] = []
    for token in reversed(prompt_token_ids[-MAX_WORD:]):
        if token in special:
            break
        last.insert(0, token)
    text = str(tokenizer.decode(last))
    return text[last_boundary(text) :]
