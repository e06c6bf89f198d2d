"""vLLM's public types have what is read from them and handed to them; a failure says what has moved."""

import inspect
from dataclasses import fields

import pytest
from vllm.engine.protocol import EngineClient
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.sampling_params import SamplingParams
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.detokenizer import BaseIncrementalDetokenizer

from server.engine.client import GuardedEngineClient

PARAMETERS = (
    *("n", "seed", "stop", "max_tokens", "min_tokens", "temperature", "logit_bias", "logprobs", "prompt_logprobs"),
    *("num_logprobs", "logprob_token_ids", "output_kind", "detokenize", "skip_clone", "structured_outputs"),
)
COMPLETION = {"index", "text", "token_ids", "cumulative_logprob", "logprobs", "finish_reason", "stop_reason"}
REQUEST = {
    *("request_id", "prompt", "prompt_token_ids", "prompt_logprobs", "outputs", "finished"),
    *("metrics", "lora_request", "num_cached_tokens"),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_sampling_parameter_exists(name: str) -> None:
    assert hasattr(SamplingParams(), name), f"vLLM's SamplingParams lost {name}"


def test_the_outputs_have_the_fields_that_are_filled() -> None:
    assert {field.name for field in fields(CompletionOutput)} >= COMPLETION
    assert set(inspect.signature(RequestOutput.__init__).parameters) >= REQUEST


def test_the_engine_has_what_readiness_asks_for() -> None:
    assert all(hasattr(AsyncLLM, name) for name in ("is_running", "errored", "generate"))


def test_generate_takes_what_we_pass_on() -> None:
    taken = inspect.signature(AsyncLLM.generate).parameters
    assert list(taken)[1:4] == ["prompt", "sampling_params", "request_id"]
    assert "prompt_text" in taken


def test_the_detokenizer_tells_its_text_and_what_a_stop_string_may_take_back() -> None:
    source = inspect.getsource(BaseIncrementalDetokenizer.__init__)
    assert "self.output_text" in source and "self.stop_buffer_length" in source
    assert list(inspect.signature(BaseIncrementalDetokenizer.update).parameters)[1:] == [
        "new_token_ids",
        "stop_terminated",
    ]


@pytest.mark.parametrize("name", [name for name in dir(EngineClient) if not name.startswith("_")])
def test_every_member_of_an_engine_client_is_passed_on(name: str) -> None:
    """None of them may stay vLLM's own default, or the abstract one."""
    ours = inspect.getattr_static(GuardedEngineClient, name)
    assert ours is not inspect.getattr_static(EngineClient, name)


def test_the_client_is_not_abstract() -> None:
    assert not inspect.isabstract(GuardedEngineClient)
