"""What a request asks for, held against the most that it may ask for."""

from typing import Any

import pytest

from server.errors import BadRequest
from server.generation.demand import Demand, check_moderation
from server.limits import Limits

LIMITS = Limits(choices=8, prompt_characters=100, alternatives=50, moderation_characters=30)


@pytest.mark.parametrize(
    ("asked", "key", "most", "remedy"),
    [
        ({"choices": 9}, "n", 8, "several requests"),
        ({"prompt_characters": 101}, "prompt", 100, "shorter ones"),
        ({"prompt_alternatives": 51}, "prompt_logprobs", 50, "shorter prompt"),
        ({"drawn_alternatives": 51}, "logprobs", 50, "lower max_tokens"),
        ({"prompt_alternatives": 26, "drawn_alternatives": 25}, "prompt_logprobs", 50, "ask for fewer"),
    ],
)
def test_too_much_names_the_key_the_bound_what_was_found_and_a_remedy(
    asked: dict[str, int], key: str, most: int, remedy: str
) -> None:
    told = rf"^{key}: expected at most {most} .*, found {sum(asked.values())}; "
    with pytest.raises(BadRequest, match=told) as refused:
        Demand(**asked).check(LIMITS)
    assert refused.value.param == key and remedy in refused.value.message


def test_what_is_within_every_bound_is_let_in() -> None:
    Demand(choices=8, prompt_characters=100, prompt_alternatives=25, drawn_alternatives=25).check(LIMITS)
    Demand().check(Limits())


def test_what_is_asked_for_in_several_steps_adds_up() -> None:
    one: dict[str, Any] = {"choices": 1, "prompt_characters": 2, "prompt_alternatives": 3, "drawn_alternatives": 4}
    assert Demand(**one) + Demand(**one) == Demand(**{name: 2 * count for name, count in one.items()})


def test_a_moderation_has_a_bound_of_its_own() -> None:
    check_moderation(30, LIMITS)
    with pytest.raises(BadRequest, match=r"^input: expected at most 30 characters .*, found 31; send them in several"):
        check_moderation(31, LIMITS)
