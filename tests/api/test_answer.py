"""What is added to whole answers."""

import copy
import json
from typing import Any

import pytest

from server.api.answer import REFUSAL, amend, content_filter_results, gravest, headers, severity, written
from server.generation.report import PromptFinding
from server.guard.state import ACTIONS, Action
from tests.api.requests import report, request


def choices(*reasons: str | None) -> dict[str, Any]:
    return {"choices": [{"index": at, "finish_reason": reason} for at, reason in enumerate(reasons)]}


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("refused", "content_filter"),
        ("truncated", "content_filter"),
        *((action, "stop") for action in ("clean", "rewound", "masked", "flagged", "unguarded")),
    ],
)
def test_only_what_was_withheld_changes_how_a_choice_ended(action: Action, reason: str) -> None:
    body = choices("stop")
    amend(body, request(report(action)))
    assert body["choices"][0]["finish_reason"] == reason
    assert body["choices"][0]["detox"]["action"] == action


def test_without_the_report_the_end_is_still_told() -> None:
    body = choices("stop")
    amend(body, request(report("refused"), wants_report=False))
    assert body["choices"] == [{"index": 0, "finish_reason": "content_filter"}]


def test_each_choice_gets_its_own_report_by_its_index() -> None:
    body = {"choices": list(reversed(choices("stop", "length")["choices"]))}
    amend(body, request(report("rewound"), report("clean")))
    assert [choice["detox"]["action"] for choice in body["choices"]] == ["clean", "rewound"]


def test_a_choice_without_a_report_or_an_end_stays_as_it_is() -> None:
    body = choices(None, "stop")
    amend(body, request(report()))
    assert body == choices(None, "stop")


def test_a_response_has_one_report_the_gravest() -> None:
    body: dict[str, Any] = {"object": "response", "status": "completed", "incomplete_details": None}
    amend(body, request(report("clean"), report("refused"), report("masked")))
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})
    assert body["detox"]["action"] == "refused"


@pytest.mark.parametrize("content", [[], [{"type": "text", "text": ""}]])
def test_a_message_says_refusal(content: list[Any]) -> None:
    body: dict[str, Any] = {"type": "message", "stop_reason": "end_turn", "content": content}
    amend(body, request(report("refused")))
    assert body["stop_reason"] == "refusal" and body["detox"]["action"] == "refused"
    assert body["content"] == [{"type": "text", "text": REFUSAL}], "its clients expect words"


@pytest.mark.parametrize("action", ["clean", "truncated"])
@pytest.mark.parametrize("block", [{"type": "text", "text": "Well,"}, {"type": "tool_use", "name": "count"}])
def test_a_message_of_which_something_was_released_says_nothing_else(action: Action, block: dict[str, str]) -> None:
    content = [block]
    body: dict[str, Any] = {"type": "message", "stop_reason": "end_turn", "content": list(content)}
    amend(body, request(report(action)))
    assert body["content"] == content


def test_an_empty_message_that_is_clean_stays_empty() -> None:
    body: dict[str, Any] = {"type": "message", "stop_reason": "end_turn", "content": []}
    amend(body, request(report()))
    assert body["content"] == []


SHAPES: tuple[dict[str, Any], ...] = (
    {"choices": [{"index": 0, "finish_reason": "stop"}]},
    {"object": "response", "status": "completed"},
    {"type": "message", "content": []},
)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("wants_report", [True, False])
def test_what_moderation_found_is_told_to_those_who_asked(shape: dict[str, Any], wants_report: bool) -> None:
    asked = request(report(prompt=PromptFinding(False)), wants_report=wants_report)
    body, unasked = copy.deepcopy(shape), copy.deepcopy(shape)
    amend(unasked, asked)
    asked.wants_moderation = True
    amend(body, asked)
    assert set(body["moderation"]) == {"input", "output"} and "moderation" not in unasked
    assert ("results" in body["moderation"]["output"]) == ("choices" in body)


def test_the_head_says_the_gravest_action_and_the_policy() -> None:
    assert headers({}, request(report("rewound"), report("refused"))) == {
        "X-Detox-Action": "refused",
        "X-Detox-Policy": "default",
    }


