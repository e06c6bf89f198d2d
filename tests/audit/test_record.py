"""What a record says of a choice, and which text it holds: none, unless the policy says so."""

import json
from typing import Any

import pytest

from server.audit.record import record
from server.generation.report import PromptFinding
from server.hashing import hashed, policy_hash
from server.policy.policy import AuditText, Policy
from tests.audit.builders import answered


def of(audit_text: AuditText = "none", **report: Any) -> dict[str, Any]:
    return record(answered(policy=Policy(audit_text=audit_text), **report), "g")


def test_a_record_says_who_was_answered_under_what_and_what_the_guard_did() -> None:
    said = of()
    wanted = {"response": "chatcmpl-0", "choice": 0, "key": "app", "policy": "default", "gate": "g"}
    assert {key: said[key] for key in wanted} == wanted
    assert said["verdicts"] == {"cleared": 2, "flagged": 1, "failed": 0}
    assert said["scores"] == {"insult": 0.1235, "toxicity": 0.1} and said["detected"] == ["insult"]
    assert (said["action"], said["finish_reason"], said["rewinds"]) == ("rewound", "stop", 1)
    assert said["flagged"] == [{"attempt": 0, "start": 5, "end": 11, "scores": {"insult": 0.91}}]


def test_a_record_names_the_version_of_what_was_learned() -> None:
    assert of(gate="903c8c59c2ae+0003-1a2b3c4d")["learned"] == "0003-1a2b3c4d"
    assert of(gate="903c8c59c2ae")["learned"] is None


def test_no_text_is_in_it_unless_the_policy_says_so() -> None:
    told = json.dumps(of())
    assert "idiot" not in told and "friend" not in told and "sha256" not in told


def test_hashes_and_whole_texts_are_kept_as_the_policy_says() -> None:
    said = of("hash")
    assert said["text_sha256"] == hashed("You friend!") and said["flagged"][0]["text_sha256"] == hashed("idiot!")
    assert "idiot" not in json.dumps(said) and "friend" not in json.dumps(said)
    said = of("full")
    assert (said["text"], said["flagged"][0]["text"]) == ("You friend!", "idiot!")


def test_a_policy_that_was_tightened_has_another_hash() -> None:
    assert policy_hash(Policy()) == policy_hash(Policy())
    assert policy_hash(Policy(thresholds={"insult": 0.4})) != policy_hash(Policy(thresholds={"insult": 0.5}))


@pytest.mark.parametrize(
    ("report", "key", "value"),
    [
        ({"scorer_failure": "deadline"}, "scorer_failure", "deadline"),
        ({"cut_short": "shutdown"}, "cut_short", "shutdown"),
        ({"prompt": PromptFinding(True, {"threat": 0.7})}, "prompt", {"flagged": True, "scores": {"threat": 0.7}}),
    ],
)
def test_what_is_rare_is_said_only_then(report: dict[str, Any], key: str, value: object) -> None:
    assert key not in of() and of(**report)[key] == value
