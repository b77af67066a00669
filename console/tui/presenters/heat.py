"""When answers took how long: a row a length of time, a column a piece of the day, a bar for how many."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, log

from console.domain.figures import MinuteTotals
from console.domain.histograms import bucket_of
from console.tables.columns import Cell
from console.tui.presenters.cells import Line
from console.tui.presenters.plots import BARS

_ROWS = (
    ("10ms", 10), ("30ms", 30), ("0.1s", 100), ("0.3s", 300), ("1s", 1_000), ("3s", 3_000), ("10s", 10_000),
    ("30s", 30_000),
)  # fmt: skip
MORE = "more"
ROWS = len(_ROWS) + 1


def heat_lines(columns: Sequence[MinuteTotals]) -> list[Line]:
    """Draw the answers of each column by their time, the slowest on top; one answer is a visible bar.

    A row counts what took at most its time and more than the row below. The bars grow with the logarithm, so
    that one slow answer stands beside a thousand quick ones.
    """
    counts = [_by_row(column.answered.counts) for column in columns]
    most = max((count for column in counts for count in column), default=0)
    lines: list[Line] = []
    for row in range(ROWS - 1, -1, -1):
        label = MORE if row == len(_ROWS) else _ROWS[row][0]
        bars = "".join(_bar(column[row], most) for column in counts)
        lines.append(
            (Cell(f"{label:>4}▕", "dim"), Cell(bars.rstrip(), "accent" if row < len(_ROWS) else "warn"))
        )
    return lines


def _by_row(answers: Sequence[int]) -> list[int]:
    """Add up the buckets of each row."""
    edges = [0, *(bucket_of(most) + 1 for _, most in _ROWS), max(len(answers), 1_000)]
    return [sum(answers[low:high]) for low, high in pairwise(edges)]


def _bar(count: int, most: int) -> str:
    if not count:
        return " "
    return BARS[max(0, ceil(len(BARS) * log(count + 1) / log(most + 1)) - 1)]
