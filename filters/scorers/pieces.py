"""How texts are cut and grouped for a model that reads a limited number of tokens. Pure arithmetic."""

from collections.abc import Sequence

# Tokenizers without a limit of their own report 10**30 or so.
_SENTINEL = 10**6
# These count positions from padding_idx + 1 = 2 (fairseq's convention), so two of the positions are never used.
_OFFSET_MODELS = frozenset({"roberta", "xlm-roberta"})

OVERLAP = 64  # tokens: a phrase of up to this many is whole in some piece
BUNDLE_PIECES = 32
BUNDLE_TOKENS = 8192
LOAD_TOKENS = 2048  # of a pass without padding: more at once is no faster, and takes more memory
ALIKE = 0.75  # the shortest of the pieces that attend together has this part of the longest's tokens


def reading_limit(tokenizer_limit: int, positions: int, model_type: str) -> int:
    """Return how many tokens the model reads at once, its special tokens included."""
    usable = positions - 2 if model_type in _OFFSET_MODELS else positions
    return min(usable, tokenizer_limit) if tokenizer_limit < _SENTINEL else usable


def overlap(limit: int, special: int) -> int:
    """Return how many tokens neighbouring pieces of `limit` tokens share, `special` of them not the text's."""
    return min(OVERLAP, (limit - special) // 2)


def bundles(lengths: Sequence[int]) -> list[list[int]]:
    """Return the indices of the pieces grouped into padded forward passes, longest first, so that little is padding.

    A bundle holds at most BUNDLE_PIECES pieces, BUNDLE_TOKENS tokens with padding (or one piece), and none shorter than
    half of its longest, unless both are short: below 32 tokens a pass of its own costs more than the padding.
    """
    result: list[list[int]] = []
    longest = 0
    for index in sorted(range(len(lengths)), key=lambda each: -lengths[each]):
        full = not result or len(result[-1]) >= min(BUNDLE_PIECES, BUNDLE_TOKENS // max(longest, 1))
        if full or 2 * lengths[index] < longest > 32:
            result.append([])
            longest = lengths[index]
        result[-1].append(index)
    return result


def loads(lengths: Sequence[int]) -> list[list[int]]:
    """Return the pieces' indices in passes without padding, longest first: at most LOAD_TOKENS each, or one piece."""
    result: list[list[int]] = []
    room = 0
    for index in sorted(range(len(lengths)), key=lambda each: -lengths[each]):
        if lengths[index] > room:
            result.append([])
            room = LOAD_TOKENS
        result[-1].append(index)
        room -= lengths[index]
    return result


def alike(lengths: Sequence[int]) -> list[int]:
    """Return how many of the descending lengths belong together each time: a part of ALIKE of the longest or more."""
    result: list[int] = []
    longest = 0
    for length in lengths:
        if length < ALIKE * longest or not result:
            result.append(0)
            longest = length
        result[-1] += 1
    return result
