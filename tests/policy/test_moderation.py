"""OpenAI's `moderation` object: what is read of it, and that it only ever tightens."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import BadRequest
from server.policy.looseness import loosened
from server.policy.moderation import Moderation, parse, tightened
from server.policy.policy import Mode, OnExhausted, OnPrompt, OnScorerFailure, Policy

SIDES = st.builds(Moderation, st.booleans(), st.booleans())
POLICIES = st.builds(
    lambda **keys: Policy(**keys),
    mode=st.sampled_from(get_args(Mode)),
    on_prompt=st.sampled_from(get_args(OnPrompt)),
    on_exhausted=st.sampled_from(get_args(OnExhausted)),
    on_scorer_failure=st.sampled_from(get_args(OnScorerFailure)),
)


def asking(**modes: str) -> dict[str, Any]:
    return {"model": "omni-moderation-latest", "policy": {side: {"mode": mode} for side, mode in modes.items()}}


@pytest.mark.parametrize(
    ("raw", "asked"),
    [
        ({"model": "m"}, Moderation()),
        ({"model": "m", "policy": None}, Moderation()),
        ({"model": "m", "policy": {}}, Moderation()),
        ({"model": "m", "policy": {"input": None}}, Moderation()),
        (asking(input="score", output="score"), Moderation()),
        (asking(input="block"), Moderation(blocks_input=True)),
        (asking(output="block"), Moderation(blocks_output=True)),
    ],
)
def test_what_openais_client_sends_is_understood(raw: Any, asked: Moderation) -> None:
    assert parse(raw) == asked


@pytest.mark.parametrize(
    ("raw", "param"),
    [
        (3, "moderation"),
        ([], "moderation"),
        ({}, "moderation.model"),
        ({"model": None}, "moderation.model"),
        ({"model": 3}, "moderation.model"),
        ({"model": "m", "mode": "block"}, "moderation.mode"),
        ({"model": "m", "policy": "block"}, "moderation.policy"),
        ({"model": "m", "policy": {"prompt": {}}}, "moderation.policy.prompt"),
        ({"model": "m", "policy": {"input": "block"}}, "moderation.policy.input"),
        ({"model": "m", "policy": {"input": {}}}, "moderation.policy.input.mode"),
        (asking(output="off"), "moderation.policy.output.mode"),
        ({"model": "m", "policy": {"output": {"mode": "block", "x": 1}}}, "moderation.policy.output.x"),
    ],
)
def test_what_does_not_fit_is_named(raw: Any, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(raw)
    assert caught.value.param == param and caught.value.message.startswith(f"{param}: ")


@given(POLICIES, SIDES)
def test_it_never_loosens_and_asking_twice_changes_nothing(policy: Policy, asked: Moderation) -> None:
    once = tightened(policy, asked)
    assert loosened(policy, once) == ()
    assert tightened(once, asked) is once


@given(POLICIES, SIDES)
def test_what_is_asked_for_then_holds(policy: Policy, asked: Moderation) -> None:
    made = tightened(policy, asked)
    assert made.mode != "off" and made.on_prompt != "ignore"
    if asked.blocks_input or asked.blocks_output:
        assert made.mode == "enforce" and made.holds_unscored
    if asked.blocks_input:
        assert made.on_prompt == "refuse"
    if asked.blocks_output:
        assert made.on_exhausted != "flag"


def test_what_is_strict_enough_stays_the_same_policy() -> None:
    strict = Policy(on_prompt="refuse")
    assert tightened(strict, Moderation(blocks_input=True, blocks_output=True)) is strict
    assert tightened(Policy(mode="monitor"), Moderation()).mode == "monitor"
