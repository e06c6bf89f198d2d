from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.properties import examples


@pytest.fixture(autouse=True)
def profile() -> Iterator[None]:
    """Puts the profile of this run back."""
    before = settings.get_current_profile_name()
    yield
    settings.load_profile(before)


@pytest.mark.parametrize(("profile_name", "asked", "tried"), [("ci", 1500, 1500), ("quick", 1500, 20), ("quick", 5, 5)])
def test_a_property_is_tried_as_often_as_it_asks_unless_it_has_to_be_quick(
    profile_name: str, asked: int, tried: int
) -> None:
    settings.load_profile(profile_name)
    assert examples(asked).max_examples == tried


def test_a_property_that_asks_for_nothing_is_quick_too() -> None:
    settings.load_profile("quick")
    assert settings().max_examples == 20
    assert settings().derandomize and settings().deadline is None
