"""Charts as SVG: for a page, whose style gives the colours (`--mode-0`, ..., `.grid`), or as images of their own."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

Row = tuple[str, Sequence[Mapping[str, float | None]]]
"""The name of a set, and an interval (value, low, high) for each mode."""
Ticks = Sequence[tuple[float, str]]
"""Places from 0 to 1 along an axis, and what is written there."""

WIDTH, _LEFT, _RIGHT, _TOP, _STEP, _GAP = 640, 170, 20, 6, 14, 12
_HEAD, _LINE = 24, 18
COLOURS = 6
LIGHT = (
    "--mode-0: #c2410c; --mode-1: #1d4ed8; --mode-2: #15803d; --mode-3: #7e22ce; --mode-4: #a16207; --mode-5: #0e7490;"
)
"""The colours on a light ground."""
_STYLE = (
    f"svg {{ font: 12px system-ui, sans-serif; background: #fff; {LIGHT} }}"
    " svg text { fill: #5d6570; } svg .grid { stroke: #d9dde2; }"
)
_LEAST = -4
"""Where a logarithmic axis of shares ends, 0 included: at this power of ten."""
_POWERS: Ticks = [(1 + power / -_LEAST, f"{10.0**power:g}") for power in range(_LEAST, 1)]
_FIFTHS: Ticks = [(k / 5, f"{k / 5:g}") for k in range(6)]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: its title, its height in the units of its width (WIDTH), and what is drawn."""

    title: str
    height: float
    parts: tuple[str, ...]

    def in_page(self) -> str:
        """Return the element for a page that has its own title and colours for it."""
        return self._element("", 0, self.parts)

    def alone(self) -> str:
        """Return an image of its own, with its title above it and its own colours."""
        title = _text(WIDTH / 2, _HEAD / 2 - _HEAD, self.title, "middle")
        return self._element(
            ' xmlns="http://www.w3.org/2000/svg"', _HEAD, (f"<style>{_STYLE}</style>", title, *self.parts)
        )

    def _element(self, more: str, above: float, parts: Sequence[str]) -> str:
        label = escape(self.title, quote=True)
        box = f"0 {-above:.0f} {WIDTH} {self.height + above:.0f}"
        head = f'<svg{more} viewBox="{box}" role="img" aria-label="{label}">'
        return "\n".join([head, *filter(None, parts), "</svg>"])


def dots(title: str, rows: Sequence[Row]) -> Chart:
    """Draw a dot with its interval for each set and mode, from 0 to the right; what has no value is left out."""
    numbers = [number for _, row in rows for interval in row for number in interval.values() if number is not None]
    top = _nice(max(numbers, default=0.0))
    body: list[str] = []
    y = float(_TOP)
    for name, row in rows:
        body.append(_text(_LEFT - 10, y + _STEP * len(row) / 2 + 4, name, "end"))
        body += [_dot(name, interval, at, y + _STEP * (at + 0.5), top) for at, interval in enumerate(row)]
        y += _STEP * len(row) + _GAP
    quarters = [(k / 4, f"{top * k / 4:.4g}") for k in range(5)]
    return Chart(title, y + 22, (*_columns(quarters, y), *body))


def curve(title: str, lines: Sequence[Sequence[float]]) -> Chart:
    """Draw for each mode the share (logarithmic, down to 1e-4) of samples that score at least x, x from 0 to 1."""
    height = 160.0
    drawn = [
        [(k / (len(shares) - 1), _power(share)) for k, share in enumerate(shares) if share > 0] for shares in lines
    ]
    grid = (*_columns(_FIFTHS, height), *_rows(_POWERS, height))
    return Chart(title, height + 24, (*grid, *_curves(drawn, height)))


def trade_off(title: str, lines: Mapping[str, Sequence[tuple[float, float]]], marked: float) -> Chart:
    """Draw for each name a curve through shares (of the clean flagged, of the toxic found), the former logarithmic.

    A dashed line stands where the share `marked` of the clean is flagged.
    """
    height = 280.0
    drawn = [[(_power(clean), toxic) for clean, toxic in points] for points in lines.values()]
    at, names = _across(_power(marked)), list(lines)
    parts = (
        *_columns(_POWERS, height),
        *_rows(_FIFTHS, height),
        f'<line class="grid" x1="{at:.1f}" y1="{_TOP}" x2="{at:.1f}" y2="{height}" stroke-dasharray="4 3"/>',
        *_curves(drawn, height),
        *(_name(name, index, height - _LINE * (len(names) - index)) for index, name in enumerate(names)),
        _text(_across(0.5), height + 36, "share of clean spans flagged", "middle"),
        _text(_LEFT - 40, _TOP + 4, "toxic texts found", "end"),
    )
    return Chart(title, height + 46, parts)


def _dot(name: str, interval: Mapping[str, float | None], index: int, y: float, top: float) -> str:
    value, low, high = interval["value"], interval["low"], interval["high"]
    if value is None:
        return ""
    colour, parts = _colour(index), []
    if low is not None:
        start, end = _across(low / top), _across(1.0 if high is None else high / top)
        parts.append(f'<line x1="{start:.1f}" y1="{y}" x2="{end:.1f}" y2="{y}" stroke="{colour}" stroke-width="3"/>')
    parts.append(f'<circle cx="{_across(value / top):.1f}" cy="{y}" r="4.5" fill="{colour}"/>')
    return f"<g><title>{escape(name)}: {value:.4g}</title>{''.join(parts)}</g>"


def _curves(lines: Sequence[Sequence[tuple[float, float]]], height: float) -> list[str]:
    """Return a line in each colour through points from 0 to 1, across and up."""
    found: list[str] = []
    for index, points in enumerate(lines):
        path = " ".join(f"{_across(x):.1f},{_down(y, height):.1f}" for x, y in points)
        found.append(f'<polyline points="{path}" fill="none" stroke="{_colour(index)}" stroke-width="2"/>')
    return found


def _columns(ticks: Ticks, bottom: float) -> list[str]:
    """Return lines from top to bottom, and below each what it stands for."""
    return [
        f'<line class="grid" x1="{_across(at):.1f}" y1="{_TOP}" x2="{_across(at):.1f}" y2="{bottom:.1f}"/>'
        + _text(_across(at), bottom + 16, label, "middle")
        for at, label in ticks
    ]


def _rows(ticks: Ticks, height: float) -> list[str]:
    """Return lines from left to right, and before each what it stands for."""
    return [
        f'<line class="grid" x1="{_LEFT}" y1="{_down(at, height):.1f}" x2="{WIDTH - _RIGHT}" '
        f'y2="{_down(at, height):.1f}"/>' + _text(_LEFT - 10, _down(at, height) + 4, label, "end")
        for at, label in ticks
    ]


def _name(name: str, index: int, y: float) -> str:
    return (
        f'<text x="{WIDTH - _RIGHT - 10}" y="{y:.1f}" text-anchor="end" style="fill: {_colour(index)}">'
        f"{escape(name)}</text>"
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _colour(index: int) -> str:
    return f"var(--mode-{index % COLOURS})"


def _across(place: float) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * min(place, 1)


def _down(place: float, height: float) -> float:
    return _TOP + (height - _TOP) * (1 - place)


def _power(share: float) -> float:
    """Return the place of a share on a logarithmic axis."""
    return 1 - max(math.log10(max(share, 10.0**_LEAST)), _LEAST) / _LEAST


def _nice(value: float) -> float:
    """Return the next number up with one or two digits that four steps divide well."""
    if value <= 0:
        return 1.0
    scale = 10.0 ** math.floor(math.log10(value))
    return next(step * scale for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if value <= step * scale * 1.0001)
