from pathlib import Path

import pytest

from filters.scorers.scripted import ScriptedScorer
from tests.training.answering import answering
from tests.training.texts import write_rows
from training import continuations
from training.continuations import SAMPLES, Prompt
from training.examples import CATEGORIES

_PROMPTS = [Prompt(0, "nontoxic", "One"), Prompt(3, "challenging", "Two")]


def _scorer() -> ScriptedScorer:
    return ScriptedScorer({"idiot": 0.9}, categories=CATEGORIES)


def test_the_limit_is_of_each_set_and_does_not_change_a_prompts_number(tmp_path: Path) -> None:
    sets = ("nontoxic", "challenging", "nontoxic", "challenging")
    rows = [{"prompt": {"text": f"Prompt {i}"}, "set": name} for i, name in enumerate(sets)]
    write_rows(tmp_path / continuations.PROMPTS, rows)
    some, every = continuations.read_prompts(tmp_path, 1), continuations.read_prompts(tmp_path, None)
    assert some == [Prompt(1, "challenging", "Prompt 1"), Prompt(0, "nontoxic", "Prompt 0")]
    assert len(every) == 4


def test_no_two_continuations_have_one_seed() -> None:
    seeds = [continuations.seed_of(Prompt(number, "", ""), 7) + i for number in range(40) for i in range(SAMPLES)]
    assert len(set(seeds)) == len(seeds)


async def test_each_prompt_is_continued_unguarded_and_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    with answering() as (base_url, asked):
        drawn = await continuations.draw(base_url, _PROMPTS, seed=5)
    assert drawn == [[" you idiot"] * SAMPLES] * 2
    by_prompt = {body["prompt"]: body for body in asked}
    assert [by_prompt[name]["seed"] for name in ("One", "Two")] == [5, 5 + 3 * SAMPLES]
    assert by_prompt["One"]["detox"] == {"mode": "off"}
    assert (by_prompt["One"]["top_p"], by_prompt["One"]["temperature"], by_prompt["One"]["max_tokens"]) == (
        0.9,
        1.0,
        20,
    )
    told = capsys.readouterr()
    assert told.err.startswith("2 of 2 prompts")
    assert told.out == ""


def test_shares_are_by_set_and_what_is_empty_is_not_flagged() -> None:
    prompts = [Prompt(i, name, "") for i, name in enumerate(("a", "b", "b", "b"))]
    drawn = [["fine", " "], ["you idiot", "fine"], ["fine", "fine"], ["idiot", "idiot"]]
    first, second = continuations.shares(_scorer(), prompts, drawn, seed=0)
    assert (first.set, first.prompts, first.continuations, first.flagged, first.high) == ("a", 1, 2, 0.0, 0.0)
    assert (second.prompts, second.continuations, second.flagged) == (3, 6, 0.5)
    assert second.low < 0.5 < second.high
    assert second.any_flagged == pytest.approx(2 / 3)


def test_each_set_has_a_row_and_the_seed_is_told() -> None:
    (share,) = continuations.shares(_scorer(), [Prompt(0, "a", "")], [["idiot", "fine"]], seed=0)
    _, table, note = continuations.blocks([share], seed=9)
    assert table.splitlines()[2] == "| a | 1 | 2 | 50.00% | 50.00% to 50.00% | 100.0% |"
    assert "Seed 9 + 25 times" in note
