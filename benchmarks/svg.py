"""A line chart as SVG: a logarithmic x axis, a y axis from 0, readable in light and in dark."""

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

Series = tuple[str, Sequence[tuple[float, float]]]
_WIDTH, _HEIGHT = 640, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 150, 40, 48
_STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 14px; font-weight: 600 }
  .axis { stroke: #8c959f; stroke-width: 1; fill: none }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .line { fill: none; stroke-width: 2 }
  .s0 { stroke: #0969da } .f0 { fill: #0969da }
  .s1 { stroke: #bf5700; stroke-dasharray: 6 4 } .f1 { fill: #bf5700 }
  .s2 { stroke: #1a7f37; stroke-dasharray: 2 3 } .f2 { fill: #1a7f37 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .axis { stroke: #7d8590 } .grid { stroke: #30363d }
    .s0 { stroke: #58a6ff } .f0 { fill: #58a6ff } .s1 { stroke: #f0883e } .f1 { fill: #f0883e }
    .s2 { stroke: #3fb950 } .f2 { fill: #3fb950 }
  }
"""


def chart(title: str, x_label: str, y_label: str, series: Sequence[Series]) -> str:
    """Draw up to three lines, which differ in their dashes too, and have their names at their ends.

    Raises:
        ValueError: there is no point, or one whose x is not above 0.
    """
    points = [point for _, line in series for point in line]
    if not points or any(x <= 0 for x, _ in points):
        raise ValueError("a chart needs points with x above 0")
    low, high = (math.log10(bound(x for x, _ in points)) for bound in (min, max))
    step = nice_step(max(y for _, y in points))
    most = step * math.ceil(max(y for _, y in points) / step or 1)

    def place(x: float, y: float) -> tuple[float, float]:
        width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        share = (math.log10(x) - low) / (high - low) if high > low else 0.5
        return round(_LEFT + share * width, 1), round(_TOP + height * (1 - y / most), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>", f'<text class="title" x="{_LEFT}" y="20">{escape(title)}</text>',
    ]  # fmt: skip
    for n in range(round(most / step) + 1):
        x, y = place(10**low, n * step)
        parts.append(f'<path class="grid" d="M{_LEFT} {y}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{_number(n * step)}</text>')
    for x_value in sorted({x for x, _ in points}):
        x, y = place(x_value, 0)
        parts.append(
            f'<path class="axis" d="M{x} {y}v5"/><text x="{x}" y="{y + 20}" text-anchor="middle">{_number(x_value)}</text>'
        )
    lines = [(name, [place(*point) for point in line]) for name, line in series if line]
    heights = apart([places[-1][1] for _, places in lines])
    parts += [_line(n, name, places, heights[n]) for n, (name, places) in enumerate(lines)]
    parts.append(f'<text x="{_LEFT}" y="{_HEIGHT - 8}">{escape(x_label)}</text>')
    parts.append(f'<text x="{_LEFT - 56}" y="{_TOP - 8}">{escape(y_label)}</text></svg>')
    return "\n".join(parts) + "\n"


def _line(n: int, name: str, places: Sequence[tuple[float, float]], height: float) -> str:
    path = "M" + "L".join(f"{x} {y}" for x, y in places)
    dots = "".join(f'<circle class="f{n}" cx="{x}" cy="{y}" r="3"/>' for x, y in places)
    label = f'<text x="{places[-1][0] + 10}" y="{height + 4}">{escape(name)}</text>'
    return f'<path class="line s{n}" d="{path}"/>{dots}{label}'


def apart(heights: Sequence[float], distance: float = 15) -> list[float]:
    """The heights of names, moved down where two would lie on each other."""
    found = list(heights)
    last = float("-inf")
    for place in sorted(range(len(found)), key=found.__getitem__):
        found[place] = last = max(found[place], last + distance)
    return found


def nice_step(most: float) -> float:
    """The distance of some four to eight lines up to this value: 1, 2 or 5 times a power of ten."""
    rough = max(most, 1e-9) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"
