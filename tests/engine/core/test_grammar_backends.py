"""vLLM's real grammars, led back: they allow what one that never saw the dropped tokens allows."""

import random
from functools import cache
from typing import Any

import pytest
from transformers import AutoTokenizer
from vllm.sampling_params import SamplingParams, StructuredOutputsParams
from vllm.v1.request import Request
from vllm.v1.structured_output import StructuredOutputManager

from server.engine.core import grammar
from server.settings import BUNDLED_MODEL
from tests.engine.core.simulation import allowed_by, config, request

BACKENDS = ("xgrammar", "guidance", "outlines")
SCHEMA = (
    '{"type": "object", "properties": {"town": {"type": "string", "maxLength": 12}, "stars": {"type": "integer"}}, '
    '"required": ["town", "stars"], "additionalProperties": false}'
)
THOUGHT, THOUGHT_ENDS = 4, 5


@cache
def tokenizer() -> Any:
    """One of their own: that which a process shares has a token more once a server has run in it."""
    return AutoTokenizer.from_pretrained(BUNDLED_MODEL)


class Reasoner:
    """A reasoning ends with one token."""

    def __init__(self, tokenizer: Any, **options: Any) -> None:
        """vLLM's way to make one."""

    def is_reasoning_end(self, tokens: list[int]) -> bool:
        return THOUGHT_ENDS in tokens

    def is_reasoning_end_streaming(self, tokens: list[int], delta: list[int]) -> bool:
        return THOUGHT_ENDS in delta


class Answer:
    """A structured answer as the scheduler has it: a request, and its grammar."""

    def __init__(self, backend: str, seed: int = 0, *, reasons: bool = False, ends: bool = True) -> None:
        self.outputs = StructuredOutputManager(config())
        self.outputs.tokenizer = tokenizer()
        if reasons:
            self.outputs.reasoner_cls = Reasoner
        self.request = structured(backend)
        self.outputs.grammar_init(self.request)
        self._chance, self._ends = random.Random(seed), ends
        assert self.grammar is not None

    @property
    def grammar(self) -> Any:
        wish = self.request.structured_output_request
        while not wish.is_grammar_ready:
            wish._grammar.result()
        return wish.grammar

    def allowed(self) -> list[int] | None:
        """What may be drawn next; None for anything."""
        if not self.outputs._get_constraint_bounds(self.request, ()).constraint_start == 0:
            return None
        row = self.outputs.backend.allocate_token_bitmask(1)
        self.grammar.fill_bitmask(row, 0)
        return allowed_by(row[0])

    def say(self, *tokens: int) -> bool:
        self.request.append_output_token_ids(list(tokens))
        return all(self.outputs.accept_tokens(self.request, [token]) for token in tokens)

    def draw(self, count: int) -> list[int]:
        """Up to so many tokens of what is allowed, by chance."""
        end = self.outputs.tokenizer.eos_token_id
        for _ in range(count):
            allowed = self.allowed()
            assert allowed is not None
            token = self._chance.choice(allowed)
            if token == end and not self._ends:
                break
            assert self.say(token)
        return list(self.request.output_token_ids)

    def rewind(self, kept: int, more: list[int]) -> bool:
        done = grammar.rewind(self.outputs, self.request, kept, more)
        del self.request._output_token_ids[kept:], self.request._all_token_ids[3 + kept :]
        self.request.append_output_token_ids(more)
        return done


def structured(backend: str, **more: Any) -> Request:
    wish = StructuredOutputsParams(json=SCHEMA)
    wish._backend = backend
    return request("r", [7, 8, 9], SamplingParams(structured_outputs=wish, **{"max_tokens": 60, **more}))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("backend", BACKENDS[:2])
def test_after_a_rewind_it_allows_what_one_allows_that_saw_no_more(backend: str, seed: int) -> None:
    chance = random.Random(seed)
    answer = Answer(backend, seed, ends=False)
    for _ in range(3):
        drawn = answer.draw(12)
        kept = chance.randrange(len(drawn) + 1)
        other = Answer(backend, chance.randrange(1000), ends=False)
        other.say(*drawn[:kept])
        more = other.draw(chance.randrange(4))[kept:]
        assert answer.rewind(kept, more)
        twin = Answer(backend)
        assert twin.say(*drawn[:kept], *more) and answer.allowed() == twin.allowed()


def test_one_that_remembers_a_few_tokens_only_is_led_back_over_these() -> None:
    answer = Answer("outlines", ends=False)
    drawn = answer.draw(12)
    assert answer.rewind(9, drawn[9:10])
    twin = Answer("outlines")
    assert twin.say(*drawn[:10]) and answer.allowed() == twin.allowed()
    assert not answer.rewind(1, [])


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_it_does_not_allow_is_not_put_in(backend: str) -> None:
    answer = Answer(backend, ends=False)
    answer.draw(3)
    barred = next(token for token in range(300) if token not in set(Answer(backend).allowed() or ()))
    assert not answer.rewind(0, [barred])


@pytest.mark.parametrize("backend", BACKENDS)
def test_behind_its_end_it_is_given_up(backend: str) -> None:
    answer = Answer(backend)
    end = answer.outputs.tokenizer.eos_token_id
    while answer.request.output_token_ids[-1:] != [end]:
        answer.draw(1)
    answer.say(40, 41)  # the request ignores the end of text
    assert not answer.rewind(answer.request.num_output_tokens - 1, [])


@pytest.mark.parametrize("kept", [0, 2, 4, 5, 9])
def test_a_reasoning_before_it_is_gone_back_into(kept: int) -> None:
    answer = Answer("xgrammar", ends=False, reasons=True)
    assert answer.say(THOUGHT, THOUGHT, THOUGHT, THOUGHT_ENDS)
    drawn = answer.draw(8)
    assert answer.rewind(kept, [])
    twin = Answer("xgrammar", reasons=True)
    assert twin.say(*drawn[:kept]) and answer.allowed() == twin.allowed()
    rest = [] if kept >= 4 else [THOUGHT, THOUGHT_ENDS]
    assert answer.say(*rest) and twin.say(*rest) and answer.allowed() == twin.allowed() is not None


def test_without_a_count_a_reasoning_cannot_be_told_from_the_answer() -> None:
    answer = Answer("guidance", reasons=True, ends=False)
    answer.say(THOUGHT, THOUGHT_ENDS)
    answer.draw(4)
    assert not answer.rewind(3, [])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("thoughts", [[], [THOUGHT], [THOUGHT, THOUGHT_ENDS]])
def test_a_request_submitted_anew_is_led_over_the_kept_tokens(backend: str, thoughts: list[int]) -> None:
    first = Answer(backend, 5, reasons=bool(thoughts), ends=False)
    first.say(*thoughts)
    kept = list(thoughts) if thoughts == [THOUGHT] else first.draw(7)
    anew = Answer(backend, 5, reasons=bool(thoughts))
    anew.request.prompt_token_ids += kept
    anew.request._all_token_ids += kept
    assert grammar.follow(anew.outputs, anew.request, len(kept))
    assert anew.allowed() == first.allowed()
