"""The grammar of a structured answer, set back to an earlier token.

1. A grammar follows the last tokens of an answer: those of its reasoning, if it has one, come before it.
2. vLLM's grammars roll back token by token. Of some it is not known how many tokens they have followed; such a one is
   rolled back only where nothing comes before it.
"""

from collections.abc import Sequence
from typing import Any

from vllm.v1.request import Request


def follow(grammars: Any, request: Request, tokens: Sequence[int]) -> bool:
    """Lead the grammar over tokens that stand at the end of the request already; False if they break it."""
    return bool(grammars.accept_tokens(request, list(tokens)))


def rewind(grammars: Any, request: Request, kept: int, more: Sequence[int]) -> bool:
    """Lead the grammar back to behind `kept` tokens of the output and on over `more`; False if that cannot be done.

    After False the grammar is unfit for use: the request must be given up.
    """
    wish = request.structured_output_request
    if wish is None:
        return True
    followed = _followed(grammars, request)
    if followed is None:
        return False
    before = request.num_output_tokens - followed
    if followed and request.num_output_tokens > kept:
        wish.grammar.rollback(min(followed, request.num_output_tokens - kept))
    if kept < before:
        wish.reasoning_ended = False
        wish.reasoner = None
    if not more:
        return True
    # Masks have no place in a grammar: what is put back was drawn under it before, in another attempt.
    return kept >= before and bool(wish.grammar.accept_tokens(request.request_id, list(more)))


def _followed(grammars: Any, request: Request) -> int | None:
    """How many tokens of the output the grammar has followed."""
    grammar = request.structured_output_request.grammar
    counted = getattr(grammar, "num_processed_tokens", None)
    if counted is not None:
        return min(int(counted), int(request.num_output_tokens))
    from_the_start = grammars.reasoner_cls is None or grammars.enable_in_reasoning
    return int(request.num_output_tokens) if from_the_start else None
