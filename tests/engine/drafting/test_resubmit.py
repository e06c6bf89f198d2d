"""What vLLM is asked for, at first and after a rewind."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vllm.sampling_params import RequestOutputKind, SamplingParams

from server.engine.core.bias import AVOIDED_BIAS
from server.engine.drafting.request import EngineRequest, derived_seed
from server.engine.drafting.resubmit import BAN_BIAS, ResubmittingEngine
from server.generation.draft import Attempt, Draft
from tests.engine.drafting.recording import RecordingEngine

FIRST = Attempt(0, (), frozenset())
PROMPT = {"type": "token", "prompt_token_ids": [1, 2, 3], "prompt": "abc"}


async def drafts(inner: RecordingEngine, attempt: Attempt, step: float = 0.1, **params: Any) -> list[Draft]:
    """All drafts of one attempt."""
    wanted = SamplingParams(**{"max_tokens": 10, **params})
    engine = ResubmittingEngine(EngineRequest(inner, PROMPT, wanted, "r", {"priority": 3}, step))
    return [draft async for draft in engine.draft(attempt)]


async def asked(attempt: Attempt, step: float = 0.1, **params: Any) -> tuple[Any, SamplingParams, dict[str, Any]]:
    """What the last request of an attempt was."""
    inner = RecordingEngine([7, 8])
    await drafts(inner, attempt, step, **params)
    return inner.asked[-1]


async def test_the_first_request_is_the_clients_but_for_stop_strings() -> None:
    prompt, params, options = await asked(FIRST, stop=["x"], seed=4, temperature=0.5, top_p=0.9, min_tokens=2)
    assert prompt == PROMPT and options == {"priority": 3}
    assert (params.stop, params.n, params.output_kind) == ([], 1, RequestOutputKind.DELTA)
    assert (params.seed, params.temperature, params.top_p) == (4, 0.5, 0.9)
    assert (params.max_tokens, params.min_tokens) == (10, 2)


async def test_kept_tokens_follow_the_prompt_and_count_against_the_limits() -> None:
    prompt, params, _ = await asked(Attempt(1, (5, 6), frozenset()), max_tokens=10, min_tokens=3)
    assert prompt["prompt_token_ids"] == [1, 2, 3, 5, 6] and "prompt" not in prompt
    assert (params.max_tokens, params.min_tokens) == (8, 1)


async def test_the_clients_own_parameters_are_left_as_they_are() -> None:
    wanted = SamplingParams(max_tokens=10, stop=["x"], seed=4, n=1, logit_bias={3: 1.0})
    engine = ResubmittingEngine(EngineRequest(RecordingEngine([7]), PROMPT, wanted, "r", {}, 0.1))
    async for _ in engine.draft(Attempt(2, (5,), frozenset({9}), retry=1)):
        pass
    assert (wanted.stop, wanted.seed, wanted.max_tokens, wanted.logit_bias) == (["x"], 4, 10, {3: 1.0})
    assert PROMPT["prompt_token_ids"] == [1, 2, 3]


async def test_banned_tokens_are_barred_for_one_token_only() -> None:
    inner = RecordingEngine([7, 8])
    said = await drafts(inner, Attempt(1, (5,), frozenset({9, 11})), logit_bias={3: 2.0, 9: 50.0})
    (first, rest) = (params for _, params, _ in inner.asked)
    assert first.max_tokens == 1
    assert first.logit_bias == {3: 2.0, 9: BAN_BIAS, 11: BAN_BIAS}
    assert rest.logit_bias == {3: 2.0, 9: 50.0}
    assert inner.asked[1][0]["prompt_token_ids"] == [1, 2, 3, 5, 7]
    assert [token for draft in said for token in draft.tokens] == [7, 7, 8]
    assert [draft.finish_reason for draft in said] == [None, None, "stop"]


async def test_avoided_tokens_are_made_unlikely_for_a_stretch() -> None:
    inner = RecordingEngine([7, 8, 9])
    said = await drafts(inner, Attempt(1, (5,), frozenset({9}), avoided=frozenset({9, 11}), avoided_for=2))
    (first, some, rest) = (params for _, params, _ in inner.asked)
    assert (first.max_tokens, first.logit_bias) == (1, {9: BAN_BIAS, 11: AVOIDED_BIAS})
    assert (some.max_tokens, some.logit_bias) == (2, {9: AVOIDED_BIAS, 11: AVOIDED_BIAS})
    assert (rest.max_tokens, rest.logit_bias) == (10 - 1 - 1 - 2, None)
    assert [token for draft in said for token in draft.tokens] == [7, 7, 8, 7, 8, 9]
    assert inner.asked[2][0]["prompt_token_ids"] == [1, 2, 3, 5, 7, 7, 8]


async def test_the_tokens_that_are_left_may_end_within_a_stretch() -> None:
    inner = RecordingEngine([7, 8, 9])
    said = await drafts(inner, Attempt(1, (5,) * 8, frozenset(), avoided=frozenset({9}), avoided_for=32))
    assert [draft.finish_reason for draft in said] == [None, "length"]
    assert len(inner.asked) == 1


async def test_candidates_have_seeds_of_their_own() -> None:
    seeds = {(await asked(Attempt(1, (), frozenset(), candidate=at), seed=4))[1].seed for at in range(5)}
    assert len(seeds) == 5


async def test_a_barred_token_has_no_name_as_an_alternative() -> None:
    said = await drafts(RecordingEngine([7, 8]), Attempt(1, (), frozenset({900})), logprobs=2)
    assert set((said[0].logprobs or [{}])[0]) == {-1, 7, 901}
    assert set((said[1].logprobs or [{}])[0]) == {7, 900, 901}


async def test_a_text_that_ends_with_its_first_token_ends_there() -> None:
    inner = RecordingEngine([0], ending_at_once=True)
    (only,) = await drafts(inner, Attempt(1, (), frozenset({9})))
    assert (only.tokens, only.finish_reason) == ([0], "stop") and len(inner.asked) == 1


@pytest.mark.parametrize("kept", [(1,) * 10, (1,) * 11])
async def test_no_tokens_left_is_an_end_by_length(kept: tuple[int, ...]) -> None:
    inner = RecordingEngine([7])
    assert await drafts(inner, Attempt(1, kept, frozenset())) == [Draft((), finish_reason="length")]
    assert inner.asked == []


async def test_the_last_token_may_be_a_barred_position() -> None:
    (only,) = await drafts(RecordingEngine([7, 8]), Attempt(1, (1,) * 9, frozenset({9})))
    assert (only.tokens, only.finish_reason) == ([7], "length")


async def test_a_retry_is_warmer_step_by_step_and_greedy_stays_greedy() -> None:
    assert (await asked(Attempt(3, (), frozenset(), retry=2), temperature=0.5))[1].temperature == pytest.approx(0.7)
    assert (await asked(Attempt(9, (), frozenset(), retry=30), temperature=0.5))[1].temperature == 2.0
    assert (await asked(Attempt(3, (), frozenset(), retry=2), temperature=0.0))[1].temperature == 0.0


async def test_the_prompts_logprobs_are_asked_for_once() -> None:
    assert (await asked(FIRST, prompt_logprobs=1))[1].prompt_logprobs == 1
    assert (await asked(Attempt(1, (5,), frozenset()), prompt_logprobs=1))[1].prompt_logprobs is None


@pytest.mark.parametrize(
    ("params", "detokenize"),
    [
        ({}, False),
        ({"logprobs": 0}, True),
        ({"prompt_logprobs": 1}, True),
        ({"logprob_token_ids": [3]}, True),
        ({"logprobs": 1, "detokenize": False}, False),
    ],
)
async def test_the_engine_makes_text_only_for_logprobs(params: dict[str, Any], detokenize: bool) -> None:
    assert (await asked(FIRST, **params))[1].detokenize is detokenize


async def test_closing_a_draft_closes_the_inner_request() -> None:
    inner = RecordingEngine([7, 8, 9])
    engine = ResubmittingEngine(EngineRequest(inner, PROMPT, SamplingParams(max_tokens=9), "r", {}, 0.1))
    drafting = engine.draft(FIRST)
    await anext(drafting)
    await drafting.aclose()
    assert inner.closed == 1


@given(st.integers(0, 2**63), st.integers(0, 4096), st.integers(1, 200))
def test_derived_seeds_are_reproducible_and_fit_vllm(seed: int, position: int, attempt: int) -> None:
    derived = derived_seed(seed, position, attempt)
    assert derived == derived_seed(seed, position, attempt)
    assert derived is not None and 0 <= derived < 2**31


def test_derived_seeds_differ_by_attempt_and_position() -> None:
    seeds = {derived_seed(7, position, attempt) for position in range(20) for attempt in range(20)}
    assert len(seeds) == 400
    assert derived_seed(None, 3, 4) is None


async def test_an_attempt_after_the_first_has_another_seed_than_the_clients() -> None:
    assert (await asked(Attempt(1, (5,), frozenset()), seed=4))[1].seed == derived_seed(4, 1, 1)
    assert (await asked(Attempt(1, (5,), frozenset())))[1].seed is None
