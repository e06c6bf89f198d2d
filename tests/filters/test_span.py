import pytest

from filters.span import TextSpan


def test_a_span_is_half_open() -> None:
    span = TextSpan(4, 9)
    assert "You idiot"[span.start : span.end] == "idiot"
    assert TextSpan(3, 3) == TextSpan(3, 3)


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 2)])
def test_a_span_that_is_none_is_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="0 <= start <= end"):
        TextSpan(start, end)
