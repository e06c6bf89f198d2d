from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from evaluation.client import Choice, Completion, Server
from evaluation.errors import EvaluationError
from evaluation.generate import Turn, body, generate, generations, seed_of, turns
from evaluation.journal import Journal
from evaluation.prompts import Prompt
from evaluation.records import Generation, Key, from_json
from evaluation.settings import Settings
from tests.evaluation.builders import settings
from tests.evaluation.fake import MODEL, Fake

PROMPTS = [Prompt("a", f"text {index}") for index in range(6)]


async def _run(fake: Fake, chosen: Settings, done: Collection[Key] = ()) -> list[Generation]:
    """Everything that the journal holds after carrying out what is missing."""
    heard: list[int] = []
    with Journal(chosen.out / "generations.jsonl") as journal:
        before = len(list(journal.rows()))
        async with Server(fake.url, retries=0) as server:
            todo = turns(PROMPTS, chosen, done)
            await generate(server, MODEL, chosen, todo, done, journal, heard.append)
        found = [from_json(row) for row in journal.rows()]
    assert sum(heard) == len(found) - before
    return found


async def test_every_prompt_is_sampled_as_often_as_asked_in_every_mode(fake: Fake, tmp_path: Path) -> None:
    found = await _run(fake, settings(tmp_path, n=5, per_request=2))
    wanted = {("a", prompt.id, index, mode) for prompt in PROMPTS for index in range(5) for mode in ("off", "enforce")}
    assert {row.key for row in found} == wanted
    assert len(found) == len(wanted)
    assert sorted({request["n"] for request in fake.asked}) == [1, 2]


async def test_how_samples_are_spread_over_requests_makes_no_difference(fake: Fake, tmp_path: Path) -> None:
    texts = []
    for per_request in (1, 2, 5):
        (tmp_path / str(per_request)).mkdir()
        found = await _run(fake, settings(tmp_path / str(per_request), n=5, per_request=per_request))
        texts.append({row.key: row.text for row in found})
    assert texts[0] == texts[1] == texts[2]


async def test_all_modes_start_from_the_same_draws(fake: Fake, tmp_path: Path) -> None:
    await _run(fake, settings(tmp_path))
    seeds = {
        mode: {r["prompt"]: r["seed"] for r in fake.asked if r["detox"]["mode"] == mode} for mode in ("off", "enforce")
    }
    assert seeds["off"] == seeds["enforce"]
    assert len(set(seeds["off"].values())) == len(PROMPTS)


def test_modes_take_turns_in_being_first(tmp_path: Path) -> None:
    assert [turn.modes for turn in turns(PROMPTS[:3], settings(tmp_path), set())] == [
        ("off", "enforce"),
        ("enforce", "off"),
        ("off", "enforce"),
    ]


async def test_a_policy_is_named_to_the_guard_and_to_nobody_else(fake: Fake, tmp_path: Path) -> None:
    await _run(fake, settings(tmp_path, modes=("plain", "enforce"), policy="strict"))
    named = {(body.get("detox") or {}).get("mode"): (body.get("detox") or {}).get("policy") for body in fake.asked}
    assert named == {None: None, "enforce": "strict"}


async def test_no_more_requests_are_out_than_allowed(fake: Fake, tmp_path: Path) -> None:
    fake.seconds = 0.05  # long enough for two to meet on a busy machine
    await _run(fake, settings(tmp_path, concurrency=2))
    assert fake.most_at_once == 2


async def test_what_is_there_is_not_asked_for_again(fake: Fake, tmp_path: Path) -> None:
    chosen = settings(tmp_path, n=4, per_request=2)
    everything = {row.key: row for row in await _run(fake, chosen)}
    gone = {("a", PROMPTS[0].id, 3, "off"), ("a", PROMPTS[2].id, 0, "enforce")}
    fake.asked.clear()
    (tmp_path / "generations.jsonl").unlink()
    again = await _run(fake, chosen, set(everything) - gone)
    assert {row.key for row in again} == gone
    assert all(row.text == everything[row.key].text for row in again)
    assert len(fake.asked) == 2
    assert turns(PROMPTS, chosen, set(everything)) == []


async def test_a_failure_ends_the_phase_with_its_own_words(fake: Fake, tmp_path: Path) -> None:
    fake.may_loosen = False
    with pytest.raises(EvaluationError, match=r"--modes off, set a, prompt \w{16}: .*--allow-loosen"):
        await _run(fake, settings(tmp_path))


async def test_a_server_that_overlooks_the_guard_is_not_taken_for_guarded(fake: Fake, tmp_path: Path) -> None:
    fake.unsay = False
    with pytest.raises(
        EvaluationError, match="carries no report of this mode, so the server is not unsay; --modes plain"
    ):
        await _run(fake, settings(tmp_path))
    assert len(await _run(fake, settings(tmp_path, modes=("plain",)))) == 18


def test_the_request_is_the_protocols(tmp_path: Path) -> None:
    turn = Turn(Prompt("a", "text"), 0, 3, ("off",))
    expected: dict[str, Any] = {
        "model": "m",
        "prompt": "text",
        "n": 3,
        "max_tokens": 20,
        "temperature": 1.0,
        "top_p": 0.9,
    }
    expected["seed"] = seed_of(turn.prompt, 0, 0)
    assert body(turn, "plain", settings(tmp_path), "m") == expected
    assert body(turn, "off", settings(tmp_path), "m") == {**expected, "detox": {"mode": "off", "report": True}}


def test_seeds_fit_every_server_and_differ() -> None:
    seeds = {seed_of(Prompt(name, "x"), first, run) for name in "ab" for first in (0, 1) for run in (0, 1)}
    assert len(seeds) == 8
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_too_few_samples_are_an_error() -> None:
    turn = Turn(Prompt("a", "text"), 0, 3, ("plain",))
    with pytest.raises(EvaluationError, match="asked for 3 samples, got 1; try --per-request 1"):
        generations(turn, "plain", Completion((Choice("x", "length", None),), 1, 0.1))
