"""The headings of a table: by which column it is sorted, and which one the next key is for."""

from collections.abc import Sequence
from dataclasses import dataclass

from console.tables.columns import Column

GAP = 2
_TURNED = {"↑": "↓", "↓": "↑"}
Fitted = Sequence[tuple[Column, int]]


@dataclass(frozen=True, slots=True)
class Heads:
    """The keys of the columns by which the rows are sorted, and which is chosen to sort by next."""

    sorted_by: str = ""
    reverse: bool = False
    chosen: str = ""


def head_text(fitted: Fitted, heads: Heads, gutter: int) -> str:
    """Write the titles over their columns: the sorted one has an arrow, the chosen one stands in ``‹ ›``.

    An arrow or a bracket for which the column is too narrow stands in the gap beside it.
    """
    text = [" "] * (gutter + sum(width + GAP for _, width in fitted))
    left = gutter
    for column, width in fitted:
        label = _label(column, width, heads)
        start = left + max(0, width - len(label)) if column.right and not column.strip else left
        text[start : start + len(label)] = label
        if column.key == heads.chosen and column.key != heads.sorted_by:
            text[start - 1], text[start + len(label)] = "‹", "›"
        left += width + GAP
    return "".join(text).rstrip()


def _label(column: Column, width: int, heads: Heads) -> str:
    title = column.short if column.short and width < column.most else column.title
    if column.key != heads.sorted_by:
        return title
    arrow = _TURNED[column.arrow] if heads.reverse else column.arrow
    return f"{title} {arrow}" if len(title) + 2 <= width else f"{title}{arrow}"


def column_at(fitted: Fitted, x: int) -> str | None:
    """Return the key of the column whose heading stands `x` cells from the first; None beside them."""
    left = 0
    for column, width in fitted:
        if left <= x < left + width + GAP:
            return column.key
        left += width + GAP
    return None


def head_starts(fitted: Fitted) -> list[tuple[str, int]]:
    """Return each column's key, and how many cells from the first it begins."""
    found, left = [], 0
    for column, width in fitted:
        found.append((column.key, left))
        left += width + GAP
    return found
