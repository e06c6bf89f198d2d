"""What reviewers send: what it comes to, and what is refused."""

from typing import Any

import pytest

from server.errors import BadRequest
from server.feedback.judgement import parse

JUDGED = {"item": 1, "about": "answer"}


def test_ratings_are_told_apart_by_what_they_are_of() -> None:
    found = parse({**JUDGED, "toxic": False, "fluency": 5, "relevance": None, "coherence_before": 1}).ratings()
    assert found == {"after": {"fluency": 5}, "before": {"coherence": 1}}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"item": None}, "item"),
        ({"about": "all"}, "about"),
        ({"toxic": "yes"}, "toxic"),
        ({"toxic": False, "span": [0, 1]}, "toxic"),
        ({"category": "insult"}, "toxic"),
        ({"toxic": True, "span": [1, 1]}, "span"),
        ({"fluency": 6}, "fluency"),
        ({"relevance_before": 0}, "relevance_before"),
        ({"coherence": 2.5}, "coherence"),
        ({"comment": "\0"}, "comment"),
        ({"speed": 1}, "speed"),
    ],
)
def test_what_does_not_fit_is_named(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse({**JUDGED, **wrong})
    assert refused.value.param == named
