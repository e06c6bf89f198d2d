"""Plots as SVG to stand in a page, whose style gives the colours (`--mode-0`, ..., `.grid`), light or dark."""

import math
from collections.abc import Mapping, Sequence
from html import escape

Row = tuple[str, Sequence[Mapping[str, float | None]]]
"""The name of a set, and an interval (value, low, high) for each mode."""

WIDTH, _LEFT, _RIGHT, _STEP, _GAP = 640, 170, 20, 14, 12
COLOURS = 6


def dots(title: str, rows: Sequence[Row]) -> str:
    """For each set and mode a dot with its interval, from 0 to the right; what has no value is left out."""
    numbers = [number for _, row in rows for interval in row for number in interval.values() if number is not None]
    top = _nice(max(numbers, default=0.0))
    body: list[str] = []
    y = 6.0
    for name, row in rows:
        middle = y + _STEP * len(row) / 2
        body.append(_text(_LEFT - 10, middle + 4, name, "end"))
        for index, interval in enumerate(row):
            body.append(_dot(name, interval, index, y + _STEP * (index + 0.5), top))
        y += _STEP * len(row) + _GAP
    return _svg(title, y + 22, [*_axis(top, y), *body])


def curve(title: str, lines: Sequence[Sequence[float]]) -> str:
    """For each mode the share (logarithmic, down to 1e-4) of samples that score at least x, x from 0 to 1."""
    height = 160.0
    body = [_grid_line(_x(k / 5, 1), 6, _x(k / 5, 1), height, f"{k / 5:g}", height + 16, "middle") for k in range(6)]
    for power in range(5):
        y = _down(10.0**-power, height)
        body.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{WIDTH - _RIGHT}" y2="{y:.1f}"/>')
        body.append(_text(_LEFT - 10, y + 4, f"{10.0**-power:g}", "end"))
    for index, shares in enumerate(lines):
        points = [(_x(k / (len(shares) - 1), 1), share) for k, share in enumerate(shares) if share > 0]
        path = " ".join(f"{x:.1f},{_down(share, height):.1f}" for x, share in points)
        body.append(f'<polyline points="{path}" fill="none" stroke="{_colour(index)}" stroke-width="2"/>')
    return _svg(title, height + 24, body)


def _dot(name: str, interval: Mapping[str, float | None], index: int, y: float, top: float) -> str:
    value, low, high = interval["value"], interval["low"], interval["high"]
    if value is None:
        return ""
    colour, parts = _colour(index), []
    if low is not None:
        end = _x(top if high is None else high, top)
        parts.append(
            f'<line x1="{_x(low, top):.1f}" y1="{y}" x2="{end:.1f}" y2="{y}" stroke="{colour}" stroke-width="3"/>'
        )
    parts.append(f'<circle cx="{_x(value, top):.1f}" cy="{y}" r="4.5" fill="{colour}"/>')
    return f"<g><title>{escape(name)}: {value:.4g}</title>{''.join(parts)}</g>"


def _axis(top: float, bottom: float) -> list[str]:
    values = [top * k / 4 for k in range(5)]
    return [_grid_line(_x(v, top), 2, _x(v, top), bottom, f"{v:.4g}", bottom + 14, "middle") for v in values]


def _grid_line(x: float, y: float, to_x: float, to_y: float, label: str, label_y: float, anchor: str) -> str:
    line = f'<line class="grid" x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"/>'
    return line + _text(x, label_y, label, anchor)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    label = escape(title, quote=True)
    head = f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{label}">'
    return "\n".join([head, *filter(None, parts), "</svg>"])


def _colour(index: int) -> str:
    return f"var(--mode-{index % COLOURS})"


def _x(value: float, top: float) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * min(value, top) / top


def _down(share: float, height: float) -> float:
    return 6 + (height - 6) * min(-math.log10(max(share, 1e-4)), 4) / 4


def _nice(value: float) -> float:
    """The next number up with one or two digits that four steps divide well."""
    if value <= 0:
        return 1.0
    scale = 10.0 ** math.floor(math.log10(value))
    return next(step * scale for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if value <= step * scale * 1.0001)
