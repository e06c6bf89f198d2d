import pytest

from filters.passage import Passage


@pytest.mark.parametrize("fresh", [0, 2, 5])
def test_fresh_lies_in_the_text_or_at_its_end(fresh: int) -> None:
    assert Passage("Hello", fresh).text[fresh:] == "Hello"[fresh:]


def test_a_passage_without_its_lead_keeps_its_fresh_text() -> None:
    assert Passage("Hello you", 7, ("Hello you",), lead=3).without_lead() == Passage("lo you", 4, ("lo you",))


@pytest.mark.parametrize("fresh", [-1, 6])
def test_fresh_outside_the_text_is_refused(fresh: int) -> None:
    with pytest.raises(ValueError, match=r"0\.\.5"):
        Passage("Hello", fresh)
