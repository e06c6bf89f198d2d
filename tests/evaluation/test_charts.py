from xml.etree import ElementTree

import pytest

from evaluation.charts import WIDTH, curve, dots


def _interval(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


def _circles(picture: str) -> list[float]:
    return [float(circle.attrib["cx"]) for circle in ElementTree.fromstring(picture).iter("circle")]


def test_more_stands_further_right() -> None:
    picture = dots("T", [("a", [_interval(0.1, 0.05, 0.2), _interval(0.3)]), ("b", [_interval(0.0), _interval(0.2)])])
    xs = _circles(picture)
    assert xs[2] < xs[0] < xs[3] < xs[1] < WIDTH


def test_what_has_no_value_is_left_out() -> None:
    assert _circles(dots("T", [("a", [_interval(None), _interval(1.0, 0.5, None)])])) == pytest.approx([620.0])


def test_only_zeros_can_be_drawn() -> None:
    assert _circles(dots("T", [("a", [_interval(0.0, 0.0, 0.0)])])) == [170.0]


def test_names_are_escaped() -> None:
    picture = dots('<T> & "co"', [("<b>", [_interval(1.0)])])
    assert ElementTree.fromstring(picture).attrib["aria-label"] == '<T> & "co"'
    assert "<b>" not in picture


def test_a_curve_is_drawn_for_each_mode_and_ends_where_nothing_is_left() -> None:
    root = ElementTree.fromstring(curve("T", [[1.0, 0.5, 0.1], [1.0, 0.01, 0.0]]))
    lines = [[tuple(map(float, p.split(","))) for p in line.attrib["points"].split()] for line in root.iter("polyline")]
    assert [len(line) for line in lines] == [3, 2]
    assert lines[0][0] == lines[1][0]
    assert lines[1][1][1] > lines[0][1][1]
