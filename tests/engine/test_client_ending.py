"""What becomes of answers when the server ends before they do."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.sampling_params import RequestOutputKind, SamplingParams

from filters.scorers.scripted import ScriptedScorer
from server.errors import ShuttingDown
from server.generation.request import GuardedRequest, current
from server.policy.policy import Policy
from tests.engine.drafting.recording import RecordingEngine
from tests.engine.drafting.test_detokenize import ids, tokenizer
from tests.engine.test_client import PROMPT, guarding

TEXT = "a fine day in a fine town on a fine river"
DELTA, WHOLE = RequestOutputKind.DELTA, RequestOutputKind.FINAL_ONLY
OFF = Policy(name="off", mode="off")


class StuckEngine(RecordingEngine):
    """Draws its tokens and then nothing, until the request is aborted as vLLM aborts it."""

    def __init__(self) -> None:
        super().__init__(ids(TEXT), tokenizer=tokenizer())
        self.stuck = asyncio.Event()
        self.aborted: list[str] = []
        self._abort = asyncio.Event()

    async def generate(
        self, prompt: Any, params: SamplingParams, request_id: str, **options: Any
    ) -> AsyncGenerator[RequestOutput, None]:
        async with aclosing(super().generate(prompt, params, request_id, **options)) as outputs:
            async for output in outputs:
                output.outputs[0].finish_reason = None
                output.finished = False
                yield output
        self.stuck.set()
        await self._abort.wait()
        choice = CompletionOutput(0, "", [], None, None, finish_reason="abort")
        yield RequestOutput(request_id, None, prompt["prompt_token_ids"], None, [choice], True)

    async def abort(self, request_id: str) -> None:
        self.aborted.append(request_id)
        self._abort.set()


@asynccontextmanager
async def asking(policy: Policy, kind: RequestOutputKind) -> Any:
    """A client whose engine gets stuck, one request, and the task that reads its outputs."""
    inner, outputs = StuckEngine(), list[RequestOutput]()
    async with guarding(inner, ScriptedScorer({})) as client:
        request = GuardedRequest(policy)
        current.set(request)

        async def read() -> None:
            async for output in client.generate(PROMPT, SamplingParams(max_tokens=99, output_kind=kind), "r"):
                outputs.append(output)

        reading = asyncio.create_task(read())
        await inner.stuck.wait()
        yield client, inner, request, reading, outputs


async def test_a_stream_ends_with_what_was_released_and_its_report_says_why() -> None:
    async with asking(Policy(hold_back=4), DELTA) as (client, inner, request, reading, outputs):
        while not request.started:  # noqa: ASYNC110  the scorer has a thread of its own
            await asyncio.sleep(0)
        client.services.ending.drain()
        client.services.ending.close()
        await reading
        assert [output.outputs[0].finish_reason for output in outputs][-1] == "content_filter"
        said = "".join(output.outputs[0].text for output in outputs)
        assert TEXT.startswith(said) and said != TEXT and inner.closed == 1
        report = request.reports[0]
        assert (report.action, report.cut_short, report.withheld) == ("truncated", "shutdown", True)
        assert report.tokens_discarded > 0 and client.services.ending.under_way == 0


async def test_an_answer_of_which_nothing_was_sent_is_an_error() -> None:
    async with asking(Policy(), WHOLE) as (client, inner, request, reading, outputs):
        assert client.services.ending.under_way == 1
        client.services.ending.close()
        with pytest.raises(ShuttingDown):
            await reading
        assert request.shut_down and not request.started and outputs == [] and inner.closed == 1


@pytest.mark.parametrize("policy", [Policy(), OFF])
async def test_after_the_end_nothing_more_is_generated(policy: Policy) -> None:
    inner = RecordingEngine(ids(TEXT), tokenizer=tokenizer())
    async with guarding(inner, ScriptedScorer({})) as client:
        request = GuardedRequest(policy)
        current.set(request)
        client.services.ending.close()
        with pytest.raises(ShuttingDown):
            client.generate(PROMPT, SamplingParams(max_tokens=9), "r")
        assert request.shut_down and inner.asked == []
