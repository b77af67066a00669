"""The columns of a table in its current width, and the cells of a row in them."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from rich.cells import cell_len

from console.tables.columns import Cell, Column
from console.tui.presenters.cells import fit_columns, needed
from console.tui.presenters.heads import GAP, Heads, column_at, head_starts, head_text

Cells = dict[str, Cell]
Row = tuple[Cell | None, ...]
GUTTER = 3
LEAD = "lead"  # what stands in the gutter of a row that spans columns
_NOTHING = Cell("", "")
_PENDING = Cell("…", "dim")


class TableLayout:
    """`cells` turns a key into what is shown, None while that is not known.

    In a row with a `LEAD`, a cell takes the places of the columns after it that the row has no cell for.
    """

    def __init__(self, columns: Sequence[Column], cells: Callable[[str], Cells | None]) -> None:
        self.columns = tuple(columns)
        self.fitted: tuple[tuple[Column, int], ...] = ()
        self._cells = cells
        self._needs: dict[str, int] = {}

    def forget_needs(self) -> None:
        """Measure anew: a column keeps what it needed for any row until then."""
        self._needs.clear()

    def measure(self, keys: Iterable[str], width: int) -> bool:
        """Widen the columns to fit these rows; return whether they changed."""
        for key in keys:
            cells = self._cells(key)
            if cells is not None and LEAD in cells:  # what may be cut takes no place from others' columns
                cells = {name: Cell(cell.text, end=cell.end) for name, cell in cells.items()}
            if cells is not None:
                needed(self.columns, cells, self._needs)
        fitted = fit_columns(self.columns, width - GUTTER - 1, self._needs)
        changed, self.fitted = fitted != self.fitted, fitted
        return changed

    def shows(self, column: str) -> bool:
        """Return whether there is room for this column."""
        return any(fitted.key == column for fitted, _ in self.fitted)

    def head(self, heads: Heads) -> str:
        """Return the row of headings."""
        return head_text(self.fitted, heads, GUTTER)

    def column_at(self, x: int) -> str | None:
        """Return the key of the column that stands at `x`."""
        return column_at(self.fitted, x - GUTTER)

    def starts(self) -> list[tuple[str, int]]:
        """Return each column's key, and where it begins."""
        return [(key, GUTTER + x) for key, x in head_starts(self.fitted)]

    def row(self, key: str, *, at_cursor: bool, marked: bool) -> Row:
        """Return the gutter and the cells of a row; None where the cell before takes the place."""
        cells = self._cells(key)
        lead = cells.get(LEAD) if cells is not None else None
        symbol = lead.text if lead is not None else "✓" if marked else " "
        gutter = Cell(f"{'▌' if at_cursor else ' '}{symbol} ", "accent")
        if cells is None:
            return (gutter, *[_PENDING] * len(self.fitted))
        if lead is not None:
            return (gutter, *self._spanning(cells))
        return (gutter, *[cells.get(column.key, _NOTHING) for column, _ in self.fitted])

    def _spanning(self, cells: Cells) -> list[Cell | None]:
        """Return the cells of a row that spans columns, each as it fits into the places that it takes."""
        found: list[Cell | None] = []
        more = 0  # the places of the columns to the right that have no cell
        for column, size in reversed(self.fitted):
            cell = cells.get(column.key)
            found.append(_whole(cell, column, size + more))
            more = 0 if cell is not None else more + size + GAP
        return found[::-1]

    def changes(self, old: Row | None, new: Row) -> Iterator[tuple[int, int]]:
        """Yield where the cells stand that differ: left edge and width."""
        x = 0
        spans = None in new or (old is not None and None in old)
        for place, cell in enumerate(new):
            width = GUTTER if place == 0 else self.fitted[place - 1][1] + 2
            if old is None or spans or place >= len(old) or old[place] != cell:
                yield x, width
            x += width


def _whole(cell: Cell | None, column: Column, size: int) -> Cell | None:
    """Leave out those counts of `more` that would be cut, the last ones first: two spaces part them."""
    while cell is not None and cell.more and not column.strip and cell_len(cell.plain) > size:
        cell = Cell(cell.text, cell.tone, "  ".join(cell.more.split("  ")[:-1]), cell.end)
    return cell
