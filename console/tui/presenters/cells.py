"""A piece of text with a tone, and how columns of them share the width of a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

from rich.cells import cell_len, set_cell_size

Tone: TypeAlias = Literal["", "ok", "bad", "warn", "live", "dim", "strong", "accent"]
TONES: tuple[Tone, ...] = ("ok", "bad", "warn", "live", "dim", "strong", "accent")


class Cell(NamedTuple):
    """Text that is already safe, and what it means."""

    text: str
    tone: Tone = ""


Line: TypeAlias = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `width` is its least, `most` what it may grow to; the highest `rank` is dropped first."""

    key: str
    title: str
    width: int
    right: bool = False
    most: int = 0
    rank: int = 0


def fit_columns(columns: Sequence[Column], width: int) -> tuple[tuple[Column, int], ...]:
    """Choose the columns that fit and give what is left to those that can grow, in their order."""
    chosen = list(columns)
    while sum(c.width + 2 for c in chosen) - 2 > width and any(c.rank for c in chosen):
        chosen.remove(max(chosen, key=lambda c: c.rank))
    widths = {c.key: c.width for c in chosen}
    left = width - sum(c.width + 2 for c in chosen) + 2
    while left > 0:
        growing = [c for c in chosen if widths[c.key] < c.most][:left]
        if not growing:
            break
        for column in growing:
            widths[column.key] += 1
        left -= len(growing)
    return tuple((column, widths[column.key]) for column in chosen)


@lru_cache(maxsize=8_192)
def fit_text(text: str, width: int, *, right: bool = False) -> str:
    """Cut with an ellipsis or pad to exactly `width` cells."""
    size = cell_len(text)
    if size > width:
        return set_cell_size(text, width - 1) + "…" if width > 1 else set_cell_size(text, width)
    return " " * (width - size) + text if right else text + " " * (width - size)


def line_width(line: Line) -> int:
    return sum(cell_len(cell.text) for cell in line)


def spread(left: Line, right: Line, width: int) -> Line:
    """`left` at the left edge, `right` at the right edge of one line; `right` goes when both do not fit."""
    gap = width - line_width(left) - line_width(right)
    return (*left, Cell(" " * gap), *right) if gap >= 2 else left
