"""Answers and prompts in a language that the scorer does not read, complete: capitals are German here (by_capitals)."""

from typing import Any

import pytest

from server.engine.drafting.scripted import Vocabulary
from server.generation.prompt import Prompt, Prompted
from tests.generation.stage import drain, ending_of, policy, staged, text_of

ENGLISH, GERMAN = "all is well in the green garden", "HEUTE SCHEINT DIE SONNE SEHR WARM"
READ = frozenset({"en"})


async def _told(text: str, **keys: Any) -> tuple[str, str | None, dict[str, Any]]:
    """What is released of this answer, how it ends, and its report."""
    async with staged(text, policy=policy(**keys), languages=READ, in_step=True) as stage:
        pieces = await stage.play()
        report = stage.guarded.report.as_dict()
        assert stage.observer.languages == [(report["language"], report.get("unread", False))]
        return text_of(pieces), ending_of(pieces), report


async def test_an_answer_that_is_not_read_passes_and_the_report_says_so() -> None:
    text, ending, report = await _told(GERMAN)
    assert (text, ending) == (GERMAN, "stop")
    assert (report["language"], report["unread"], report["action"]) == ("de", True, "clean")


async def test_an_answer_that_is_read_says_its_language_alone() -> None:
    for on_unread in ("pass", "hold", "refuse"):
        text, ending, report = await _told(ENGLISH, on_unread=on_unread)
        assert (text, ending, report["language"]) == (ENGLISH, "stop", "en")
        assert "unread" not in report


@pytest.mark.parametrize("on_unread", ["hold", "refuse"])
async def test_an_answer_that_is_not_read_is_refused(on_unread: str) -> None:
    text, ending, report = await _told(GERMAN, on_unread=on_unread)
    assert (text, ending) == ("", "content_filter")
    assert (report["language"], report["unread"], report["action"]) == ("de", True, "refused")
    generated = len(Vocabulary().encode(GERMAN))
    assert (report["tokens_generated"] >= generated) == (on_unread == "hold"), "held text is drafted to its end"


@pytest.mark.parametrize("on_unread", ["hold", "refuse"])
@pytest.mark.parametrize("whole", [True, False])
async def test_a_change_of_language_amid_an_answer_lets_nothing_of_it_out(on_unread: str, whole: bool) -> None:
    text = f"{ENGLISH}. {GERMAN}. {ENGLISH}."
    own = policy(on_unread=on_unread)
    async with staged(text, policy=own, languages=READ, in_step=True, whole=whole) as stage:
        pieces = await stage.play()
    assert ending_of(pieces) == "content_filter"
    assert ENGLISH.startswith(text_of(pieces).rstrip(". "))
    assert not any(letter.isupper() for letter in text_of(pieces))


async def test_a_looser_language_is_no_way_around_for_another() -> None:
    keys: dict[str, Any] = {"languages": {"de": {"toxicity": 0.95}}, "max_rewinds": 0}
    text, ending, _ = await _told("HEUTE SCHEINT DIE IDIOT SONNE SEHR WARM", **keys)
    assert "IDIOT" in text and ending == "stop"
    text, ending, report = await _told(f"{GERMAN}. {GERMAN}. you are such an idiot as that.", **keys)
    assert "idiot" not in text and ending == "content_filter"
    assert report["scores"]["toxicity"] == 0.9


@pytest.mark.parametrize(
    ("keys", "flagged", "refused"),
    [
        ({"on_prompt": "refuse"}, False, False),
        ({"on_prompt": "refuse", "on_unread": "hold"}, True, True),
        ({"on_prompt": "refuse", "on_unread": "refuse"}, True, True),
        ({"on_prompt": "score", "on_unread": "refuse"}, True, False),
    ],
)
async def test_a_prompt_that_is_not_read_is_told_and_refused_where_the_policy_says_so(
    keys: dict[str, Any], flagged: bool, refused: bool
) -> None:
    own = policy(**keys)
    async with staged(ENGLISH, policy=own, languages=READ, in_step=True) as stage:
        prompt = Prompt(f"{ENGLISH}. {GERMAN}.", own, stage.services)
        choice = Prompted(stage.guarded, prompt)
        pieces = await drain(choice.pieces())
    assert (ending_of(pieces) == "content_filter") == refused
    told = choice.report.as_dict()["prompt"]
    assert told["language"] == "unknown", "half of it is German"
    assert told["flagged"] is flagged and told.get("unread", False) is flagged
    assert (choice.report.withheld, choice.report.action == "refused") == (refused, refused)
