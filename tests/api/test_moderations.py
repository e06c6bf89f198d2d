"""Moderation requests are parsed, and their answers made, in OpenAI's shape."""

from typing import Any

import pytest

from filters.batcher import Batcher
from filters.judge import Judge
from filters.portions import MOST_CHARACTERS
from filters.scorer import Scorer
from filters.scorers.scripted import ScriptedScorer
from server.api.moderations import MOST_INPUTS, moderate, parse
from server.errors import BadRequest, Unavailable
from server.limits import Limits
from server.policy.policy import Policy
from tests.filters.test_judge import Drowning


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ("a", ["a"]),
        ("", [""]),
        (["a", "b"], ["a", "b"]),
        ([{"type": "text", "text": "a"}], ["a"]),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], ["a\nb"]),
        (["a"] * MOST_INPUTS, ["a"] * MOST_INPUTS),
    ],
)
def test_every_shape_of_input_is_a_list_of_texts(given: Any, texts: list[str]) -> None:
    assert parse({"input": given}).texts() == texts


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ({}, "input"),
        ({"input": None}, "input"),
        ({"input": 1}, "input"),
        ({"input": []}, "input"),
        ({"input": [1]}, "input"),
        ({"input": ["a"] * (MOST_INPUTS + 1)}, "input"),
        ({"input": [{"type": "image_url", "image_url": {}}]}, "input"),
        ({"input": [{"type": "text", "text": "a", "more": 1}]}, "input"),
        ({"input": "a", "model": 1}, "model"),
        ([], "body"),
        ("a", "body"),
        (None, "body"),
    ],
)
def test_what_does_not_fit_is_named(raw: object, key: str) -> None:
    with pytest.raises(BadRequest, match=f"^{key}: expected") as refused:
        parse(raw)
    assert refused.value.param == key


async def moderated(given: Any, *, failing: bool = False, by: Scorer | None = None, **policy: Any) -> dict[str, Any]:
    languages = frozenset({"en"})
    scripted = ScriptedScorer({"idiot": 0.6}, categories=("toxicity", "insult"), languages=languages)
    scripted.fail(9 if failing else 0)
    scorer = by or scripted
    batcher = Batcher(scorer)
    await batcher.start()
    try:
        return await moderate(parse({"input": given}), Judge(batcher), Policy(**policy), Limits())
    finally:
        await batcher.aclose()


async def test_each_text_is_judged_by_itself() -> None:
    told = await moderated(["you idiot", "fine", " "])
    assert [result["flagged"] for result in told["results"]] == [True, False, False]
    first = told["results"][0]
    assert {name for name, flagged in first["categories"].items() if flagged} == {"toxicity", "insult", "harassment"}
    assert {name for name, score in first["category_scores"].items() if score == 0.6} == {
        "toxicity",
        "insult",
        "harassment",
    }
    assert first["category_applied_input_types"]["insult"] == ["text"]
    assert first["category_applied_input_types"]["self-harm"] == []


async def test_the_policys_thresholds_decide() -> None:
    assert not (await moderated("you idiot", thresholds={"insult": 0.9}))["results"][0]["flagged"]
    assert (await moderated("you idiot", thresholds={"insult": 0.6}))["results"][0]["categories"]["insult"]


async def test_every_answer_has_an_id_of_its_own_and_the_model_is_named_back() -> None:
    told = await moderated("you idiot")
    assert told["id"].startswith("modr-") and told["model"] == "scripted"
    assert told["id"] != (await moderated("you idiot"))["id"]


async def test_the_parts_of_one_input_have_one_result() -> None:
    parts = [{"type": "text", "text": "fine"}, {"type": "text", "text": "you idiot"}]
    assert [result["flagged"] for result in (await moderated(parts))["results"]] == [True]


@pytest.mark.parametrize("key", ["mode", "on_exhausted", "max_rewinds", "on_prompt", "report"])
def test_what_says_how_text_is_written_is_refused_aloud(key: str) -> None:
    with pytest.raises(BadRequest, match=f"detox.{key}: means nothing .* use policy, thresholds, languages, on_unread"):
        parse({"input": "a", "detox": {key: "x"}}).held_against()


async def test_without_a_scorer_it_may_be_tried_again() -> None:
    with pytest.raises(Unavailable):
        await moderated("a", failing=True)


async def test_a_list_that_is_longer_than_the_scorers_queue_is_answered() -> None:
    assert len((await moderated(["you idiot"] * MOST_INPUTS))["results"]) == MOST_INPUTS


async def test_a_text_that_would_keep_the_scorer_from_the_guard_is_refused() -> None:
    with pytest.raises(BadRequest, match="at most 50000 characters"):
        await moderated("a" * (MOST_CHARACTERS + 1))


async def test_more_characters_than_one_request_may_have_are_refused_before_anything_is_scored() -> None:
    scorer = ScriptedScorer({})
    with pytest.raises(BadRequest, match=r"^input: expected at most 100000 characters .*, found 100002; send them in"):
        await moderated(["a" * 33_334] * 3, by=scorer)
    assert scorer.passes == 0


async def test_a_text_is_judged_in_its_parts_too_and_has_one_result() -> None:
    plain = "The river is wide here. " * 40
    told = await moderated([f"{plain}You idiot there. {plain}", plain], by=Drowning())
    assert [result["flagged"] for result in told["results"]] == [True, False]


GERMAN, ENGLISH = "So ein idiot ist er eben, sagte sie.", "He is such an idiot, she used to say."
LONG_GERMAN = "Das Wetter ist heute sehr schön und alle gehen in den Park. " * 5


async def test_each_text_is_held_against_the_thresholds_of_its_language() -> None:
    told = await moderated([GERMAN, ENGLISH, "idiot", LONG_GERMAN + ENGLISH], languages={"de": {"toxicity": 0.7}})
    assert [result["categories"]["toxicity"] for result in told["results"]] == [False, True, True, True]
    assert [result["language"] for result in told["results"]] == ["de", "en", "unknown", "de"]


@pytest.mark.parametrize(("on_unread", "flagged"), [("pass", False), ("hold", True), ("refuse", True)])
async def test_what_is_not_read_is_told_and_flagged_unless_it_may_pass(on_unread: str, flagged: bool) -> None:
    plain = "Where is the nearest station, please?"
    told = await moderated([LONG_GERMAN, plain, f"{plain * 4} {LONG_GERMAN[:60]}"], on_unread=on_unread)
    results = told["results"]
    assert [result["flagged"] for result in results] == [flagged, False, flagged]
    assert [result.get("unread", False) for result in results] == [True, False, flagged]
    assert not any(results[0]["categories"].values())
