"""What was seen of the last few tokens of each request, to be sent along with its outputs.

vLLM merges outputs that wait for their reader: token ids are joined, of `kv_transfer_params` only the last is kept. So
every output has what was seen of the last `LENGTH` tokens. What a reader misses all the same is not known to it.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

PARAMETER = "unsay_seen"
"""Ours among `kv_transfer_params`: a list of rows, the last one seen before the last token of the output was drawn."""
LENGTH = 8


class Tails:
    """The tails by the names of requests."""

    def __init__(self) -> None:
        self._tails: dict[str, deque[bytes]] = {}
        self._over: list[str] = []

    def begin(self, name: str) -> None:
        """Keep a tail of this request from now on, or begin it anew."""
        self._tails[name] = deque(maxlen=LENGTH)

    def end(self, name: str) -> None:
        """Forget the tail, once the outputs of this step are out."""
        self._over.append(name)

    def put(self, outputs: Iterable[Any], seen: Mapping[str, bytes]) -> None:
        """Add to the outputs of a step what was seen: a row for the one token that each of them has more."""
        for output in outputs:
            tail, row = self._tails.get(output.request_id), seen.get(output.request_id)
            if tail is None or not output.new_token_ids:
                continue
            if row is None or len(output.new_token_ids) > 1:
                tail.clear()  # rows stand for the last tokens, without gaps
                continue
            tail.append(row)
            output.kv_transfer_params = {**(output.kv_transfer_params or {}), PARAMETER: list(tail)}
        for name in self._over:
            self._tails.pop(name, None)
        self._over.clear()


def rows_of(params: Mapping[str, Any] | None, tokens: int) -> list[bytes | None] | None:
    """Return what was seen before each of the last `tokens` tokens, None where that is not known; None without any."""
    tail: list[bytes] = (params or {}).get(PARAMETER, [])
    if not tail or not tokens:
        return None
    known = tail[-tokens:]
    return [*[None] * (tokens - len(known)), *known]
