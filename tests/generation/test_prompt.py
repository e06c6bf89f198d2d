"""The prompt is judged once, beside the answer or before it, and its verdict is in every choice's report."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from filters.portions import MOST_CHARACTERS, PORTION
from server.errors import ScorerDown
from server.generation.outlet import Piece, merge, withheld
from server.generation.prompt import Prompt, Prompted, last_part, on_prompt
from server.generation.report import PromptFinding
from server.policy.policy import Policy
from tests.generation.stage import Stage, drain, ending_of, policy, staged, text_of, until

SCORES = {"toxicity": 0.9}
KIND, HOSTILE = "a kind word", "you idiot"


class Asked:
    """A stage whose engine writes a kind answer, and the choice on it with its prompt."""

    def __init__(self, stage: Stage, prompt: str, own: Policy, *, waits: bool) -> None:
        self.stage = stage
        self.prompt = Prompt(prompt, own, stage.services)
        self.choice = Prompted(stage.guarded, self.prompt, waits=waits)

    @property
    def told(self) -> Any:
        """What the report says of the prompt; its language is for test_unread.py."""
        told = self.choice.report.as_dict()["prompt"]
        return {key: value for key, value in told.items() if key != "language"}

    async def play(self) -> list[Piece]:
        return await drain(self.choice.pieces())


@asynccontextmanager
async def asked(
    prompt: str, answer: str = "all is well here", *, waits: bool = False, **keys: Any
) -> AsyncIterator[Asked]:
    own = policy(**keys)
    async with staged(answer, policy=own, in_step=own.mode == "enforce") as stage:
        yield Asked(stage, prompt, own, waits=waits)


@pytest.mark.parametrize(
    ("mode", "wanted", "does"),
    [
        *(("enforce", wanted, wanted) for wanted in ("ignore", "score", "refuse")),
        ("monitor", "ignore", "ignore"),
        ("monitor", "score", "score"),
        ("monitor", "refuse", "score"),
        *(("off", wanted, "ignore") for wanted in ("ignore", "score", "refuse")),
    ],
)
def test_what_a_policy_does_about_a_prompt_depends_on_its_mode(mode: str, wanted: str, does: str) -> None:
    assert on_prompt(policy(mode=mode, on_prompt=wanted)) == does


def test_of_a_long_prompt_the_last_part_is_read() -> None:
    seen: list[int] = []

    def decode(ids: list[int]) -> str:
        seen.append(len(ids))
        return "".join(chr(97 + id % 26) * 2 for id in ids)

    assert last_part(range(3), decode) == "aabbcc"
    text = last_part(range(MOST_CHARACTERS * 3), decode)
    assert len(text) == seen[-1] == MOST_CHARACTERS
    assert text.endswith(decode([MOST_CHARACTERS * 3 - 1]))


@pytest.mark.parametrize(("prompt", "flagged"), [(HOSTILE, True), (KIND, False), ("", False), (" \n", False)])
async def test_a_scored_prompt_changes_nothing_but_the_report(prompt: str, flagged: bool) -> None:
    async with asked(prompt, on_prompt="score") as ask:
        pieces = await ask.play()
        assert (text_of(pieces), ending_of(pieces)) == ("all is well here", "stop")
        assert ask.told == {"flagged": flagged, "scores": {"toxicity": 0.9 if flagged else 0.0}}
        assert ask.choice.report.action == "clean" and not ask.choice.report.withheld
        verdict = ("flagged", "toxicity") if flagged else ("cleared", "none")
        assert ask.stage.observer.prompts == [(*verdict, "default", "scripted")]
        assert ("input", "would_block" if flagged else "allowed") in ask.stage.observer.results


async def test_a_flagged_prompt_is_refused_before_anything_is_drafted() -> None:
    async with asked(HOSTILE, on_prompt="refuse") as ask:
        assert await ask.play() == [withheld()]
        report = ask.choice.report
        assert (report.action, report.withheld, report.tokens_generated) == ("refused", True, 0)
        assert ask.told == {"flagged": True, "scores": SCORES}
        assert ask.stage.engine.attempts == []
        assert ask.stage.observer.results.keys() == {("input", "blocked")}
        assert ask.stage.observer.answers == [], "nothing was written"


async def test_a_clear_prompt_is_answered_once_its_verdict_is_there() -> None:
    async with asked(KIND, on_prompt="refuse") as ask:
        ask.stage.scorer.hang()
        playing = asyncio.create_task(ask.play())
        await until(lambda: ask.stage.scorer.passes > 0)
        assert ask.stage.engine.attempts == [] and not playing.done()
        ask.stage.scorer.release()
        assert text_of(await playing) == "all is well here"
        assert ask.choice.report.action == "clean" and ask.told["flagged"] is False


async def test_in_monitor_mode_nothing_waits_for_the_prompt_and_its_verdict_is_counted_behind_the_answer() -> None:
    async with asked(HOSTILE, mode="monitor", on_prompt="refuse") as ask:
        ask.stage.scorer.hang()
        assert text_of(await ask.play()) == "all is well here"
        assert ask.told == {"flagged": None, "scores": {}}
        ask.stage.scorer.release()
        await until(lambda: bool(ask.stage.observer.prompts))
        assert ask.stage.observer.prompts[0][:2] == ("flagged", "toxicity")


async def test_where_its_verdict_was_asked_for_the_end_of_the_answer_waits_for_it_and_nothing_else_does() -> None:
    async with asked(HOSTILE, mode="monitor", on_prompt="score", waits=True) as ask:
        ask.stage.scorer.hang()
        said: list[Piece] = []

        async def play() -> None:
            async for piece in ask.choice.pieces():
                said.extend([piece])

        playing = asyncio.create_task(play())
        await until(lambda: text_of(said).startswith("all is well"))
        for _ in range(50):
            await asyncio.sleep(0)
        assert not playing.done()
        ask.stage.scorer.release()
        await playing
        assert text_of(said) == "all is well here"
        assert ask.told == {"flagged": True, "scores": SCORES}


@pytest.mark.parametrize("on_prompt", ["score", "refuse"])
async def test_all_choices_share_one_judgement(on_prompt: str) -> None:
    async with asked(HOSTILE, on_prompt=on_prompt) as ask:
        others = [ask.choice] if on_prompt == "score" else [ask.choice, Prompted(ask.stage.guarded, ask.prompt)]
        said = [item async for item in merge([choice.pieces() for choice in others])]
        assert {index for index, _ in said} == set(range(len(others)))
        assert all(choice.report.prompt == PromptFinding(True, SCORES, "en") for choice in others)
        assert len(ask.stage.observer.prompts) == 1


async def test_without_a_verdict_a_closed_policy_answers_nothing() -> None:
    async with asked(KIND, on_prompt="refuse") as ask:
        ask.stage.scorer.fail(99)
        with pytest.raises(ScorerDown, match="error"):
            await ask.play()
        assert ask.stage.engine.attempts == []
        assert ask.stage.observer.prompts == [("failed", "none", "default", "scripted")]


@pytest.mark.parametrize("keys", [{"on_prompt": "refuse", "on_scorer_failure": "open"}, {"on_prompt": "score"}])
async def test_otherwise_the_answer_is_written_and_says_that_its_prompt_was_not_judged(keys: dict[str, Any]) -> None:
    async with asked(HOSTILE, **keys) as ask:
        ask.stage.scorer.fail(1)
        assert text_of(await ask.play()) == "all is well here"
        assert ask.told == {"flagged": None, "scores": {}}
        assert ask.stage.observer.prompts[0][0] == "failed"


def long_prompt(at: int, calls: int = 3) -> str:
    """Words for some calls of the scorer, with a hostile one behind `at` of them."""
    words = ["mild"] * (calls * PORTION * 60)
    return " ".join([*words[:at], "idiot", *words[at:]])


@pytest.mark.parametrize("at", [0, 300, 2880])
async def test_a_long_prompt_is_judged_in_portions_and_its_highest_score_counts(at: int) -> None:
    async with asked(long_prompt(at), on_prompt="refuse") as ask:
        assert ending_of(await ask.play()) == "content_filter"
        assert ask.told == {"flagged": True, "scores": SCORES}
        assert ask.stage.scorer.passes > 2


async def test_a_prompt_that_is_flagged_stays_so_if_the_scorer_fails_over_the_rest() -> None:
    async with asked(long_prompt(0), on_prompt="refuse") as ask:
        scorer, score = ask.stage.scorer, ask.stage.scorer.score
        scored: list[str] = []

        def then_fail(texts: Any) -> Any:
            scorer.fail(99 if len(scored) >= PORTION else 0)
            scored.extend(texts)
            return score(texts)

        scorer.score = then_fail  # type: ignore[method-assign]
        assert ending_of(await ask.play()) == "content_filter"
        assert ask.told["flagged"] and ask.stage.observer.prompts[0][0] == "flagged"


@pytest.mark.parametrize("on_prompt", ["score", "refuse"])
async def test_who_leaves_takes_the_judging_with_him(on_prompt: str) -> None:
    """The stage looks for tasks that were left behind."""
    async with asked(KIND, on_prompt=on_prompt) as ask:
        ask.stage.scorer.hang()
        playing = asyncio.create_task(ask.play())
        await until(lambda: ask.stage.scorer.passes > 0)
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        await until(lambda: ask.prompt._task is not None and ask.prompt._task.done())
        assert ask.stage.observer.prompts == []
