"""The store of responses, over vLLM's own: what it holds, and an end for what has none."""

import asyncio
from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from vllm.entrypoints.openai.responses.protocol import ResponseCompletedEvent, ResponsesRequest, ResponsesResponse
from vllm.entrypoints.openai.responses.serving import OpenAIServingResponses
from vllm.sampling_params import SamplingParams

from server.engine.stored import VllmStore, find


def response(status: Any) -> ResponsesResponse:
    asked = ResponsesRequest(input="x", request_id="mine")
    made = ResponsesResponse.from_request(
        asked, SamplingParams(max_tokens=1), model_name="m", created_time=0, output=[], status=status
    )
    assert isinstance(made, ResponsesResponse)
    return made


def serving(status: Any, *events: Any, streamed: bool = True) -> Any:
    """What vLLM keeps of one response; its own methods read it."""
    made = OpenAIServingResponses.__new__(OpenAIServingResponses)
    made.response_store = {"mine": response(status)}
    made.event_store = {"mine": (deque(events), asyncio.Event())} if streamed else {}
    made.background_tasks = {}
    return made


async def told(kept: Any) -> list[Any]:
    """What vLLM tells a reader of the stored events; a reader who waits for ever fails."""
    async with asyncio.timeout(5):
        return [event async for event in kept.responses_background_stream_generator("mine")]


BEGUN = SimpleNamespace(type="response.in_progress")


@pytest.mark.parametrize(
    ("status", "end"),
    [("queued", "failed"), ("in_progress", "failed"), ("cancelled", "cancelled"), ("completed", "completed")],
)
async def test_a_stream_without_an_end_gets_one_that_says_how_the_response_is_stored(status: str, end: str) -> None:
    kept = serving(status, BEGUN)
    VllmStore(kept).close("mine")
    first, last = await told(kept)
    assert first is BEGUN and last.response.status == end == kept.response_store["mine"].status
    assert last.sequence_number == 1 and f'"status":"{end}"' in last.model_dump_json(indent=None, by_alias=True)


async def test_a_stream_that_has_its_end_keeps_it() -> None:
    end = ResponseCompletedEvent(type="response.completed", sequence_number=1, response=response("completed"))
    kept = serving("completed", BEGUN, end)
    VllmStore(kept).close("mine")
    assert await told(kept) == [BEGUN, end]


def test_a_response_that_is_not_streamed_fails_without_events() -> None:
    kept = serving("queued", streamed=False)
    VllmStore(kept).close("mine")
    assert kept.response_store["mine"].status == "failed" and kept.event_store == {}


def test_what_is_held_worked_on_and_named_is_vllms_to_say() -> None:
    kept = serving("queued")
    store = VllmStore(kept)
    assert store.holds("mine") and not store.holds("other") and store.work("mine") is None
    kept.background_tasks["mine"] = work = object()
    assert store.work("mine") is work
    assert store.named({"state": {"request_metadata": SimpleNamespace(request_id="mine")}}) == "mine"
    assert store.named({"state": {}}) is None and store.named({}) is None


@pytest.mark.parametrize(("enabled", "found"), [(True, True), (False, False), (None, False)])
def test_an_application_has_a_store_if_it_keeps_responses(enabled: bool | None, found: bool) -> None:
    app = FastAPI()
    if enabled is not None:
        app.state.openai_serving_responses = SimpleNamespace(enable_store=enabled)
    assert (find(app) is not None) is found
