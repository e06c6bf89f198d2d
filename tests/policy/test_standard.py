"""What a policy holds text against."""

from server.policy.policy import Policy
from server.policy.standard import standard


def test_each_language_has_all_of_its_thresholds() -> None:
    held = standard(Policy(thresholds={"toxicity": 0.2, "insult": 0.5}, languages={"de": {"toxicity": 0.3}}))
    assert held.thresholds.values == {"toxicity": 0.2, "insult": 0.5}
    assert {code: dict(each.values) for code, each in held.languages.items()} == {
        "de": {"toxicity": 0.3, "insult": 0.5}
    }
    assert held.minds and not held.minds_unread


def test_a_policy_that_does_not_name_languages_does_not_mind_them() -> None:
    assert not standard(Policy()).minds
    assert standard(Policy(on_unread="hold")).minds_unread and standard(Policy(on_unread="refuse")).minds_unread