def test_the_head_says_nothing_where_there_is_no_report() -> None:
    assert headers({}, request()) == headers([], request()) == {}
    assert headers({"status": "queued"}, request(report())) == {}
    assert headers({}, request(report(), wants_report=False)) == {}


@pytest.mark.parametrize("body", [{"error": {"message": "x"}}, {"object": "list", "data": []}, {"choices": None}, {}])
def test_other_answers_are_left_alone(body: dict[str, Any]) -> None:
    before = json.dumps(body)
    amend(body, request(report("refused")))
    assert json.dumps(body) == before


@pytest.mark.parametrize("shape", [{"object": "response", "status": "x"}, {"type": "message"}])
def test_an_answer_that_generated_nothing_is_left_alone(shape: dict[str, Any]) -> None:
    body = dict(shape)
    amend(body, request())
    assert body == shape


def test_the_gravest_report_counts() -> None:
    reports = {at: report(action) for at, action in enumerate(reversed(ACTIONS))}
    found = gravest(reports)
    assert found is not None and found.action == "unguarded"
    assert gravest({}) is None


@pytest.mark.parametrize(
    ("score", "word"), [(0, "safe"), (0.24, "safe"), (0.25, "low"), (0.5, "medium"), (0.75, "high"), (1, "high")]
)
def test_severities_have_azures_words(score: float, word: str) -> None:
    assert severity(score) == word


def test_what_was_delivered_is_not_filtered_whatever_was_taken_back() -> None:
    made = report("rewound", scores={"insult": 0.3}, detected=frozenset({"threat"}))
    assert content_filter_results(made) == {
        "threat": {"filtered": False, "detected": True, "severity": "safe"},
        "insult": {"filtered": False, "detected": False, "severity": "low"},
    }


def test_what_was_withheld_is_filtered_with_the_severity_that_caused_it() -> None:
    made = report("refused", scores={"insult": 0.3}).refused({"threat": 0.9})
    assert content_filter_results(made) == {
        "threat": {"filtered": True, "detected": True, "severity": "high"},
        "insult": {"filtered": False, "detected": False, "severity": "low"},
    }


def test_a_failed_scorer_has_no_categories_to_tell() -> None:
    made = report("clean").refused({}, "deadline")
    assert content_filter_results(made)["error"]["code"] == "content_filter_error"
    flagged = report("clean", scorer_failure="deadline").refused({"threat": 0.9})
    assert "threat" in content_filter_results(flagged), "an earlier failure is not what ended it"


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_a_response_that_is_not_finished_has_no_report(status: str) -> None:
    body: dict[str, Any] = {"object": "response", "status": status}
    amend(body, request(report("refused")))
    assert body == {"object": "response", "status": status}


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_a_response_that_ended_otherwise_stays_so_and_has_its_report(status: str) -> None:
    body: dict[str, Any] = {"object": "response", "status": status}
    amend(body, request(report("refused")))
    assert body["status"] == status and body["detox"]["action"] == "refused"


def test_bodies_are_written_as_vllm_writes_them() -> None:
    assert written({"a": "ä\n"}) == '{"a":"ä\\n"}'.encode()
    assert written({"a": "\ud83d"}) == b'{"a":"\xed\xa0\xbd"}'


def test_a_response_that_also_let_unscored_text_out_still_says_that_it_was_cut_short() -> None:
    body: dict[str, Any] = {"object": "response", "status": "completed", "incomplete_details": None}
    amend(body, request(report("unguarded"), report("refused")))
    assert (body["status"], body["detox"]["action"]) == ("incomplete", "unguarded")


@pytest.mark.parametrize("flagged", [True, False, None])
def test_every_shape_of_answer_tells_of_the_prompt(flagged: bool | None) -> None:
    made = report("refused" if flagged else "clean", prompt=PromptFinding(flagged, {"insult": 0.7}))
    bodies: list[dict[str, Any]] = [choices("stop"), {"object": "response"}, {"type": "message"}]
    for body in bodies:
        amend(body, request(made))
        told = body["choices"][0] if "choices" in body else body
        assert told["detox"]["prompt"] == {"flagged": flagged, "scores": {"insult": 0.7}}
    assert bodies[0]["choices"][0]["finish_reason"] == ("content_filter" if flagged else "stop")
    assert bodies[0]["choices"][0]["content_filter_results"] == {}, "these are about the answer"
