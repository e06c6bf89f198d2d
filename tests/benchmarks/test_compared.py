from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import compared
from evaluation.prompts import Prompt
from tests.evaluation.fake import Fake, serving

PROMPTS = [Prompt("plain", f"Once {number}") for number in range(2)]


@pytest.fixture
def fake() -> Iterator[Fake]:
    with serving() as server:
        yield server


async def test_a_prompt_is_asked_of_all_policies_with_the_same_draws_and_who_is_first_alternates(
    fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = await compared.draw(fake.url, ["first", "second"], PROMPTS, n=2, tokens=8)
    assert [[each.prompt for each in own] for own in drawn] == [["Once 0", "Once 0", "Once 1", "Once 1"]] * 2
    assert [each.text for each in drawn[0]] == [each.text for each in drawn[1]]
    asked = {prompt.text: [body for body in fake.asked if body["prompt"] == prompt.text] for prompt in PROMPTS}
    assert {text: [body["detox"]["policy"] for body in bodies] for text, bodies in asked.items()} == {
        "Once 0": ["first", "second"],
        "Once 1": ["second", "first"],
    }
    assert all(len({body["seed"] for body in bodies}) == 1 for bodies in asked.values())
    assert {(body["n"], body["max_tokens"]) for body in fake.asked} == {(2, 8)}
    assert "2 of 2 prompts\n" in capsys.readouterr().err


async def test_without_seeds_none_is_sent(fake: Fake) -> None:
    await compared.draw(fake.url, ["only"], PROMPTS[:1], n=1, tokens=8, seeded=False)
    assert ["seed" in body for body in fake.asked] == [False]


def test_options_have_the_defaults_that_they_tell(capsys: pytest.CaptureFixture[str]) -> None:
    parser = compared.options("What it is.", 40)
    known = parser.parse_args(["--prompts", "file"])
    assert (known.prompts, known.limit, known.n, known.max_tokens) == (Path("file"), 40, 4, 48)
    with pytest.raises(SystemExit):
        parser.parse_args(["--help"])
    assert "(default: 40)" in capsys.readouterr().out
