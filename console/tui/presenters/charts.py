"""Charts of block characters: what ended well grows up from an axis, what did not hangs down from it."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from math import ceil

from console.domain.figures import Ended, MinuteTotals
from console.tables.columns import Cell, Tone
from console.tui.presenters.cells import Line
from console.tui.presenters.plots import BARS

FAILED, MISSED, EXPIRED, OK = "▓", "▒", "░", "█"
GUTTER = 5  # columns left of the chart: the scale
_DOWN: tuple[tuple[str, str, Tone], ...] = (
    ("failed", FAILED, "bad"), ("missed", MISSED, "warn"), ("expired", EXPIRED, "dim"),
)  # fmt: skip
_TONES: dict[str, Tone] = {symbol: tone for _, symbol, tone in _DOWN}


def mirrored(minutes: Sequence[MinuteTotals], up: int, down: int, cursor: int | None = None) -> list[Line]:
    """Draw a column for each minute: `up` rows of ok (and late), an axis, `down` rows of what was not ok.

    The two halves have scales of their own, written at the edge; one bad end is one visible cell. `cursor`
    is a column that the axis points out.
    """
    well = [minute.ended.ok + minute.ended.late for minute in minutes]
    most, worst = max(well, default=0), max((minute.ended.bad for minute in minutes), default=0)
    lines = [
        (Cell(f"{_scale(most) if row == up - 1 else '':>4}▕", "dim"), *_run(_above(well, most, up, row)))
        for row in range(up - 1, -1, -1)
    ]
    axis = "".join("┴" if place == cursor else "─" for place in range(len(minutes)))
    lines.append((Cell("  ok├", "dim"), Cell(axis, "dim")))
    unit = max(1, ceil(worst / down))
    columns = [_hanging(minute.ended, unit, down) for minute in minutes]
    for row in range(down):
        label = _scale(worst) if row == down - 1 and worst else ""
        lines.append((Cell(f"{label:>4}▕", "dim"), *_run([column[row] for column in columns])))
    return lines


def _scale(value: int) -> str:
    return f"{value:,}" if value < 1_000 else f"{value / 1_000:.3g}k"


def _above(values: Iterable[int], most: int, rows: int, row: int) -> list[tuple[str, Tone]]:
    cells: list[tuple[str, Tone]] = []
    for value in values:
        eighths = ceil(value / most * rows * 8) - row * 8 if most else 0
        cells.append((BARS[min(8, eighths) - 1], "ok") if eighths > 0 else (" ", ""))
    return cells


def _hanging(ended: Ended, unit: int, rows: int) -> list[tuple[str, Tone]]:
    """Stack what was not ok, kind by kind; a kind that occurred has a cell where one is free."""
    counts = {symbol: getattr(ended, name) for name, symbol, _ in _DOWN}
    cells = min(rows, ceil(ended.bad / unit))
    occurred = sorted((symbol for symbol in counts if counts[symbol]), key=lambda one: -counts[one])
    shares = dict.fromkeys(occurred[:cells], 1)
    while sum(shares.values()) < cells:
        fullest = max(shares, key=lambda symbol: counts[symbol] / shares[symbol])
        shares[fullest] += 1
    stack = "".join(symbol * shares.get(symbol, 0) for symbol in counts)
    return [(symbol, _TONES[symbol]) for symbol in stack] + [(" ", "")] * (rows - len(stack))


def _run(cells: Sequence[tuple[str, Tone]]) -> Line:
    """Join neighbours of one tone: each piece costs the line some twenty bytes."""
    return tuple(
        Cell("".join(text for text, _ in group), tone) for tone, group in groupby(cells, lambda cell: cell[1])
    )
