"""How logprobs name a token whose text must not be read.

1. Nothing vanishes: the entry keeps its place, logprob and rank. Whoever looks for the likeliest token, as evaluation
   harnesses do, finds what the model found, and as many alternatives as requested.
2. Its text is a marker, and its id, which would spell the text, a number below 0. Both are counted within one position,
   since some routes key alternatives by one of them.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

MARKER = "[withheld:{}]"


def withhold(entry: Mapping[int, Any], ids: Collection[int]) -> dict[int, Any]:
    """Return the alternatives of a position (vLLM's Logprob by token id) in their order, those of `ids` unnamed."""
    named: dict[int, Any] = {}
    count = sum(1 for token in entry if token < 0)
    for token, value in entry.items():
        if token in ids:
            count += 1
            named[-count] = replace(value, decoded_token=MARKER.format(count))
        else:
            named[token] = value
    return named
