"""The watched client: everything passed on, and an engine that hangs is not well."""

import inspect
from typing import Any

import pytest
from vllm.sampling_params import SamplingParams
from vllm.v1.engine.async_llm import AsyncLLM

from server.engine.watched import WatchedClient
from tests.engine.drafting.recording import RecordingEngine

PROMPT = {"type": "token", "prompt_token_ids": [1]}


class Told:
    def __init__(self) -> None:
        self.hangs: list[bool] = []

    def engine_hangs(self, hangs: bool) -> None:
        self.hangs.append(hangs)


class Engine(RecordingEngine):
    """What vLLM's engine has besides."""

    dead_error = RuntimeError("dead")

    async def is_paused(self) -> bool:
        raise NotImplementedError

    async def check_health(self) -> None:
        if self.errored:
            raise self.dead_error


def test_vllm_asks_its_engine_core_whether_it_is_paused() -> None:
    """An answer that came from anywhere else would say nothing of the engine."""
    assert "engine_core.is_scheduler_paused_async()" in inspect.getsource(AsyncLLM.is_paused)
    assert inspect.iscoroutinefunction(AsyncLLM.is_paused)


async def test_outputs_pass_and_the_request_is_closed_with_them() -> None:
    engine: Any = Engine([5, 6, 7])
    client = WatchedClient(engine, 20, Told())
    outputs = client.generate(PROMPT, SamplingParams(max_tokens=9), "r", priority=1)
    assert (await anext(outputs)).outputs[0].token_ids == [5]
    await outputs.aclose()
    assert engine.closed == 1 and engine.asked[0][2] == {"priority": 1}
    assert len([output async for output in client.generate(PROMPT, SamplingParams(max_tokens=9), "r")]) == 3


@pytest.mark.parametrize(
    ("running", "errored", "answering"), [(True, False, True), (False, False, False), (True, True, False)]
)
async def test_what_the_engine_says_of_itself_counts(running: bool, errored: bool, answering: bool) -> None:
    engine: Any = Engine([])
    engine.is_running = running
    engine.errored = errored
    client = WatchedClient(engine, 20, Told())
    assert client.answering is answering
    if errored:
        with pytest.raises(RuntimeError, match="dead"):
            await client.check_health()
    else:
        await client.check_health()


async def test_an_engine_that_hangs_is_neither_answering_nor_healthy() -> None:
    told, engine = Told(), Engine([5])
    inner: Any = engine
    client = WatchedClient(inner, 1e-9, told)

    async def look() -> None:
        assert not client.answering
        with pytest.raises(RuntimeError, match="dead"):
            await client.check_health()

    await client.watchdog.wait(look())
    assert client.answering and told.hangs == [True, False]
    await client.check_health()
