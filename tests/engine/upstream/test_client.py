"""The engine client whose engine is elsewhere: answers, faults, and what becomes of an answer that is lost."""

from typing import Any

import httpx
import pytest
from vllm.exceptions import VLLMValidationError
from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

from server.engine.upstream.client import UpstreamClient
from server.engine.upstream.fleet import NoUpstream
from server.errors import StartError
from tests.engine.upstream.rig import PROMPT, WHOLE, Rig, network, rigged
from tests.engine.upstream.scripted import Upstream, broken, event, frame, hanging, saying

GONE = httpx.ReadError("gone")


async def test_tokens_come_as_they_are_drawn_and_the_answer_ends(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        rig.first.tokens_an_event = 3
        outputs = [output async for output in rig.outputs()]
        assert [output.outputs[0].token_ids for output in outputs] == [WHOLE[:3], WHOLE[3:6], WHOLE[6:]]
        assert [output.outputs[0].finish_reason for output in outputs] == [None, None, "length"]
        assert all(output.prompt_token_ids == [1, 2, 3] and not output.outputs[0].text for output in outputs)
        assert rig.told.outcomes == [(rig.client.fleet.choose("r", ()).url, "finished")]
        assert rig.first.closed == 1 and not rig.second.asked


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


@pytest.mark.parametrize("after", [0, 3, 7])
@pytest.mark.parametrize("fault", [None, GONE, httpx.RemoteProtocolError("peer closed")])
async def test_a_lost_answer_is_gone_on_with_elsewhere(base: UpstreamClient, after: int, fault: Any) -> None:
    async with rigged(base) as rig:
        first, second = rig.first, rig.second
        first.faults.append(broken(after, fault))
        assert await rig.drawn(seed=5, min_tokens=4) == WHOLE
        asked = second.asked[-1]
        assert asked["token_ids"] == [1, 2, 3, *WHOLE[:after]]
        assert asked["sampling_params"]["max_tokens"] == 8 - after
        assert asked["sampling_params"]["min_tokens"] == max(0, 4 - after)
        assert (asked["sampling_params"]["seed"] == 5) is (after == 0), "else the same chance would be drawn again"
        assert [outcome for _, outcome in rig.told.outcomes] == ["lost", "finished"]
        assert len(rig.told.resumed) == (after > 0) and first.closed == 1
        assert rig.first is second, "the one that was lost is asked no more"


@pytest.mark.parametrize("status", [500, 502, 429, 503, 401, 403, 404, 307])
async def test_no_answer_is_asked_for_elsewhere(base: UpstreamClient, status: int) -> None:
    async with rigged(base) as rig:
        rig.first.faults.append(status)
        assert await rig.drawn() == WHOLE
        is_busy = status in (429, 503)
        assert len(rig.client.fleet.up) == (2 if is_busy else 1), "one that is busy is asked on"


async def test_an_upstream_that_hangs_is_left(base: UpstreamClient) -> None:
    async with rigged(base, silence_seconds=0.05) as rig:
        first = rig.first
        first.faults.append(hanging(2))
        assert await rig.drawn() == WHOLE
        assert first.closed == 1 and [outcome for _, outcome in rig.told.outcomes] == ["lost", "finished"]


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


async def test_when_all_are_tried_it_is_told_to_try_again_later(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        rig.second.faults.append(503)
        rig.first.faults.append(broken(2, GONE))
        with pytest.raises(NoUpstream):
            await rig.drawn()


@pytest.mark.parametrize(
    "params",
    [
        {"structured_outputs": StructuredOutputsParams(regex="[a-z]+")},
        {"presence_penalty": 0.5},
        {"bad_words": ["no"]},
    ],
)
@pytest.mark.parametrize("after", [0, 2])
async def test_where_more_than_the_text_counts_a_begun_answer_is_not_gone_on_with(
    base: UpstreamClient, params: dict[str, Any], after: int
) -> None:
    async with rigged(base) as rig:
        second = rig.second
        rig.first.faults.append(broken(after, GONE))
        if not after:
            assert await rig.drawn(**params) == WHOLE
            return
        with pytest.raises(NoUpstream):
            await rig.drawn(**params)
        assert not second.asked


async def test_leaving_an_answer_closes_its_connection(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        outputs = rig.outputs()
        await anext(outputs)
        await outputs.aclose()
        assert rig.first.closed == 1 and rig.told.outcomes[-1][1] == "left"


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


async def test_vllm_checks_a_request_before_any_upstream_hears_of_it(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        with pytest.raises(VLLMValidationError):
            await rig.drawn(structured_outputs=StructuredOutputsParams(regex="("))
        with pytest.raises(VLLMValidationError):
            await rig.drawn(logit_bias={10_000_000: 1.0})
        assert not rig.first.asked and not rig.second.asked


def made(base: UpstreamClient, **changes: Any) -> Rig:
    upstream = Upstream()
    rig = network(base, a=upstream)
    for name, value in changes.items():
        setattr(upstream, name, value)
    return rig


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"model": "other"}, "it serves other, not unsay-mini: start it with --served-model-name unsay-mini"),
        ({"length": 512}, "say --max-model-len 512 here"),
        ({"tokenize": lambda text: [1, 2]}, "its tokenizer is not that of unsay-mini"),
    ],
)
async def test_another_model_is_refused_at_the_start_in_one_line(
    base: UpstreamClient, changes: dict[str, Any], remedy: str
) -> None:
    rig = made(base, **changes)
    with pytest.raises(StartError, match=remedy) as refused:
        await rig.client.fleet.begin()
    assert str(refused.value).startswith("--upstream http://a: ")


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(401, "UNSAY_UPSTREAM_KEY"), (403, "--enable-scale-out"), (404, "--enable-scale-out"), (307, "leads to")],
)
async def test_an_upstream_that_cannot_be_asked_is_refused_with_the_remedy(
    base: UpstreamClient, status: int, remedy: str
) -> None:
    rig = made(base)
    rig.network.upstreams["a"].faults.append(status)
    with pytest.raises(StartError, match=f"http://a: /inference/v1/generate answered {status}: .*{remedy}"):
        await rig.client.fleet.begin()


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


async def test_without_an_upstream_it_is_not_running_and_lets_nobody_in(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        client = rig.client
        client.check_admission()
        assert client.is_running and not await client.is_paused()
        for upstream in rig.network.upstreams.values():
            upstream.is_well = False
        for link in client.fleet.up:
            await client.fleet.look(link)
        assert not client.is_running and not client.errored and isinstance(client.dead_error, NoUpstream)
        for refused in (client.check_admission, lambda: client.fleet.choose("r", ())):
            with pytest.raises(NoUpstream):
                refused()
        await client.check_health()  # a restart would bring nobody back


async def test_what_only_an_engine_can_do_is_not_done(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        with pytest.raises(NotImplementedError, match="sleep: ask the upstreams"):
            await rig.client.sleep()
        assert await rig.client.get_supported_tasks() == ("generate",) and await rig.client.is_tracing_enabled()
        await rig.client.do_log_stats()
        await rig.client.abort("r")
        rig.client.shutdown(timeout=1)


async def test_a_number_of_tokens_is_always_said(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        outputs = rig.outputs(max_tokens=None, output_kind=RequestOutputKind.DELTA)
        await anext(outputs)
        await outputs.aclose()
        assert rig.first.asked[-1]["sampling_params"]["max_tokens"] == 1024 - 3
