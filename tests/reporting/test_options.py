import argparse
from collections.abc import Callable

import pytest

from reporting.options import above_zero, at_least, count, within


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (at_least(0), "0", 0),
        (at_least(2), "2", 2),
        (count, "1", 1),
        (within(0, 1), "0", 0.0),
        (within(0, 1), "1", 1.0),
        (above_zero, "0.5", 0.5),
    ],
)
def test_a_sound_value_is_read(read: Callable[[str], float], text: str, value: float) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        *((at_least(2), text, "a whole number of at least 2") for text in ("1", "-3", "2.0", "two", "")),
        *((count, text, "a whole number of at least 1") for text in ("0", "x")),
        *((within(0, 1), text, "a number from 0 to 1") for text in ("1.1", "-0.1", "nan", "hot")),
        *((above_zero, text, "a number above 0") for text in ("0", "-1", "inf", "nan", "soon")),
    ],
)
def test_any_other_is_refused_with_what_was_expected(read: Callable[[str], float], text: str, message: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        read(text)
    assert str(refused.value) == f"expected {message}, found {text}"
