"""The grammar of a structured answer: whether it allows anything, and how it is set back to an earlier token.

1. A grammar follows the last tokens of an answer: those of its reasoning, if it has one, come before it.
2. vLLM's grammars roll back token by token. Of some it is not known how many tokens they have followed; such a one is
   rolled back only where nothing comes before it.
3. One that has come to its end follows nothing more, so it is not known how many tokens came after it (a request that
   ignores the end of text draws some): it is not rolled back.
"""

from collections.abc import Sequence
from typing import Any

from vllm.v1.request import Request


def allows_anything(outputs: Any, request: Request) -> bool:
    """Return whether a fresh grammar has a token for the beginning; one that refers to nothing but itself has none."""
    grammar = request.structured_output_request.grammar
    mask = outputs.backend.allocate_token_bitmask(1)
    grammar.fill_bitmask(mask, 0)
    return bool(grammar.is_terminated() or mask.any())


def follow(outputs: Any, request: Request, count: int) -> bool:
    """Lead the grammar over the last tokens of the prompt, which an earlier request drew; False if they break it."""
    prompt = request.prompt_token_ids or []
    before, tokens = prompt[:-count], prompt[-count:]
    wish, reasoner = request.structured_output_request, outputs._get_reasoner(request)
    if wish.reasoning_ended is None and reasoner is not None:
        # vLLM would ask the whole prompt, and take the end of a reasoning among these tokens for one before them.
        wish.reasoning_ended = reasoner.is_reasoning_end(before)
    return bool(outputs.accept_tokens(request, tokens))


def rewind(outputs: Any, request: Request, kept: int, more: Sequence[int]) -> bool:
    """Take the grammar back to just after `kept` output tokens, then on over `more`; False if that cannot be done.

    After False the grammar is unfit for use: the request must be given up.
    """
    wish = request.structured_output_request
    if wish is None:
        return True
    followed = _followed(outputs, request)
    if followed is None or wish.grammar.is_terminated():
        return False
    before = request.num_output_tokens - followed
    if not _led_back(wish.grammar, min(followed, request.num_output_tokens - kept)):
        return False
    if kept < before:
        wish.reasoning_ended = False
        wish.reasoner = None
    if not more:
        return True
    # Masks have no place in a grammar: what is put back was drawn under it before, in another attempt.
    return kept >= before and bool(wish.grammar.accept_tokens(request.request_id, list(more)))


def _led_back(grammar: Any, count: int) -> bool:
    if count > 0:
        try:
            grammar.rollback(count)
        except ValueError:  # outlines remembers its last few tokens only
            return False
    return True


def _followed(outputs: Any, request: Request) -> int | None:
    """Return how many tokens of the output the grammar has followed."""
    grammar = request.structured_output_request.grammar
    counted = getattr(grammar, "num_processed_tokens", None)
    if counted is not None:
        return min(int(counted), int(request.num_output_tokens))
    from_the_start = outputs.reasoner_cls is None or outputs.enable_in_reasoning
    return int(request.num_output_tokens) if from_the_start else None
