"""The model's own probe before the scorer: what it may clear, what it must not, and what an alarm does."""

from collections.abc import Callable
from typing import Any

import pytest

from filters.scorers.scripted import ScriptedScorer
from server.engine.drafting.scripted import Vocabulary
from server.generation.probe import Probe
from tests.generation.stage import Stage, policy, staged, text_of
from tests.generation.test_probe import probe, row

TEXT = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen."
RUDE = "One two three four five six seven eight idiot ten eleven twelve thirteen fourteen."
POLITE = "One two three four five six seven eight friend ten eleven twelve thirteen fourteen."
CLEAN, BAD, UNSURE = row(-3.0), row(99.0), row(0.5)
VOCABULARY = Vocabulary(longest=16)


def sees(word: str, bad: bytes, rest: bytes | None = CLEAN) -> Callable[[int], bytes | None]:
    """A probe's eye that sees something else in the tokens of a word."""
    return lambda token: bad if word.encode() in VOCABULARY.content(token) else rest


async def played(
    *texts: str, sight: Callable[[int], bytes | None], own: Any = None, seen_by: Probe | None = None, **options: Any
) -> tuple[str, Stage]:
    options = {"in_step": True, "vocabulary": VOCABULARY, **options}
    used = seen_by or probe()
    async with staged(*texts, policy=own or policy(), probe=used, sees=sight, **options) as stage:
        return text_of(await stage.play()), stage


async def test_a_window_that_it_clears_is_never_scored_but_the_answer_as_a_whole_is() -> None:
    text, stage = await played(TEXT, sight=sees("-", BAD))
    assert text == TEXT
    glances = stage.observer.glances
    assert glances.count("cleared") >= 3 and glances[-1] == "judged"
    assert stage.scorer.passes == glances.count("judged") and stage.observer.verdicts["cleared"] == len(glances)


async def test_the_whole_answer_is_judged_even_if_every_window_was_cleared() -> None:
    """It thinks well of all, and is wrong: what has not left by the end is taken back."""
    text, stage = await played(RUDE, POLITE, sight=sees("-", BAD), whole=True)
    assert text == POLITE and stage.observer.verdicts["flagged"] == 1


@pytest.mark.parametrize(
    ("own", "sight"),
    [
        (policy(probe_clears=False), sees("-", BAD)),
        (policy(on_unread="hold"), sees("-", BAD)),
        (policy(languages={"fr": {"toxicity": 0.2}}), sees("-", BAD)),
        (policy(thresholds={"toxicity": 0.05}), sees("-", BAD)),
        (policy(), sees("-", BAD, UNSURE)),
        (policy(), sees("-", BAD, None)),
    ],
    ids=["the policy wants none", "what is read matters", "of a language", "a lower threshold", "unsure", "unseen"],
)
async def test_what_it_may_not_clear_the_scorer_judges(own: Any, sight: Any) -> None:
    text, stage = await played(RUDE, POLITE, sight=sight, own=own)
    assert text == POLITE and "cleared" not in stage.observer.glances


@pytest.mark.parametrize("disguised", ["One two 1d10t four five.", "One i d i o t.", "One two ідиот four five."])
async def test_what_may_be_disguised_is_the_scorers(disguised: str) -> None:
    own = policy(first_stride=5, stride=5, max_stride=5)
    _, stage = await played(f"{disguised} {disguised} {disguised}", sight=sees("-", BAD), own=own)
    assert "cleared" not in stage.observer.glances


async def test_where_something_was_learned_the_scorer_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptedScorer, "must_read", lambda scorer, text: "idiot" in text, raising=False)
    text, stage = await played(RUDE, POLITE, sight=sees("-", BAD))
    assert text == POLITE and stage.observer.verdicts["flagged"] == 1


async def test_without_a_probe_nobody_glances() -> None:
    async with staged(TEXT, vocabulary=VOCABULARY) as stage:
        await stage.play()
        assert stage.observer.glances == []


LONG = policy(first_stride=3, stride=12, max_stride=12, context=16, hold_back=3)


async def test_an_alarm_has_the_window_judged_sooner_and_less_is_drafted_for_nothing() -> None:
    text, calm = await played(RUDE, POLITE, sight=sees("-", BAD, UNSURE), own=LONG)
    assert text == POLITE
    text, alarmed = await played(RUDE, POLITE, sight=sees("idiot", BAD, UNSURE), own=LONG)
    assert text == POLITE
    assert "alarmed" in alarmed.observer.glances and "alarmed" not in calm.observer.glances
    assert alarmed.observer.counts["discarded"] < calm.observer.counts["discarded"]


async def test_a_policy_may_switch_alarms_off() -> None:
    own = LONG.model_copy(update={"probe_alarms": False})
    _, stage = await played(RUDE, POLITE, sight=sees("idiot", BAD, UNSURE), own=own)
    assert "alarmed" not in stage.observer.glances


async def test_false_alarms_cost_some_windows_and_not_one_for_each_token() -> None:
    _, stage = await played(TEXT, sight=sees("two", BAD, UNSURE), own=LONG)
    assert 1 <= stage.observer.glances.count("alarmed") <= 5
    assert stage.observer.verdicts["cleared"] <= 7


async def test_a_rewind_takes_what_was_seen_of_the_dropped_tokens_out_of_every_mean() -> None:
    """Were the rude word still in the mean, the windows after it would not be cleared."""
    _, stage = await played(RUDE, POLITE, sight=sees("idiot", row(999.0)), whole=True)
    after = stage.observer.glances[stage.observer.glances.index("judged") :]
    assert "cleared" in after
