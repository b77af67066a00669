"""A piece of text with a tone, and how columns of them share the width of a terminal."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import TypeAlias

from rich.cells import cell_len, set_cell_size

from console.tables.columns import Cell, Column, Tone
from console.tables.tones import SYMBOL_TONES

TONES: tuple[Tone, ...] = ("ok", "bad", "warn", "live", "dim", "strong", "accent")


Line: TypeAlias = tuple[Cell, ...]


def inked(cell: Cell) -> Line:
    """Split a cell: when the tone is calm only its symbol is coloured, and each phase has its own tone."""
    if cell.tone == "phases":
        runs = groupby(cell.text, lambda symbol: SYMBOL_TONES.get(symbol, ""))
        return tuple(Cell("".join(run), tone) for tone, run in runs)
    if cell.tone != "calm":
        return (cell,)
    return (Cell(cell.text[:1], "ok"), Cell(cell.text[1:]))


def laid_out(cell: Cell, column: Column, width: int) -> Line:
    """Cut or pad a cell to exactly `width` cells: a strip loses its oldest, a text its end, `end` nothing.

    A strip that may lose nothing has a shorter one as its `more`.
    """
    if column.strip:
        text = cell.more if cell.more and len(cell.text) > width else cell.text[-width:]
        return inked(Cell(fit_text(text, width, right=True), cell.tone))
    if not cell.more and not cell.end:
        return inked(Cell(fit_text(cell.text, width, right=column.right), cell.tone))
    end = f" {cell.end}" if cell.end else ""
    first = cell.text if cell_len(cell.text) + len(end) <= width else fit_text(cell.text, width - len(end))
    rest = f" {cell.more}" if cell.more else ""
    rest = fit_text(rest, max(0, width - cell_len(first) - len(end))) + end
    return (*inked(Cell(first, cell.tone)), Cell(rest))


def needed(columns: Sequence[Column], cells: Mapping[str, Cell], needs: dict[str, int]) -> None:
    """Raise in `needs` what each column has to be wide to show these cells whole."""
    for column in columns:
        cell = cells.get(column.key)
        if cell is not None:
            needs[column.key] = max(needs.get(column.key, 0), cell_len(cell.plain))


def fit_columns(
    columns: Sequence[Column], width: int, needs: Mapping[str, int]
) -> tuple[tuple[Column, int], ...]:
    """Choose the columns that fit, then widen those that need it, those that are dropped last first.

    What is never dropped gets what it needs before others get a place, up to a third of the width; numbers,
    which stand to the right, get it wherever they have a place: half a number is another one. An extra
    one gets a place only where the others have what they need.
    """
    wanted = {c.key: c.most if c.strip else max(c.width, min(c.most, needs.get(c.key, 0))) for c in columns}
    most = {
        c.key: wanted[c.key] if c.right and not c.strip else width // 3 if c.rank == 0 else 0 for c in columns
    }
    widths = {c.key: max(c.width, min(wanted[c.key], most[c.key])) for c in columns}
    chosen = list(columns)
    while sum(widths[c.key] + 2 for c in chosen) - 2 > width and any(c.rank for c in chosen):
        chosen.remove(max(chosen, key=lambda c: c.rank))
    left = width - sum(widths[c.key] + 2 for c in chosen) + 2
    lacks = sum(max(0, wanted[c.key] - widths[c.key]) for c in chosen if not c.extra)
    for column in sorted((c for c in chosen if c.extra), key=lambda c: -c.rank):
        if left < lacks:
            chosen.remove(column)
            left += widths[column.key] + 2
    for column in sorted(chosen, key=lambda c: c.rank):
        lacks = wanted[column.key] - widths[column.key]
        more = max(0, min(left, lacks)) if not column.strip or lacks <= left else 0
        widths[column.key] += more
        left -= more
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
    """Put `left` and `right` at the two edges of a line; leave `right` out when both do not fit."""
    gap = width - line_width(left) - line_width(right)
    return (*left, Cell(" " * gap), *right) if gap >= 2 else left


def fit_parts(parts: Sequence[Line], width: int) -> Line:
    """Join the parts that fit into one line; leave out the last ones whole rather than cut one."""
    gap = "   " if sum(line_width(part) + 3 for part in parts) - 3 <= width else "  "
    line: Line = parts[0] if parts else ()
    for part in parts[1:]:
        if line_width(line) + len(gap) + line_width(part) > width:
            break
        line = (*line, Cell(gap), *part)
    return line
