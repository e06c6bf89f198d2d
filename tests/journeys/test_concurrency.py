"""Many at once: every stream ends as it would alone, whatever its neighbours do."""

import asyncio

import httpx
from openai import AsyncOpenAI

from tests.journeys.test_failures import quiet, until
from tests.live.servers import Servers
from tests.live.wire import PROMPT, asking

STREAMS = 32
WORD = "town"


async def test_many_mixed_streams_end_correctly(servers: Servers) -> None:
    """A third is rewound, a third clean, and a third leaves early."""
    with servers.scorer.flagging(WORD, seconds=0.01):
        ended = await all_streams(servers)
        until(lambda: quiet(servers))
    assert len(ended) == STREAMS
    assert {(kind, action) for kind, action, _ in ended} == {("flagged", "rewound"), ("tame", "clean"), ("leaver", "")}
    assert all(WORD not in text for _, _, text in ended)


async def all_streams(servers: Servers) -> list[tuple[str, str, str]]:
    kinds = ["flagged", "tame", "leaver"]
    async with AsyncOpenAI(base_url=f"{servers.guarded}/v1", api_key="none", max_retries=0, timeout=60) as client:
        return await asyncio.gather(*(one(client, servers.model, kinds[i % 3]) for i in range(STREAMS)))


async def one(client: AsyncOpenAI, model: str, kind: str) -> tuple[str, str, str]:
    """Kind, action and text of one stream."""
    prompt = PROMPT if kind == "flagged" else "I need a restaurant in Berkeley. Assistant:"
    stream = await client.completions.create(
        model=model,
        prompt=prompt,
        max_tokens=40,
        temperature=0,
        stream=True,
        extra_body={"detox": {"policy": "patient"}},
    )
    text, action = "", ""
    async for chunk in stream:
        text += chunk.choices[0].text
        if kind == "leaver":
            await stream.close()
            break
        if chunk.choices[0].finish_reason:
            action = (chunk.choices[0].model_extra or {})["detox"]["action"]
    return kind, action, text


async def test_the_same_request_alone_and_in_a_crowd_has_the_same_seeded_answer(servers: Servers) -> None:
    body = asking("completions", servers.model, seed=5, detox={"policy": "small"})

    async def crowd(count: int) -> list[str]:
        async with httpx.AsyncClient(base_url=servers.guarded, timeout=60) as web:
            answers = await asyncio.gather(*(web.post("/v1/completions", json=body) for _ in range(count)))
            return [answer.json()["choices"][0]["text"] for answer in answers]

    with servers.scorer.flagging("of"):
        (alone,) = await crowd(1)
        assert await crowd(8) == [alone] * 8


async def test_a_crowd_of_seeded_choices_with_long_prompts_leaves_the_engine_alive(servers: Servers) -> None:
    """More prompt tokens at once than the engine takes in one step."""
    bodies = [
        asking("completions", servers.model, prompt=f"{number}. {PROMPT} " * 12, seed=number, n=25, max_tokens=2)
        for number in range(8)
    ]
    async with httpx.AsyncClient(base_url=servers.guarded, timeout=110) as web:
        answers = await asyncio.gather(*(web.post("/v1/completions", json=body) for body in bodies))
        assert [len(answer.json()["choices"]) for answer in answers] == [25] * 8
