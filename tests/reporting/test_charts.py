from xml.etree import ElementTree

import pytest

from reporting.charts import WIDTH, Chart, curve, dots, trade_off


def _interval(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


def _circles(chart: Chart) -> list[float]:
    return [float(circle.attrib["cx"]) for circle in ElementTree.fromstring(chart.in_page()).iter("circle")]


def _lines(chart: Chart) -> list[list[tuple[float, float]]]:
    lines = [line.attrib["points"].split() for line in ElementTree.fromstring(chart.in_page()).iter("polyline")]
    return [[(float(x), float(y)) for x, y in (point.split(",") for point in line)] for line in lines]


def test_more_stands_further_right() -> None:
    picture = dots("T", [("a", [_interval(0.1, 0.05, 0.2), _interval(0.3)]), ("b", [_interval(0.0), _interval(0.2)])])
    xs = _circles(picture)
    assert xs[2] < xs[0] < xs[3] < xs[1] < WIDTH


def test_what_has_no_value_is_left_out() -> None:
    assert _circles(dots("T", [("a", [_interval(None), _interval(1.0, 0.5, None)])])) == pytest.approx([620.0])


def test_only_zeros_can_be_drawn() -> None:
    assert _circles(dots("T", [("a", [_interval(0.0, 0.0, 0.0)])])) == [170.0]


def test_names_are_escaped() -> None:
    picture = dots('<T> & "co"', [("<b>", [_interval(1.0)])]).in_page()
    assert ElementTree.fromstring(picture).attrib["aria-label"] == '<T> & "co"'
    assert "<b>" not in picture


def test_a_curve_is_drawn_for_each_mode_and_ends_where_nothing_is_left() -> None:
    lines = _lines(curve("T", [[1.0, 0.5, 0.1], [1.0, 0.01, 0.0]]))
    assert [len(line) for line in lines] == [3, 2]
    assert lines[0][0] == lines[1][0]
    assert lines[1][1][1] > lines[0][1][1]


def test_more_found_is_higher_and_more_flagged_is_further_right() -> None:
    (points,) = _lines(trade_off("T", {"insult": [(0.1, 0.9), (0.01, 0.5), (0.001, 0.2)]}, marked=0.005))
    assert points == sorted(points, key=lambda point: -point[0]) == sorted(points, key=lambda point: point[1])


def test_shares_of_nothing_stand_at_the_left_end() -> None:
    (((x, _), (left, _)),) = _lines(trade_off("T", {"insult": [(0.0, 0.0), (0.0001, 1.0)]}, marked=0.005))
    assert x == left


def test_a_chart_alone_is_an_image_with_its_title_its_names_and_colours_for_all_of_them() -> None:
    lines = {name: [(0.1, 0.9)] for name in ("insult", "threat", "<odd>", "d", "e", "f")}
    picture = trade_off("A title", lines, marked=0.005).alone()
    root = ElementTree.fromstring(picture)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert {"A title", *lines} <= {"".join(node.itertext()) for node in root.iter() if node.tag.endswith("text")}
    assert all(f"--mode-{index}: #" in picture for index in range(len(lines)))
    assert all(f'stroke="var(--mode-{index})"' in picture for index in range(len(lines)))


def test_in_a_page_the_style_is_the_pages() -> None:
    assert "<style>" not in dots("T", [("a", [_interval(1.0)])]).in_page()
