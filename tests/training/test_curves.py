from xml.etree import ElementTree

from training.curves import svg

_SVG = "{http://www.w3.org/2000/svg}"


def _points(root: ElementTree.Element) -> list[list[tuple[float, float]]]:
    lines = [line.attrib["points"].split() for line in root.iter(f"{_SVG}polyline")]
    return [[(float(x), float(y)) for x, y in (point.split(",") for point in line)] for line in lines]


def test_each_curve_is_drawn_and_named() -> None:
    root = ElementTree.fromstring(svg({"insult": [(0.1, 0.9)], "threat": [(0.01, 0.5)]}, "A title", marked=0.005))
    texts = [text.text for text in root.iter(f"{_SVG}text")]
    assert {"A title", "insult", "threat"} <= set(texts)
    assert len(_points(root)) == 2


def test_more_found_is_higher_and_more_flagged_is_further_right() -> None:
    root = ElementTree.fromstring(svg({"insult": [(0.1, 0.9), (0.01, 0.5), (0.001, 0.2)]}, "", marked=0.005))
    (points,) = _points(root)
    assert points == sorted(points, key=lambda point: -point[0]) == sorted(points, key=lambda point: point[1])


def test_shares_of_nothing_stand_at_the_left_end() -> None:
    root = ElementTree.fromstring(svg({"insult": [(0.0, 0.0), (0.0001, 1.0)]}, "", marked=0.005))
    (((x, _), (left, _)),) = _points(root)
    assert x == left
