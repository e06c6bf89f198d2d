"""Promise 4 against the real engine: after a rewind everything is as if the dropped tokens had never been drawn."""

import asyncio
from typing import Any

import pytest
from vllm.sampling_params import SamplingParams

from tests.live.rewinding import Written, rewound, undisturbed
from tests.live.servers import Servers

TEXTS = ("I need a restaurant in", "The history of the town", "Is there a train to", "Good morning, I would like")


def prompts(servers: Servers, count: int) -> list[list[int]]:
    encode = servers.engine.renderer.tokenizer.encode
    return [list(encode(f"{TEXTS[at % 4]} {at}", add_special_tokens=False)) for at in range(count)]


def side_by_side(servers: Servers, params: SamplingParams, count: int, rewinds: int) -> list[tuple[Written, Written]]:
    """Requests with rewinds, all at once, and for each its undisturbed answer."""

    async def scenario() -> list[tuple[Written, Written]]:
        asked = prompts(servers, count)
        with_rewinds = [rewound(servers.engine, tokens, params, at, rewinds) for at, tokens in enumerate(asked)]
        answers = await asyncio.gather(*with_rewinds)
        pairs = zip(asked, answers, strict=True)
        plain = [undisturbed(servers.engine, tokens, params, answer.banned) for tokens, answer in pairs]
        return list(zip(answers, await asyncio.gather(*plain), strict=True))

    return servers.run(scenario())


def greedy(**more: Any) -> SamplingParams:
    return SamplingParams(**{"temperature": 0, "max_tokens": 60, "ignore_eos": True, "logprobs": 1, **more})


def test_concurrent_requests_with_rewinds_are_those_without(servers: Servers) -> None:
    pairs = side_by_side(servers, greedy(), 64, 5)
    assert sum(answer.rewinds for answer, _ in pairs) >= 200
    for answer, plain in pairs:
        assert answer.tokens == plain.tokens and answer.reason == plain.reason == "length"
        assert answer.logprobs == pytest.approx(plain.logprobs, abs=1e-4)
