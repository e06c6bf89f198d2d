"""Tests of server/policy/shape.py."""

import json
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from server.policy.policy import STRICT, Thresholds
from server.policy.shape import Misfit, expectation, fit, key_text, kind_of, schema_of, unknown

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class Sample(BaseModel):
    """A bit of everything."""

    model_config = STRICT
    needed: int
    steps: list[Annotated[int, Field(ge=1)]] = []
    limits: Thresholds = {}
    word: Annotated[str, Field(min_length=1, max_length=3)] | None = None
    free: str = ""


@pytest.mark.parametrize(
    ("raw", "path", "problem"),
    [
        ([], (), "found a list of 0, expected an object"),
        ({}, ("needed",), "missing, expected a whole number"),
        ({"needed": "1"}, ("needed",), "found the text '1', expected a whole number"),
        ({"needed": None}, ("needed",), "found null, expected a whole number"),
        ({"needed": 1, "steps": [1, 0]}, ("steps", "1"), "found the number 0, expected a whole number of at least 1"),
        (
            {"needed": 1, "steps": 4},
            ("steps",),
            "found the number 4, expected a list, each a whole number of at least 1",
        ),
        ({"needed": 1, "limits": {"a": 2}}, ("limits", "a"), "found the number 2, expected a number from 0 to 1"),
        ({"needed": 1, "limits": {"a": {}}}, ("limits", "a"), "found an object, expected a number from 0 to 1"),
        (
            {"needed": 1, "limits": {"a b": 1}},
            ("limits", "a b"),
            "found the text 'a b', expected a name of 1 to 64 letters, digits, '_', '.', '/' or '-'",
        ),
        ({"needed": 1, "word": "four"}, ("word",), "found the text 'four', expected text of 1 to 3 characters"),
        ({"needed": 1, "free": 2}, ("free",), "found the number 2, expected text"),
        ({"need": 1}, ("need",), "unknown key, did you mean 'needed'? known: free, limits, needed, steps, word"),
        ({"zz": 1}, ("zz",), "unknown key; known: free, limits, needed, steps, word"),
    ],
)
def test_a_misfit_says_where_what_was_found_and_what_was_expected(
    raw: object, path: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(Misfit) as caught:
        fit(Sample, raw)
    assert (caught.value.path, caught.value.problem) == (path, problem)


def test_what_fits_becomes_the_model() -> None:
    assert fit(Sample, {"needed": 1, "limits": {"a": 1}}) == Sample(needed=1, limits={"a": 1.0})


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "true"),
        (0, "the number 0"),
        (0.5, "the number 0.5"),
        (1 << 64, "a very large whole number"),
        ("x" * 40, f"the text '{'x' * 40}'"),
        ("x" * 41, "a text of 41 characters"),
        ([1, 2], "a list of 2"),
        ({}, "an object"),
        (b"", "a bytes"),
    ],
)
def test_a_value_is_shown_only_if_it_is_short(value: object, kind: str) -> None:
    assert kind_of(value) == kind


def test_a_number_that_python_refuses_to_print_is_described() -> None:
    assert kind_of(-(1 << 70_000)) == "a very large whole number"


@given(raw=JSON | st.dictionaries(st.sampled_from([*Sample.model_fields, "\ud800", "x\ny"]), JSON))
def test_whatever_comes_the_sentence_is_short_and_can_be_sent(raw: object) -> None:
    try:
        fit(Sample, raw)
    except Misfit as misfit:
        assert len(str(misfit)) < 400
        assert "\n" not in str(misfit)
        assert json.dumps(str(misfit), ensure_ascii=False).encode()


@pytest.mark.parametrize(("key", "shown"), [("stride", "stride"), ("a\nb", "'a\\nb'"), ("\ud800", "'\\ud800'")])
def test_a_key_from_outside_is_made_printable(key: str, shown: str) -> None:
    assert key_text(key) == shown


def test_a_long_key_is_cut() -> None:
    assert key_text("x" * 1000) == repr("x" * 40)


def test_unknown_says_so_when_nothing_is_known() -> None:
    assert unknown("category", "a", []) == "unknown category; known: none"


def test_a_rule_of_the_model_is_what_the_sentence_expects() -> None:
    properties = schema_of(Sample)["properties"]
    assert expectation(properties["limits"]) == "an object, each value a number from 0 to 1"
    assert expectation(properties["word"]) == "text of 1 to 3 characters"


@pytest.mark.parametrize(
    ("raw", "path", "problem"),
    [
        ("hush", (), "found a text of 4 characters, expected an object"),
        ({"needed": "hush"}, ("needed",), "found a text of 4 characters, expected a whole number"),
        ({"needed": 1, "steps": [-77]}, ("steps", "0"), "found a number, expected a whole number of at least 1"),
        ({"hush" * 9: 1}, ("a text of 36 characters",), "unknown key; known: free, limits, needed, steps, word"),
        (
            {"needed": 1, "limits": {"h u s h": 1}},
            ("limits", "h u s h"),
            "found a text of 7 characters, expected a name",
        ),
    ],
)
def test_of_private_values_none_is_told(raw: object, path: tuple[str, ...], problem: str) -> None:
    with pytest.raises(Misfit) as caught:
        fit(Sample, raw, private=True)
    assert caught.value.path == path and caught.value.problem.startswith(problem)
