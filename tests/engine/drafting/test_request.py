"""The request that vLLM sees for a choice: what its parameters are, and what of them looks back."""

from typing import Any

import pytest
from vllm.logprobs import Logprob
from vllm.sampling_params import SamplingParams

from server.engine.drafting.request import HOTTEST, EngineRequest, derived_seed, withholding
from server.generation.draft import Attempt, Draft
from tests.engine.drafting.recording import RecordingEngine

PROMPT = {"type": "token", "prompt_token_ids": [1, 2, 3], "prompt": "abc"}


def request(**params: Any) -> EngineRequest:
    return EngineRequest(RecordingEngine([7]), PROMPT, SamplingParams(**params), "r", {}, 0.1)


@pytest.mark.parametrize(
    ("params", "looks_back"),
    [
        ({}, False),
        ({"logit_bias": {1: 1.0}, "min_tokens": 3, "stop": ["x"], "seed": 1, "repetition_penalty": 1.3}, False),
        ({"presence_penalty": 0.5}, True),
        ({"frequency_penalty": -0.5}, True),
        ({"bad_words": ["x"]}, True),
        ({"thinking_token_budget": 5}, True),
    ],
)
def test_what_depends_on_the_requests_own_tokens_looks_back(params: dict[str, Any], looks_back: bool) -> None:
    assert request(**params).looks_back is looks_back


def test_every_retry_is_warmer_up_to_what_vllm_takes_and_greedy_stays_greedy() -> None:
    attempts = [Attempt(retry, (), frozenset(), retry) for retry in range(30)]
    warm = [request(temperature=0.5).temperature(attempt) for attempt in attempts]
    assert warm[:3] == pytest.approx([0.5, 0.6, 0.7]) and warm[-1] == HOTTEST and warm == sorted(warm)
    assert {request(temperature=0).temperature(attempt) for attempt in attempts} == {0}


def test_seeds_derive_from_seed_position_attempt_and_candidate() -> None:
    seeds = {derived_seed(*key) for key in [(1, 2, 3, 0), (2, 2, 3, 0), (1, 3, 3, 0), (1, 2, 4, 0), (1, 2, 3, 1)]}
    assert len(seeds) == 5 and all(seed is not None and 0 <= seed < 1 << 31 for seed in seeds)
    assert derived_seed(1, 2, 3) == derived_seed(1, 2, 3, 0)
    assert derived_seed(None, 2, 3) is None


def test_what_is_banned_at_the_first_token_has_no_name_there() -> None:
    entries = [{token: Logprob(-1.0) for token in (7, 8, 9)} for _ in range(2)]
    shown = withholding(Draft((7, 8), entries), frozenset({9})).logprobs
    assert shown is not None and [sorted(entry) for entry in shown] == [[-1, 7, 8], [7, 8, 9]]
    assert withholding(Draft((9,), entries[:1]), frozenset({9})).logprobs == entries[:1]  # it was drawn all the same
    assert withholding(Draft((7,)), frozenset({9})) == Draft((7,))


def test_how_much_is_left_counts_what_is_kept() -> None:
    assert request(max_tokens=10).tokens_left(4) == 6
    assert request(max_tokens=None).tokens_left(4) is None


def test_a_request_is_spent_with_its_last_token() -> None:
    assert [request(max_tokens=10).is_spent(kept) for kept in (9, 10, 11)] == [False, True, True]
    assert not request(max_tokens=None).is_spent(10_000)
