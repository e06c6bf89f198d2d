"""The engine contract, kept by the real engine too: the whole suite of tests/contract/test_engine.py over vLLM."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from vllm.sampling_params import SamplingParams

from server.engine.drafting.exact import ExactEngine, rewinds_of
from server.engine.drafting.request import EngineRequest
from server.engine.drafting.resubmit import ResubmittingEngine
from server.generation.draft import Engine
from tests.contract.test_engine import *  # noqa: F403 (its tests are collected here again, with the rig below)
from tests.live.servers import Servers

PATIENCE_SECONDS = 20.0


class VllmRig:
    """vLLM with the bundled model, greedy, which never ends by itself; rewound within, or by resubmission."""

    def __init__(self, servers: Servers, *, exact: bool) -> None:
        self._servers, self._exact = servers, exact
        tokens = servers.engine.renderer.tokenizer.encode("I need a restaurant in", add_special_tokens=False)
        self._prompt = {"type": "token", "prompt_token_ids": list(tokens)}

    def engine(self, max_tokens: int) -> Engine:
        params = SamplingParams(temperature=0, max_tokens=max_tokens, ignore_eos=True)
        request = EngineRequest(self._servers.engine, self._prompt, params, "contract", {}, 0.1)
        return ExactEngine(request, rewinds_of(self._servers.engine)) if self._exact else ResubmittingEngine(request)

    async def idle(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self._servers.engine.get_num_unfinished_requests():  # noqa: ASYNC110 (vLLM has no event for it)
                await asyncio.sleep(0.01)

    def run(self, scenario: Coroutine[Any, Any, None]) -> None:
        self._servers.run(scenario)


@pytest.fixture(params=[True, False], ids=["exact", "resubmitting"])  # type: ignore[no-redef]
def rig(servers: Servers, request: pytest.FixtureRequest) -> VllmRig:
    return VllmRig(servers, exact=request.param)
