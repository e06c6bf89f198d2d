"""What an upstream says, and what of it is no answer."""

from typing import Any

import httpx
import pytest
from vllm.exceptions import VLLMValidationError

from server.engine.upstream.client import UpstreamClient
from tests.engine.upstream.rig import WHOLE, rigged
from tests.engine.upstream.scripted import event, frame, saying

GONE = httpx.ReadError("gone")


SOUND = event([200], {})
WRONG = {
    "not JSON": b"data: {\n\n",
    "deep": b"data: " + b"[" * 100_000 + b"\n\n",
    "another shape": frame({"choices": []}),
    "two choices": frame({"choices": SOUND["choices"] * 2}),
    "another choice": frame(event([200], {}, index=1)),
    "beyond the vocabulary": frame(event([6144], {})),
    "negative": frame(event([-1], {})),
    "no number": frame(event(["a"], {})),  # type: ignore[list-item]
    "true": frame(event([True], {})),
    "too many": frame(event([200] * 9, {})),
    "endless": frame(event([200] * 8, {})),
    "nothing": frame(event([], {})),
    "a word for a reason": frame(event([200], {}, "stop", stop_reason="idiot")),
    "another word": frame(event([200], {}, "idiot")),
    "another token for a reason": frame(event([200], {}, "stop", stop_reason=201)),
    "a reason amid": frame(event([200], {}, stop_reason=200)),
    "logprobs unasked": frame(event([200], {"logprobs": 1})),
    "too long": b"data: " + b" " * (9 * 1024 * 1024),
}


@pytest.mark.parametrize("told", WRONG.values(), ids=WRONG)
async def test_a_wrong_answer_is_none_and_its_upstream_is_asked_no_more(base: UpstreamClient, told: bytes) -> None:
    async with rigged(base) as rig:
        first = rig.first
        first.faults.append(saying(told))
        assert await rig.drawn() == WHOLE
        assert rig.told.outcomes[0][1] == "wrong" and rig.first is not first


async def test_logprobs_are_the_ones_that_an_engine_would_give(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        (output,) = [output async for output in rig.outputs(max_tokens=1, logprobs=2)]
        (entry,) = output.outputs[0].logprobs or []
        drawn = WHOLE[0]
        found = [(token, each.logprob, each.rank) for token, each in entry.items()]
        assert found == [(drawn, -0.5, 1), (drawn + 1, -1.5, 2)], "the third one was asked for to have the second"
        decode = rig.client.renderer.tokenizer.decode
        assert [each.decoded_token for each in entry.values()] == [decode([drawn]), decode([drawn + 1])]
        assert rig.first.asked[-1]["sampling_params"]["logprobs"] == 3


@pytest.mark.parametrize(
    "told",
    [
        event([200], {"logprobs": None}),
        event([200], {}, logprobs={"content": []}),
        event([200], {}, logprobs={"content": [{"token_id": 201, "logprob": -1.0, "rank": 1}]}),
        event([200], {}, logprobs={"content": [{"token_id": 200, "logprob": float("nan"), "rank": 1}]}),
        event([200], {}, logprobs={"content": [{"token_id": 200, "logprob": -1.0, "rank": 0}]}),
    ],
)
async def test_logprobs_of_something_else_are_wrong(base: UpstreamClient, told: Any) -> None:
    async with rigged(base) as rig:
        rig.first.faults.append(saying(frame(told)))
        assert await rig.drawn(logprobs=1) == WHOLE
        assert rig.told.outcomes[0][1] == "wrong"


async def test_an_answer_that_is_ended_there_is_lost(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        rig.first.faults.append(saying(frame(event([WHOLE[0]], {})), frame(event([], {}, "abort"))))
        assert await rig.drawn() == WHOLE


async def test_an_error_amid_an_answer_is_no_text(base: UpstreamClient) -> None:
    error = frame({"error": {"message": "idiot", "type": "InternalServerError", "param": None, "code": 500}})
    async with rigged(base) as rig:
        rig.first.faults.append(saying(frame(event([WHOLE[0]], {})), error))
        assert await rig.drawn() == WHOLE


@pytest.mark.parametrize("told", [400, {"code": 400, "param": "logit_bias"}, {"code": 400, "param": "idiot"}])
async def test_what_an_upstream_refuses_is_the_clients_to_mend(base: UpstreamClient, told: Any) -> None:
    """Nothing of the words that it says so with is passed on."""
    async with rigged(base) as rig:
        error = {"error": {"message": "idiot", "type": "BadRequestError", **(told if isinstance(told, dict) else {})}}
        rig.first.faults.append(told if isinstance(told, int) else saying(frame(error)))
        with pytest.raises(VLLMValidationError) as refused:
            await rig.drawn()
        named = "logit_bias" if isinstance(told, dict) and told["param"] == "logit_bias" else None
        assert refused.value.parameter == named and "idiot" not in str(refused.value)
        assert not rig.second.asked and len(rig.client.fleet.up) == 2
