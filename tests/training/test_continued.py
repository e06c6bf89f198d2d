import asyncio

from openai import AsyncOpenAI

from tests.training.answering import answering
from training.continued import continued


def test_a_prompt_is_continued_unguarded_and_each_choice_is_a_text() -> None:
    async def scenario(base_url: str) -> list[str]:
        async with AsyncOpenAI(base_url=base_url, api_key="none") as client:
            return await continued(client, "small", "One", n=2, seed=3)

    with answering() as (base_url, asked):
        assert asyncio.run(scenario(base_url)) == [" you idiot"] * 2
    (body,) = asked
    assert (body["detox"], body["prompt"], body["n"], body["seed"]) == ({"mode": "off"}, "One", 2, 3)
