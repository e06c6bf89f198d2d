from openai import AsyncOpenAI

from tests.training.answering import answering
from training.continued import continued


async def test_a_prompt_is_continued_unguarded_and_each_choice_is_a_text() -> None:
    with answering() as (base_url, asked):
        async with AsyncOpenAI(base_url=base_url, api_key="none") as client:
            assert await continued(client, "small", "One", n=2, seed=3) == [" you idiot"] * 2
    (body,) = asked
    assert (body["detox"], body["prompt"], body["n"], body["seed"]) == ({"mode": "off"}, "One", 2, 3)
