"""What the guarded engine takes in, and what it counts of a call before it begins."""

from types import SimpleNamespace
from typing import Any

import pytest
from vllm.exceptions import VLLMValidationError
from vllm.sampling_params import SamplingParams

from server.engine.admission import admit, demanded, without_changes
from server.engine.core.changes import ARGUMENT
from server.generation.demand import Demand
from server.generation.request import GuardedRequest
from server.limits import Limits
from server.policy.policy import Mode, Policy

ENGINE: Any = SimpleNamespace(
    renderer=SimpleNamespace(tokenizer=range(1000)), model_config=SimpleNamespace(max_model_len=64)
)
PROMPT = {"type": "token", "prompt_token_ids": [1, 2, 3]}


def counted(judged: str = "", mode: Mode = "enforce", **params: Any) -> Demand:
    request = GuardedRequest(Policy(mode=mode))
    return demanded(ENGINE, request, PROMPT, SamplingParams(**{"max_tokens": 10, **params}), judged)


def test_choices_and_what_is_judged_of_the_prompt_are_counted() -> None:
    assert counted("a prompt", n=3, temperature=1) == Demand(choices=3, prompt_characters=8)


def test_alternatives_are_counted_at_every_token_of_every_choice() -> None:
    assert counted(logprobs=5, n=3).drawn_alternatives == 5 * 10 * 3
    assert counted(prompt_logprobs=20).prompt_alternatives == 20 * 3
    assert counted(logprobs=2, max_tokens=None).drawn_alternatives == 2 * 64
    assert counted(logprobs=-1).drawn_alternatives == 1000 * 10
    assert counted(logprobs=0, prompt_logprobs=0) == Demand(choices=1)


def test_where_alternatives_are_not_judged_they_do_not_count() -> None:
    assert counted(mode="monitor", logprobs=20, prompt_logprobs=20) == Demand(choices=1)


def test_what_goes_over_a_bound_is_told_as_vllm_tells_it() -> None:
    request = GuardedRequest(Policy())
    with pytest.raises(VLLMValidationError, match=r"^n: expected at most 2 .*") as refused:
        admit(request, Demand(choices=3), Limits(choices=2))
    assert refused.value.parameter == "n"


def test_an_imitation_of_our_changes_is_taken_out_and_the_rest_stays() -> None:
    params = SamplingParams(extra_args={ARGUMENT: {}, "theirs": 1})
    assert without_changes(params).extra_args == {"theirs": 1}
    assert params.extra_args is not None and ARGUMENT in params.extra_args
    plain = SamplingParams()
    assert without_changes(plain) is plain
