"""Tests of server/policy/looseness.py."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.policy.looseness import FROM_THE_STRICTEST, ORDERED, UNORDERED, loosened
from server.policy.policy import Policy

BASE = Policy(
    mode="monitor",
    on_exhausted="truncate",
    on_scorer_failure="open",
    on_prompt="score",
    probe_clears=False,
    thresholds={"insult": 0.5, "threat": 0.5},
)
FLAGGING = Policy(on_exhausted="flag")
BUDGETS = ("max_rewinds", "max_rewinds_per_span", "max_discarded_tokens", "max_rewind_seconds")


def changed(base: Policy, **changes: object) -> Policy:
    return Policy.model_validate({**base.model_dump(), **changes})


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("mode", "off", "mode"),
        ("on_exhausted", "mask", "on_exhausted"),
        ("on_prompt", "ignore", "on_prompt"),
        ("context", 63, "context"),
        ("hold_back", 3, "hold_back"),
        ("probe_clears", True, "probe_clears"),
        ("max_rewinds", 17, "max_rewinds"),
        ("max_rewinds_per_span", 7, "max_rewinds_per_span"),
        ("max_discarded_tokens", 513, "max_discarded_tokens"),
        ("max_rewind_seconds", 30.1, "max_rewind_seconds"),
        ("keep_text", "released", "keep_text"),
        ("keep_text", "all", "keep_text"),
        ("thresholds", {"insult": 0.6, "threat": 0.5}, "thresholds.insult"),
        ("thresholds", {"threat": 0.5}, "thresholds.insult"),
    ],
)
def test_each_looser_key_is_named(key: str, value: object, named: str) -> None:
    assert loosened(BASE, changed(BASE, **{key: value})) == (named,)


def test_an_open_scorer_failure_is_looser() -> None:
    assert loosened(Policy(), Policy(on_scorer_failure="open")) == ("on_scorer_failure",)
    assert loosened(Policy(on_scorer_failure="open"), Policy()) == ()


@pytest.mark.parametrize("looser", ["score", "ignore"])
def test_letting_a_prompt_pass_that_would_be_refused_is_looser(looser: str) -> None:
    base = Policy(on_prompt="refuse")
    assert loosened(base, changed(base, on_prompt=looser)) == ("on_prompt",)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mode", "enforce"),
        ("on_exhausted", "refuse"),
        ("on_scorer_failure", "closed"),
        ("on_prompt", "refuse"),
        ("context", 65),
        ("hold_back", 5),
        ("max_rewinds", 0),
        ("max_rewinds_per_span", 0),
        ("max_discarded_tokens", 0),
        ("max_rewind_seconds", 0.1),
        ("thresholds", {"insult": 0.4, "threat": 0.5}),
        ("thresholds", {"insult": 0.5, "threat": 0.5, "obscene": 1.0}),
        ("stride", 30),
        ("first_stride", 1),
        ("max_stride", 99),
        ("temperature_step", 1.0),
        ("mask_text", "(removed)"),
        ("open_to_requests", True),
        ("probe_alarms", False),
        ("name", "other"),
    ],
)
def test_what_is_tighter_or_has_no_order_is_not_named(key: str, value: object) -> None:
    assert loosened(BASE, changed(BASE, **{key: value})) == ()


def test_every_looser_key_is_named_not_only_the_first() -> None:
    wanted = changed(BASE, mode="off", hold_back=0, thresholds={"insult": 0.9})
    assert loosened(BASE, wanted) == ("mode", "thresholds.insult", "thresholds.threat", "hold_back")


@pytest.mark.parametrize("key", BUDGETS)
def test_where_flagged_text_is_released_in_the_end_a_smaller_budget_is_looser(key: str) -> None:
    less = getattr(FLAGGING, key) / 2 if key == "max_rewind_seconds" else 0
    assert loosened(FLAGGING, changed(FLAGGING, **{key: less})) == (key,)
    assert loosened(FLAGGING, changed(FLAGGING, on_exhausted="refuse", **{key: less})) == ()


def test_every_key_of_a_policy_has_an_order_or_is_named_as_having_none() -> None:
    assert set(Policy.model_fields) == ORDERED | UNORDERED
    assert not ORDERED & UNORDERED


@pytest.mark.parametrize("key", FROM_THE_STRICTEST)
def test_an_order_has_every_word_of_its_key(key: str) -> None:
    annotation = Policy.model_fields[key].annotation
    words = (False, True) if annotation is bool else get_args(annotation)
    assert sorted(FROM_THE_STRICTEST[key]) == sorted(words)


@pytest.mark.parametrize("key", sorted(UNORDERED))
def test_what_is_named_as_unordered_is_free_to_change(key: str) -> None:
    others: dict[str, Any] = {"name": "other", "mask_text": "-", "ladder": ("resample",), "open_to_requests": True}
    value = others[key] if key in others else getattr(FLAGGING, key) + 1
    changed_both_ways = FLAGGING.model_copy(update={key: value})
    assert loosened(FLAGGING, changed_both_ways) == loosened(changed_both_ways, FLAGGING) == ()


def test_a_key_that_was_forgotten_is_not_free_to_loosen() -> None:
    class Wider(Policy):
        forgotten: int = 0

    assert loosened(Wider(), Wider(forgotten=1)) == loosened(Wider(forgotten=1), Wider()) == ("forgotten",)
    assert loosened(Wider(), Wider()) == ()


SCORES = st.dictionaries(st.sampled_from(["insult", "threat", "obscene"]), st.sampled_from([0.0, 0.5, 1.0]))
POLICIES = st.builds(
    Policy,
    mode=st.sampled_from(["enforce", "monitor", "off"]),
    thresholds=SCORES,
    on_exhausted=st.sampled_from(["refuse", "truncate", "mask", "flag"]),
    on_scorer_failure=st.sampled_from(["closed", "open"]),
    on_prompt=st.sampled_from(["ignore", "score", "refuse"]),
    hold_back=st.integers(0, 2),
    max_rewinds=st.integers(0, 2),
)


@given(policy=POLICIES)
def test_no_policy_is_looser_than_itself(policy: Policy) -> None:
    assert loosened(policy, policy) == ()


@given(first=POLICIES, second=POLICIES, third=POLICIES)
def test_tightening_step_by_step_never_ends_looser(first: Policy, second: Policy, third: Policy) -> None:
    if not loosened(first, second) and not loosened(second, third):
        assert loosened(first, third) == ()


@given(base=POLICIES, wanted=POLICIES)
def test_two_policies_that_are_not_looser_than_each_other_guard_alike(base: Policy, wanted: Policy) -> None:
    if not loosened(base, wanted) and not loosened(wanted, base):
        assert base == wanted


GERMAN = Policy(languages={"de": {"toxicity": 0.1, "insult": 0.6}})


@pytest.mark.parametrize(
    ("base", "languages", "named"),
    [
        (GERMAN, {}, ("languages.de.toxicity",)),
        (GERMAN, {"de": {"toxicity": 0.15, "insult": 0.6}}, ("languages.de.toxicity",)),
        (GERMAN, {"de": {"toxicity": 0.1, "insult": 0.5}}, ()),
        (GERMAN, {"de": {"toxicity": 0.1}, "fr": {"insult": 0.4}}, ()),
        (Policy(), {"fr": {"insult": 0.6}}, ("languages.fr.insult",)),
        (Policy(), {"fr": {"insult": 0.4}}, ()),
    ],
)
def test_languages_are_compared_by_what_holds_in_each(base: Policy, languages: object, named: tuple[str, ...]) -> None:
    assert loosened(base, changed(base, languages=languages)) == named


def test_a_looser_threshold_is_named_once_and_not_for_every_language() -> None:
    wanted = changed(GERMAN, thresholds={**GERMAN.thresholds, "threat": 0.9})
    assert loosened(GERMAN, wanted) == ("thresholds.threat",)


@pytest.mark.parametrize("looser", ["hold", "pass"])
def test_letting_text_pass_that_is_not_read_is_looser(looser: str) -> None:
    base = Policy(on_unread="refuse")
    assert loosened(base, changed(base, on_unread=looser)) == ("on_unread",)
    assert loosened(changed(base, on_unread=looser), base) == ()
