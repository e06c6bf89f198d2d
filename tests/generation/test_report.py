"""The report of one choice."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.generation.report import PromptFinding, Report, report
from server.generation.tally import FlaggedSpan, Tally
from server.guard.state import GuardState
from server.policy.policy import Policy


def test_an_approximate_answer_says_so() -> None:
    assert report(Policy(), "scripted", GuardState(), Tally(), approximate=True).as_dict()["approximate"] is True
    assert "approximate" not in report(Policy(), "scripted", GuardState(), Tally()).as_dict()


def test_the_report_has_exactly_the_documented_keys() -> None:
    body = report(Policy(), "scripted", GuardState(), Tally()).as_dict()
    assert list(body) == [
        "policy", "mode", "action", "rewinds", "spans_scored", "spans_flagged", "tokens_generated", "tokens_discarded",
        "max_score", "scores", "scorer", "strategies",
    ]  # fmt: skip


def test_a_failure_of_the_scorer_is_reported() -> None:
    tally = Tally(failure="deadline")
    assert report(Policy(), "scripted", GuardState(), tally).as_dict()["scorer_failure"] == "deadline"


@pytest.mark.parametrize("flagged", [True, False, None])
def test_what_is_known_of_the_prompt_stands_at_the_end(flagged: bool | None) -> None:
    made = report(Policy(), "scripted", GuardState(), Tally())
    body = replace(made, prompt=PromptFinding(flagged, {"insult": 0.123456})).as_dict()
    assert list(body)[-1] == "prompt"
    assert body["prompt"] == {"flagged": flagged, "scores": {"insult": 0.1235}}
    assert "prompt" not in made.as_dict(), "where the policy ignores it"


def test_the_highest_score_of_each_category_is_kept() -> None:
    tally = Tally()
    tally.keep({"insult": 0.2, "threat": 0.4})
    tally.keep({"insult": 0.3, "threat": 0.1})
    body = report(Policy(), "scripted", GuardState(), tally).as_dict()
    assert body["scores"] == {"insult": 0.3, "threat": 0.4}
    assert body["max_score"] == 0.4


@pytest.mark.parametrize("fallback", ["refused", "truncated"])
def test_what_an_answer_was_withheld_for_is_told_by_its_scores(fallback: Any) -> None:
    tally = Tally()
    tally.keep({"insult": 0.2, "threat": 0.1})
    tally.flagged(FlaggedSpan(0, 0, 1, {"obscene": 0.6}))
    tally.flagged(FlaggedSpan(0, 0, 1, {"insult": 0.9}))
    made = report(Policy(), "scripted", GuardState(fallback=fallback), tally)
    assert made.as_dict()["scores"] == {"insult": 0.9, "threat": 0.1} and made.as_dict()["max_score"] == 0.9
    assert (made.filtered, made.detected) == (frozenset({"insult"}), frozenset({"insult", "obscene"}))
    delivered = report(Policy(), "scripted", GuardState(rewinds=2), tally)
    assert (delivered.filtered, delivered.detected) == (frozenset(), frozenset({"insult", "obscene"}))
    assert delivered.scores == {"insult": 0.2, "threat": 0.1}, "what was rewound is not in what was released"


def test_a_report_can_be_made_one_of_an_answer_that_is_refused() -> None:
    made = report(Policy(), "scripted", GuardState(), Tally()).refused({"threat": 0.7})
    assert (made.action, made.withheld) == ("refused", True)
    assert (dict(made.scores), set(made.filtered)) == ({"threat": 0.7}, {"threat"})
    assert made.refused({}, "deadline").scorer_failure == "deadline"


def test_nothing_scored_is_zero() -> None:
    assert report(Policy(), "scripted", GuardState(), Tally()).as_dict()["max_score"] == 0.0


def test_tokens_are_those_of_the_model_without_the_mask() -> None:
    state = GuardState(drafted=10, released=8, discarded=5, written=3)
    body = report(Policy(), "scripted", state, Tally()).as_dict()
    assert (body["tokens_generated"], body["tokens_discarded"]) == (12, 7)


@given(st.dictionaries(st.sampled_from(["insult", "threat"]), st.floats(0, 1)), st.integers(0, 5))
def test_a_report_is_plain_json(scores: dict[str, float], rewinds: int) -> None:
    tally = Tally()
    tally.judged()
    tally.flagged(FlaggedSpan(0, 0, 1, {"insult": 0.9}))
    tally.keep(scores)
    body = report(Policy(), "scripted", GuardState(rewinds=rewinds), tally).as_dict()
    assert json.loads(json.dumps(body)) == body


def test_the_servers_end_cuts_an_answer_short_and_makes_nothing_less_grave() -> None:
    made = report(Policy(), "scripted", GuardState(released=3, drafted=5), Tally()).shut_down()
    assert (made.action, made.withheld, made.as_dict()["cut_short"]) == ("truncated", True, "shutdown")
    assert (made.tokens_generated, made.tokens_discarded) == (5, 2)
    assert Report("default", "off", "unguarded").shut_down().action == "unguarded"
    assert "cut_short" not in Report("default", "enforce", "clean").as_dict()


def test_a_language_is_reported_once_it_was_looked_for_and_that_it_is_unread_if_it_is() -> None:
    assert "language" not in report(Policy(), "scripted", GuardState(), Tally()).as_dict()
    body = report(Policy(), "scripted", GuardState(), Tally(language="ru", unread=True)).as_dict()
    assert (body["language"], body["unread"]) == ("ru", True)
    body = report(Policy(), "scripted", GuardState(), Tally(language="unknown")).as_dict()
    assert body["language"] == "unknown" and "unread" not in body
    assert PromptFinding(False, {}, "de").as_dict() == {"flagged": False, "scores": {}, "language": "de"}
    assert PromptFinding(True, {}, "de", unread=True).as_dict()["unread"] is True
