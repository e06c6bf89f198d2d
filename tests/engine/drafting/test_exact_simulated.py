"""The whole of an exact rewind but vLLM's model: ExactEngine, the utility call, our scheduler, its worker's part.

Outputs come late and merged, as vLLM's own collector merges them; answers to rewinds come before or behind them.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.sampling_params import RequestOutputKind, SamplingParams, StructuredOutputsParams
from vllm.v1.engine.output_processor import RequestOutputCollector
from vllm.v1.request import Request, RequestStatus
from vllm.v1.structured_output import StructuredOutputManager

from server.engine.core.utility import unsay_rewind
from server.engine.drafting.live import LiveRequest
from tests.engine.core.simulation import (
    PLENTY,
    SCARCE,
    Core,
    allowed_by,
    config,
    drawn_behind,
    free_blocks,
    request,
    scheduler,
)
from tests.live.rewinding import Written, rewound

PLAIN = SamplingParams(max_tokens=150, ignore_eos=True)


class SimulatedVllm:
    """What ExactEngine sees of vLLM, over a simulated engine core."""

    errored = False

    def __init__(self, scheduler: Any, seed: int) -> None:
        self.core, self.requests = Core(scheduler), 0
        self.engine_core = SimpleNamespace(call_utility_all_async=self._call)
        self._chance = random.Random(seed)
        self._way: deque[Any] = deque()
        self.collectors: dict[str, RequestOutputCollector] = {}

    async def generate(
        self, prompt: Any, params: SamplingParams, request_id: str, **options: Any
    ) -> AsyncGenerator[RequestOutput, None]:
        name = f"{request_id}-{self.requests}"
        self.requests += 1
        collector = self.collectors[name] = RequestOutputCollector(RequestOutputKind.DELTA, name)
        self._add(request(name, list(prompt["prompt_token_ids"]), params))
        try:
            while True:
                output = await collector.get()
                yield output
                if output.finished:
                    return
        finally:
            del self.collectors[name]
            self.core.scheduler.finish_requests([name], RequestStatus.FINISHED_ABORTED)

    def _add(self, asked: Request) -> None:
        self.core.scheduler.structured_output_manager.grammar_init(asked)
        if (wish := asked.structured_output_request) is not None:
            wish._grammar.result()  # compiled in a thread
        self.core.scheduler.add_request(asked)

    async def _call(self, method: str, *args: Any) -> list[int | None]:
        assert method == "unsay_rewind"
        answer = unsay_rewind(self.core, *args)
        for _ in range(self._chance.randrange(8)):  # fresh outputs may be there before the answer
            await asyncio.sleep(0)
        return [None, answer]

    async def work(self) -> None:
        """Step for ever."""
        while True:
            if self.core.busy:
                self._way += self.core.step()
            while self._way and self._chance.random() < 0.9:
                self._hand_over(self._way.popleft())
            await asyncio.sleep(0)

    def _hand_over(self, output: Any) -> None:
        if (collector := self.collectors.get(output.request_id)) is None:
            return  # aborted meanwhile
        reason = None if output.finish_reason is None else str(output.finish_reason)
        choice = CompletionOutput(0, "", list(output.new_token_ids), None, None, finish_reason=reason)
        collector.put(RequestOutput(output.request_id, None, [], None, [choice], reason is not None))


@asynccontextmanager
async def simulated(seed: int = 1, **kind: Any) -> AsyncIterator[SimulatedVllm]:
    """A simulated vLLM at work, which holds nothing any more at its end."""
    vllm = SimulatedVllm(scheduler(**kind), seed)
    free = free_blocks(vllm.core.scheduler)
    working = asyncio.create_task(vllm.work())
    yield vllm
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    while vllm.core.busy:
        vllm.core.step()
    assert free_blocks(vllm.core.scheduler) == free
    assert not vllm.core.scheduler._by_key and not vllm.core.scheduler.requests and not vllm.collectors


class Undisturbed:
    """What a request says in one go, with the same bans, and a grammar of its own if it has one."""

    def __init__(self, params: SamplingParams) -> None:
        self._outputs, self._params = StructuredOutputManager(config()), params

    def of(self, prompt: list[int], written: Written) -> list[int]:
        asked = request("undisturbed", list(prompt), self._params)
        self._outputs.grammar_init(asked)
        for position in range(self._params.max_tokens):
            banned = written.banned.get(position, ())
            token = drawn_behind(list(asked.all_token_ids), banned, self._allowed(asked))
            asked.append_output_token_ids(token)
            assert self._outputs.accept_tokens(asked, [token])
            if token in (self._params.stop_token_ids or ()):
                break
        return list(asked.output_token_ids)

    def _allowed(self, asked: Request) -> list[int] | None:
        if (wish := asked.structured_output_request) is None:
            return None
        while not wish.is_grammar_ready:
            wish._grammar.result()
        row = self._outputs.backend.allocate_token_bitmask(1)
        wish.grammar.fill_bitmask(row, 0)
        return allowed_by(row[0])


KINDS = {
    f"{'asynchronous' if asynchronous else 'synchronous'}, {'second' if v2 else 'first'} runner, {blocks} blocks": {
        "asynchronous": asynchronous,
        "v2": v2,
        "blocks": blocks,
    }
    for asynchronous in (False, True)
    for v2 in (False, True)
    for blocks in (PLENTY, SCARCE)
}


def prompts(count: int) -> list[list[int]]:
    chance = random.Random(7)
    return [[chance.randrange(3, 900) for _ in range(chance.randrange(1, 60))] for _ in range(count)]


async def written(kind: dict[str, Any], params: SamplingParams, seed: int = 0) -> tuple[list[Written], list[int]]:
    """20 answers with rewinds, and which of them are not as they would be without."""
    asked = prompts(20)
    async with simulated(seed, **kind) as vllm:
        answers = await asyncio.gather(*(rewound(vllm, each, params, seed + at, 6) for at, each in enumerate(asked)))
    undisturbed = Undisturbed(params)
    pairs = zip(asked, answers, strict=True)
    return answers, [at for at, (each, answer) in enumerate(pairs) if answer.tokens != undisturbed.of(each, answer)]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_answers_are_what_they_would_be_without_rewinds(kind: dict[str, Any]) -> None:
    answers, wrong = await written(kind, PLAIN)
    assert wrong == [] and sum(len(answer.within) for answer in answers) > 60
    assert all(answer.reason == "length" and not answer.approximate for answer in answers)


async def test_they_would_not_be_if_what_is_stale_were_not_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LiveRequest, "rewound", lambda *_: None)
    _, wrong = await written({"asynchronous": True}, PLAIN)
    assert len(wrong) > 10


@pytest.mark.parametrize("kind", list(KINDS.values())[::2], ids=list(KINDS)[::2])
async def test_so_are_answers_under_a_grammar_and_all_are_valid(kind: dict[str, Any]) -> None:
    wish = StructuredOutputsParams(regex=r"\{(\"[a-z]{1,9}\":[0-9]{1,4},){2,9}\}")
    wish._backend = "xgrammar"
    end = StructuredOutputManager(config()).tokenizer.eos_token_id
    answers, wrong = await written(kind, SamplingParams(max_tokens=150, structured_outputs=wish, stop_token_ids=[end]))
    assert wrong == [] and sum(answer.rewinds for answer in answers) > 40
    assert {answer.reason for answer in answers} == {"stop"}


async def test_whoever_leaves_in_the_middle_of_a_rewind_leaves_nothing_behind() -> None:
    async with simulated(asynchronous=True) as vllm:
        leavers = [rewound(vllm, each, PLAIN, at, 6, leaves_at=at % 3) for at, each in enumerate(prompts(20))]
        found = await asyncio.gather(*leavers, return_exceptions=True)
    assert sum(isinstance(left, asyncio.CancelledError) for left in found) > 15
