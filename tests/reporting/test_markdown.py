import pytest

from reporting.markdown import table


def test_a_table_has_a_line_for_each_row() -> None:
    assert table(("a", "b"), [("1", "2"), ("3", "4")]).splitlines() == [
        "| a | b |",
        "|---|---|",
        "| 1 | 2 |",
        "| 3 | 4 |",
    ]


def test_a_cell_stays_a_cell_whatever_is_in_it() -> None:
    assert table(("a",), [("one\n\n two|three",)]).splitlines()[2] == "| one / two\\|three |"


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 2 cells, found 1"):
        table(("a", "b"), [("1",)])
