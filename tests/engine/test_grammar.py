"""A grammar is led back and on, token by token, or not at all."""

from types import SimpleNamespace
from typing import Any

import pytest

from server.engine import grammar


class Grammar:
    """Follows tokens that are below 100. `counts`: whether it tells how many it has followed."""

    def __init__(self, followed: list[int], *, counts: bool = True) -> None:
        self.followed = list(followed)
        self._counts = counts

    def __getattr__(self, name: str) -> Any:
        if name == "accept_tokens":  # vLLM's name
            return self._follow
        if name == "num_processed_tokens" and self.__dict__["_counts"]:
            return len(self.followed)
        raise AttributeError(name)

    def rollback(self, count: int) -> None:
        del self.followed[len(self.followed) - count :]

    def _follow(self, request_id: str, tokens: list[int]) -> bool:
        self.followed += tokens
        return max(tokens) < 100


def request(drawn: int, own: Grammar | None) -> Any:
    wish = None if own is None else SimpleNamespace(grammar=own, reasoning_ended=True, reasoner=object())
    return SimpleNamespace(num_output_tokens=drawn, structured_output_request=wish, request_id="r")


PLAIN = SimpleNamespace(reasoner_cls=None, enable_in_reasoning=False)


def test_a_request_without_one_needs_nothing() -> None:
    assert grammar.rewind(PLAIN, request(5, None), 2, [7])


@pytest.mark.parametrize(
    ("kept", "more", "left"), [(2, [], [1, 2]), (0, [], []), (2, [8, 9], [1, 2, 8, 9]), (4, [], [1, 2, 3, 4])]
)
def test_it_is_led_back_and_on(kept: int, more: list[int], left: list[int]) -> None:
    own = Grammar([1, 2, 3, 4])
    assert grammar.rewind(PLAIN, request(4, own), kept, more)
    assert own.followed == left


def test_tokens_of_the_reasoning_before_it_are_not_its_own() -> None:
    own = Grammar([3, 4])
    asked = request(4, own)  # two tokens of reasoning, then two of the answer
    assert grammar.rewind(PLAIN, asked, 3, [])
    assert own.followed == [3] and asked.structured_output_request.reasoning_ended
    assert grammar.rewind(PLAIN, request(3, own), 1, [])
    assert own.followed == []


def test_a_rewind_into_the_reasoning_begins_it_anew() -> None:
    asked = request(4, Grammar([3, 4]))
    assert grammar.rewind(PLAIN, asked, 1, [])
    assert not asked.structured_output_request.reasoning_ended and asked.structured_output_request.reasoner is None


def test_what_breaks_the_grammar_is_told() -> None:
    assert not grammar.rewind(PLAIN, request(4, Grammar([1, 2, 3, 4])), 2, [100])
    assert not grammar.rewind(PLAIN, request(4, Grammar([3, 4])), 1, [7])  # amid the reasoning


def test_of_one_that_does_not_count_nothing_is_assumed_behind_a_reasoning() -> None:
    own = Grammar([1, 2, 3], counts=False)
    assert grammar.rewind(PLAIN, request(3, own), 1, []) and own.followed == [1]
    reasoning = SimpleNamespace(reasoner_cls=object, enable_in_reasoning=False)
    assert not grammar.rewind(reasoning, request(3, Grammar([3], counts=False)), 1, [])


def test_kept_tokens_are_followed_at_admission() -> None:
    seen: list[Any] = []

    def follows(asked: Any, tokens: list[int]) -> bool:
        seen.append((asked, tokens))
        return max(tokens) < 100

    outputs = SimpleNamespace(accept_tokens=follows)
    assert grammar.follow(outputs, "request", (1, 2)) and not grammar.follow(outputs, "request", (1, 100))
    assert seen == [("request", [1, 2]), ("request", [1, 100])]
