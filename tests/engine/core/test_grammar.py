"""A grammar is led back and on, token by token, or not at all."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from server.engine.core import grammar

END = 99


class Grammar:
    """Follows tokens that are below 100, to END. `counts`: whether it tells how many it has followed."""

    def __init__(self, followed: list[int], *, counts: bool = True) -> None:
        self.followed = list(followed)
        self._counts = counts

    def __getattr__(self, name: str) -> Any:
        if name == "accept_tokens":  # vLLM's name
            return self._follow
        if name == "num_processed_tokens" and self.__dict__["_counts"]:
            return len(self.followed)
        raise AttributeError(name)

    def is_terminated(self) -> bool:
        return bool(self.followed) and self.followed[-1] == END

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


def test_one_that_remembers_too_little_is_not_led_back() -> None:
    class Forgetful(Grammar):
        def rollback(self, count: int) -> None:
            raise ValueError("only 4 states stored")

    own = Forgetful([1, 2, 3])
    assert not grammar.rewind(PLAIN, request(3, own), 1, []) and grammar.rewind(PLAIN, request(3, own), 3, [])


def test_one_that_has_come_to_its_end_is_not_led_back() -> None:
    """Two more tokens came after it, which it has not followed."""
    own = Grammar([1, 2, END])
    assert not grammar.rewind(PLAIN, request(5, own), 4, []) and own.followed == [1, 2, END]


class Outputs:
    """vLLM's manager of grammars: follows tokens that are below 100."""

    def __init__(self, reasoner: Any = None) -> None:
        self._reasoner = reasoner
        self.seen: list[tuple[list[int], bool | None]] = []

    def _get_reasoner(self, asked: Any) -> Any:
        return self._reasoner

    def __getattr__(self, name: str) -> Any:
        if name == "accept_tokens":  # vLLM's name
            return self._follow
        raise AttributeError(name)

    def _follow(self, asked: Any, tokens: list[int]) -> bool:
        self.seen.append((tokens, asked.structured_output_request.reasoning_ended))
        return max(tokens, default=0) < 100


def admitted(prompt: list[int] | None, reasoning_ended: bool | None = None) -> Any:
    wish = SimpleNamespace(reasoning_ended=reasoning_ended)
    return SimpleNamespace(prompt_token_ids=prompt, structured_output_request=wish)


def test_kept_tokens_are_followed_at_admission() -> None:
    outputs = Outputs()
    assert grammar.follow(outputs, admitted([7, 8, 1, 2]), 2)
    assert not grammar.follow(outputs, admitted([7, 1, 100]), 2)
    assert outputs.seen == [([1, 2], None), ([1, 100], None)]


@pytest.mark.parametrize(("told", "known"), [(None, False), (True, True), (False, False)])
def test_whether_a_reasoning_had_ended_is_asked_of_what_came_before_them(told: bool | None, known: bool) -> None:
    outputs = Outputs(SimpleNamespace(is_reasoning_end=lambda tokens: 50 in tokens))
    assert grammar.follow(outputs, admitted([7, 8, 50, 2], told), 2)
    assert outputs.seen == [([50, 2], known)]


def test_a_prompt_without_tokens_has_none_to_follow() -> None:
    outputs = Outputs()
    assert grammar.follow(outputs, admitted(None), 2) and outputs.seen == [([], None)]


@pytest.mark.parametrize(
    ("rows", "ended", "allows"),
    [([0, 0], False, False), ([0, 4], False, True), ([-1, -1], False, True), ([0], True, True)],
)
def test_a_grammar_allows_something_if_its_mask_does_or_its_text_may_be_empty(
    rows: list[int], ended: bool, allows: bool
) -> None:
    own = SimpleNamespace(fill_bitmask=lambda mask, at: mask[at].copy_(torch.tensor(rows)), is_terminated=lambda: ended)
    backend = SimpleNamespace(allocate_token_bitmask=lambda count: torch.full((count, len(rows)), -1))
    wish: Any = SimpleNamespace(structured_output_request=SimpleNamespace(grammar=own))
    outputs: Any = SimpleNamespace(backend=backend)
    assert grammar.allows_anything(outputs, wish) == allows
