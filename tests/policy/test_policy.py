"""Tests of server/policy/policy.py."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from server.policy.policy import DEFAULT_THRESHOLDS, Mode, OnScorerFailure, Policy

WHOLE_NUMBERS = ("first_stride", "stride", "max_stride", "context", "hold_back")
BUDGETS = ("max_rewinds", "max_rewinds_per_span", "max_discarded_tokens")
REALS = ("max_rewind_seconds", "temperature_step")
WORDS = ("mode", "on_exhausted", "on_scorer_failure", "mask_text", "name")


def keys_at_fault(given_keys: dict[str, object]) -> set[object]:
    with pytest.raises(ValidationError) as caught:
        Policy.model_validate(given_keys)
    return {error["loc"][0] for error in caught.value.errors()}


def test_every_key_has_a_default_and_a_description() -> None:
    for key, field in Policy.model_fields.items():
        assert not field.is_required(), key
        assert field.description, key
        assert field.description.endswith("."), key


def test_the_defaults_are_the_documented_ones() -> None:
    policy = Policy()
    assert (policy.first_stride, policy.stride, policy.max_stride) == (6, 16, 32)
    assert (policy.context, policy.hold_back) == (64, 4)
    assert (policy.max_rewinds, policy.max_rewinds_per_span, policy.max_discarded_tokens) == (16, 6, 512)
    assert (policy.max_rewind_seconds, policy.temperature_step) == (30.0, 0.1)
    assert (policy.mode, policy.on_exhausted, policy.on_scorer_failure) == ("enforce", "refuse", "closed")
    assert dict(policy.thresholds) == {**dict.fromkeys(DEFAULT_THRESHOLDS, 0.5), "toxicity": 0.25}
    assert not policy.open_to_requests


@pytest.mark.parametrize("key", [*WHOLE_NUMBERS, *BUDGETS])
@pytest.mark.parametrize("wrong", [True, 1.0, "8", None, [8], -1])
def test_a_count_is_a_whole_number(key: str, wrong: object) -> None:
    assert key in keys_at_fault({key: wrong})


@pytest.mark.parametrize("key", REALS)
@pytest.mark.parametrize("wrong", [True, "0.5", None, -0.1, math.nan, math.inf, -math.inf])
def test_a_real_key_takes_finite_numbers_in_range(key: str, wrong: object) -> None:
    assert keys_at_fault({key: wrong}) == {key}


@pytest.mark.parametrize("key", WORDS)
@pytest.mark.parametrize("wrong", [True, 1, None, ["enforce"], {}, "", "é" * 65])
def test_a_word_is_one_of_those_expected(key: str, wrong: object) -> None:
    assert keys_at_fault({key: wrong}) == {key}


@pytest.mark.parametrize("wrong", [1, 0, "true", None])
def test_a_switch_is_true_or_false(wrong: object) -> None:
    assert keys_at_fault({"open_to_requests": wrong}) == {"open_to_requests"}


@pytest.mark.parametrize("wrong", [-0.01, 1.01, math.nan, math.inf, True, "0.5", None])
def test_a_threshold_is_a_number_from_0_to_1(wrong: object) -> None:
    assert keys_at_fault({"thresholds": {"insult": wrong}}) == {"thresholds"}


@pytest.mark.parametrize("category", ["", "two words", "new\nline", "x" * 65, 3])
def test_a_category_is_a_name(category: object) -> None:
    assert keys_at_fault({"thresholds": {category: 0.5}}) == {"thresholds"}


@pytest.mark.parametrize("edge", [0, 0.0, 1, 1.0])
def test_the_ends_of_the_range_are_thresholds(edge: float) -> None:
    assert Policy(thresholds={"insult": edge}).thresholds["insult"] == edge


@given(context=st.integers(0, 20), hold_back=st.integers(0, 20))
def test_hold_back_never_exceeds_context(context: int, hold_back: int) -> None:
    if hold_back <= context:
        assert Policy(context=context, hold_back=hold_back).hold_back == hold_back
    else:
        assert keys_at_fault({"context": context, "hold_back": hold_back}) == {"hold_back"}


@given(first=st.integers(1, 20), stride=st.integers(1, 20), most=st.integers(1, 20))
def test_strides_only_grow(first: int, stride: int, most: int) -> None:
    given: dict[str, object] = {"first_stride": first, "stride": stride, "max_stride": most}
    if first <= stride <= most:
        assert Policy.model_validate(given).max_stride == most
    else:
        assert keys_at_fault(given) == {"stride" if first > stride else "max_stride"}


def test_a_default_may_contradict_what_was_given() -> None:
    assert keys_at_fault({"context": 3}) == {"hold_back"}
    assert keys_at_fault({"first_stride": 17}) == {"stride"}


def test_an_unknown_key_is_refused() -> None:
    assert keys_at_fault({"strides": 3}) == {"strides"}


def test_a_policy_is_frozen_and_shares_nothing_with_its_source() -> None:
    thresholds = {"insult": 0.5}
    policy = Policy(thresholds=thresholds)
    thresholds["insult"] = 1.0
    assert policy.thresholds["insult"] == 0.5
    with pytest.raises(ValidationError):
        setattr(policy, "mode", "off")  # noqa: B010 (mypy refuses the plain assignment)


def test_a_ladder_is_a_list_of_known_strategies() -> None:
    assert Policy.model_validate({"ladder": ["ban", "ban", "steer"]}).ladder == ("ban", "ban", "steer")
    for ladder in ([], ["ban"] * 65, ["wish"], "ban", [1], None):
        assert keys_at_fault({"ladder": ladder}) == {"ladder"}, ladder


def test_a_race_has_two_candidates_or_more() -> None:
    assert keys_at_fault({"parallel_candidates": 1}) == {"parallel_candidates"}
    assert keys_at_fault({"parallel_candidates": 17}) == {"parallel_candidates"}


@pytest.mark.parametrize(
    ("on_scorer_failure", "mode", "held"),
    [("closed", "enforce", True), ("open", "enforce", False), ("closed", "monitor", False), ("open", "monitor", False)],
)
def test_only_an_enforced_closed_policy_holds_back_what_has_no_verdict(
    on_scorer_failure: OnScorerFailure, mode: Mode, held: bool
) -> None:
    assert Policy(on_scorer_failure=on_scorer_failure, mode=mode).holds_unscored == held


@pytest.mark.parametrize(
    "wrong", [3, {"xx": {}}, {"DE": {}}, {"de": 0.3}, {"de": {"insult": 1.01}}, {"": {}}, {1: {}}, None]
)
def test_languages_are_codes_with_thresholds(wrong: object) -> None:
    assert keys_at_fault({"languages": wrong}) == {"languages"}


def test_a_language_takes_the_rest_of_its_thresholds_from_those_of_any() -> None:
    policy = Policy(thresholds={"toxicity": 0.2, "insult": 0.5}, languages={"de": {"toxicity": 0.3}, "fr": {}})
    assert policy.thresholds_in("de") == {"toxicity": 0.3, "insult": 0.5}
    assert policy.thresholds_in("fr") == policy.thresholds_in("en") == policy.thresholds


@pytest.mark.parametrize("wrong", ["ignore", True, None, 1])
def test_what_is_not_read_passes_is_held_or_is_refused(wrong: object) -> None:
    assert keys_at_fault({"on_unread": wrong}) == {"on_unread"}
    assert Policy().on_unread == "pass"
