"""What an upstream is asked, and what it cannot be asked for."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from vllm.entrypoints.scale_out.token_in_token_out.protocol import GenerateRequest
from vllm.exceptions import VLLMValidationError
from vllm.sampling_params import RequestOutputKind, SamplingParams, StructuredOutputsParams

from server.engine.upstream.client import UpstreamClient
from tests.engine.upstream.rig import PROMPT, Rig, rigged

GONE = httpx.ReadError("gone")


UNABLE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "prompt_logprobs": ({"prompt_logprobs": 1}, {}),
    "logprob_token_ids": ({"logprob_token_ids": [5]}, {}),
    "logprobs": ({"logprobs": -1}, {}),
    "lora_request": ({}, {"lora_request": object()}),
    "data_parallel_rank": ({}, {"data_parallel_rank": 0}),
    "kv_hints": ({}, {"kv_hints": object()}),
}


@pytest.mark.parametrize("name", UNABLE)
async def test_what_cannot_be_asked_for_is_refused_by_name(base: UpstreamClient, name: str) -> None:
    params, options = UNABLE[name]
    async with rigged(base) as rig:
        with pytest.raises(VLLMValidationError, match=name) as refused:
            await anext(rig.outputs(options=options, **params))
        assert refused.value.parameter == name and not rig.first.asked


async def test_media_are_refused(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        params = rig.outputs  # the same request, of another kind of prompt
        with pytest.raises(VLLMValidationError, match="images"):
            PROMPT["type"] = "multimodal"
            try:
                await anext(params())
            finally:
                PROMPT["type"] = "token"


async def test_the_key_is_sent_and_session_and_trace_travel_along(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        trace = {"traceparent": "00-1-2-03", "cookie": "secret"}
        options = {"session_id": "s", "trace_headers": trace, "priority": 3, "reasoning_ended": True}
        async for _ in rig.outputs(options=options):
            pass
        sent, asked = rig.first.headers[-1], rig.first.asked[-1]
        assert (sent["authorization"], sent["x-session-id"], sent["traceparent"]) == ("Bearer sesame", "s", "00-1-2-03")
        assert "cookie" not in sent and (asked["priority"], asked["reasoning_ended"]) == (3, True)
        assert (asked["model"], asked["stream"]) == ("unsay-mini", True)


async def test_a_number_of_tokens_is_always_said(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        outputs = rig.outputs(max_tokens=None, output_kind=RequestOutputKind.DELTA)
        await anext(outputs)
        await outputs.aclose()
        assert rig.first.asked[-1]["sampling_params"]["max_tokens"] == 1024 - 3


async def test_every_parameter_is_written_out_and_what_vllm_noted_in_them_is_not(base: UpstreamClient) -> None:
    """An upstream fills in defaults of its own for what is not said."""
    async with rigged(base) as rig:
        await rig.drawn(
            logit_bias={5: -100.0},
            bad_words=["no"],
            structured_outputs=StructuredOutputsParams(choice=["a"]),
            extra_args={"unsay": {"key": "k"}, "mine": 1},
        )
        said = rig.first.asked[-1]["sampling_params"]
        assert said["logit_bias"] == {"5": -100.0} and said["bad_words"] == ["no"]
        assert said["structured_outputs"]["choice"] == ["a"] and said["temperature"] == 1.0
        assert said["extra_args"] == {"mine": 1}, "a client's imitation of our own changes is left out"
        assert not any(name.startswith("_") for name in (*said, *said["structured_outputs"]))
        assert said.keys() <= set(SamplingParams.__struct_fields__) and "output_kind" not in said


async def test_vllm_reads_it_as_it_was_meant(base: UpstreamClient) -> None:
    """By its own model of such a request, every parameter of ours comes out as it went in."""
    wanted = SamplingParams(
        max_tokens=16,
        temperature=0.3,
        top_k=4,
        seed=3,
        logit_bias={5: 1.0},
        stop_token_ids=[7],
        min_tokens=2,
        logprobs=20,
    )
    async with rigged(base) as rig:
        async for _ in base_outputs(rig, wanted):
            pass
        read = GenerateRequest.model_validate(rig.first.asked[-1])
        assert read.is_sampling_param_provided("max_tokens") and read.sampling_params.max_tokens == 16
        for name in ("temperature", "top_k", "seed", "logit_bias", "stop_token_ids", "min_tokens", "logprobs"):
            assert getattr(read.sampling_params, name) == getattr(wanted, name), name


def base_outputs(rig: Rig, params: SamplingParams) -> AsyncIterator[Any]:
    return rig.client.generate({**PROMPT, "cache_salt": "s"}, params, "r")
