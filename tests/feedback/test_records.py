"""From requests to rows: no more than the policy keeps, and what is worth a reviewer's eye."""

from typing import Any

import pytest

from server.feedback.records import CLOSE, DISAGREED, NOT_SEEN, REWOUND, SAMPLED, Records, storable
from server.generation.report import Report
from server.generation.request import GuardedRequest
from server.generation.telling import ChoiceRecord
from server.hashing import hashed, policy_hash
from server.policy.policy import Policy
from tests.feedback.rows import FLAGGED, TEXT, request, row


@pytest.mark.parametrize(
    ("keep", "text", "prompt", "rejected"),
    [
        ("none", None, None, None),
        ("released", TEXT, None, None),
        ("all", TEXT, "User: am I a friend?\n", ["a dull idiot."]),
    ],
)
def test_no_more_is_kept_than_the_policy_says(
    keep: Any, text: str | None, prompt: str | None, rejected: list[str] | None
) -> None:
    made = row(policy=Policy(keep_text=keep), spans=[FLAGGED])
    assert (made["text"], made["prompt"], made["rejected"]) == (text, prompt, rejected)
    assert made["characters"] == len(TEXT)
    assert made["spans"] == [{"start": 14, "end": 28, "category": "insult", "taken_back": True}]


def test_a_row_says_by_whom_it_was_judged_and_for_whom() -> None:
    made = row(user="jo", key="app", policy=Policy(name="p", keep_text="all"))
    assert (made["key"], made["user_hash"], made["policy"], made["gate"]) == ("app", hashed("jo"), "p", "scripted")
    assert "jo" not in str(made)
    assert policy_hash(Policy()) == policy_hash(Policy()) != policy_hash(Policy(max_rewinds=1))


@pytest.mark.parametrize(
    ("options", "interest"),
    [
        ({}, NOT_SEEN),
        ({"chance": 0.001}, SAMPLED),
        ({"spans": [FLAGGED]}, REWOUND),
        ({"spans": [FLAGGED], "scores": {"insult": 0.41}}, CLOSE),
        ({"scores": {"insult": 0.39}}, NOT_SEEN),
        ({"spans": [FLAGGED], "policy": Policy()}, NOT_SEEN),
    ],
)
def test_what_is_worth_a_look(options: dict[str, Any], interest: int) -> None:
    assert row(**options)["interest"] == interest


def test_where_probe_and_classifier_disagree_a_reviewer_looks_first() -> None:
    made = request()
    report = made.reports[0]
    made.answered[0] = lambda: ChoiceRecord(report, TEXT, disagreement=0.6)
    (found,) = Records("m", chance=lambda: 0.9).rows(made, "r")
    assert (found["interest"], found["disagreement"]) == (DISAGREED, 0.6)


def test_a_share_is_for_two_reviewers() -> None:
    assert (row(chance=0.19)["wanted"], row(chance=0.21)["wanted"]) == (2, 1)


def test_every_text_can_be_stored_and_keeps_its_places() -> None:
    odd = "a\0b\ud800c🦊"
    assert storable(odd) == "a\ufffdb?c🦊" and len(storable(odd)) == len(odd)


def test_an_id_that_is_too_long_has_no_row_and_the_request_forgets_its_choices() -> None:
    made = request()
    assert Records("m").rows(made, "x" * 257) == [] and not made.answered


def test_what_failed_before_its_first_text_is_no_answer() -> None:
    made = GuardedRequest(Policy())
    made.answered = {
        0: lambda: ChoiceRecord(Report("p", "enforce", "clean"), ""),
        1: lambda: ChoiceRecord(Report("p", "enforce", "clean"), "begun"),
    }
    assert [found["choice"] for found in Records("m").rows(made, "r")] == [1]


def test_a_monitored_answer_has_the_report_of_when_all_was_judged() -> None:
    made = request(policy=Policy(mode="monitor"))
    late = Report("p", "monitor", "flagged", scores={"insult": 0.9})
    made.answered[0] = lambda: ChoiceRecord(late, TEXT)
    (found,) = Records("m").rows(made, "r")
    assert (found["action"], found["scores"]) == ("flagged", {"insult": 0.9})
