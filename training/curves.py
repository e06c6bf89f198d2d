"""A plot of curves as SVG: the share of the toxic that is found against the share of the clean that is flagged."""

import math
from collections.abc import Mapping, Sequence

_COLOURS = ("#1b6ca8", "#c0392b", "#27803b", "#8e44ad", "#d68910", "#444444")
_LEFT, _TOP, _WIDTH, _HEIGHT = 60, 40, 480, 280
_LEAST = 1e-4  # left end of the logarithmic axis, 0 included
_TICKS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def svg(lines: Mapping[str, Sequence[tuple[float, float]]], title: str, marked: float) -> str:
    """A curve for each name, through points (clean share, toxic share), and a dashed line at clean share `marked`."""
    size = f'width="{_LEFT + _WIDTH + 160}" height="{_TOP + _HEIGHT + 60}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT}" y="22" font-size="14">{title}</text>',
        *_axes(),
        _line(_x(marked), _y(0), _x(marked), _y(1), 'stroke="#888" stroke-dasharray="4 3"'),
    ]
    for index, (name, points) in enumerate(lines.items()):
        parts += _curve(name, points, index)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(share: float) -> float:
    """Where a share of the clean stands, on a logarithmic axis."""
    return _LEFT + _WIDTH * (1 - math.log10(max(share, _LEAST)) / math.log10(_LEAST))


def _y(share: float) -> float:
    return _TOP + _HEIGHT * (1 - share)


def _axes() -> list[str]:
    across = [f'<text x="{_x(tick):.0f}" y="{_y(0) + 18}" text-anchor="middle">{tick:.4g}</text>' for tick in _TICKS]
    up = [f'<text x="{_LEFT - 8}" y="{_y(k / 5) + 4:.0f}" text-anchor="end">{k / 5:g}</text>' for k in range(6)]
    grid = [_line(_LEFT, _y(k / 5), _LEFT + _WIDTH, _y(k / 5), 'stroke="#ddd"') for k in range(6)]
    middle = _LEFT + _WIDTH / 2
    names = [f'<text x="{middle}" y="{_y(0) + 40}" text-anchor="middle">share of clean spans flagged</text>']
    names.append(f'<text x="{_LEFT}" y="{_TOP - 4}" fill="#444">share of toxic texts found</text>')
    return [*grid, *across, *up, *names]


def _line(x: float, y: float, to_x: float, to_y: float, style: str) -> str:
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" {style}/>'


def _curve(name: str, points: Sequence[tuple[float, float]], index: int) -> list[str]:
    colour = _COLOURS[index % len(_COLOURS)]
    path = " ".join(f"{_x(clean):.1f},{_y(toxic):.1f}" for clean, toxic in points)
    y = _TOP + 20 + 18 * index
    return [
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>',
        f'<text x="{_LEFT + _WIDTH + 12}" y="{y}" fill="{colour}">{name}</text>',
    ]
