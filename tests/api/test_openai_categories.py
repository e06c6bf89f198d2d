"""OpenAI's categories, told by a scorer's."""

import pytest

from server.api.openai_categories import ALL_OF, ANY_OF, UNTOLD, Told, told

SIX = {"toxicity": 0.7, "severe_toxicity": 0.1, "obscene": 0.2, "threat": 0.6, "insult": 0.3, "identity_attack": 0.5}


def test_a_category_is_as_high_as_the_highest_that_it_is_told_by() -> None:
    found = told(SIX, ("toxicity", "threat"))
    assert found["harassment"] == Told(True, 0.7, True)
    assert found["harassment/threatening"] == found["violence"] == Told(True, 0.6, True)
    assert found["hate"] == Told(False, 0.5, True)
    assert found["sexual"] == Told(False, 0.2, True)


@pytest.mark.parametrize(
    ("exceeded", "flagged"),
    [(("threat",), False), (("identity_attack",), False), (("threat", "identity_attack"), True)],
)
def test_what_needs_several_is_as_high_as_the_lowest_and_flagged_with_all(
    exceeded: tuple[str, ...], flagged: bool
) -> None:
    assert told(SIX, exceeded)["hate/threatening"] == Told(flagged, 0.5, True)


def test_what_nothing_speaks_of_is_there_and_applies_to_nothing() -> None:
    assert {told(SIX, SIX)[name] for name in UNTOLD} == {Told(False, 0.0, False)}
    only = told({"toxicity": 0.9}, ("toxicity",))
    assert only["hate"] == only["hate/threatening"] == Told(False, 0.0, False)
    assert only.keys() == {*ANY_OF, *ALL_OF, *UNTOLD}


def test_a_scorers_own_category_of_that_name_stands() -> None:
    assert "hate" not in told({"hate": 0.4, "identity_attack": 0.9}, ())
