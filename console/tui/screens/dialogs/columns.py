"""Choosing the columns of a list: each with an example, shown or hidden at once."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from console.tables.columns import Cell, Column
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines

_COLUMNS = (
    Column("shown", "", 1),
    Column("title", "COLUMN", 12, most=16),
    Column("example", "FOR EXAMPLE", 16, most=40),
    Column("note", "", 0, most=28, rank=1),
)


class ColumnsDialog(ModalScreen[None]):
    """Calls `change` with the keys that are shown now, None for those that are shown by default.

    `first` is the key of the column that is always shown; `note` returns why a chosen one is not seen.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,enter", "switch", show=False),
        Binding("d", "default", show=False),
        Binding("escape,q,W", "close", show=False),
    ]

    def __init__(
        self,
        columns: Sequence[Column],
        chosen: frozenset[str],
        default: frozenset[str],
        examples: Mapping[str, Cell],
        change: Callable[[frozenset[str] | None], object],
        note: Callable[[str], str],
    ) -> None:
        super().__init__()
        self._columns = {column.key: column for column in columns}
        self._first = columns[0].key
        self._chosen, self._default = chosen, default
        self._examples = examples
        self._change = change
        self._note = note
        self._table = LineTable(_COLUMNS, self._cells, id="pick")

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Lines(id="dialog-title")
            yield self._table
            yield Lines(id="dialog-foot")

    def on_mount(self) -> None:
        self.query_one("#dialog-title", Lines).show([(Cell("Columns", "strong"),)])
        keys = (("space", "shows or hides"), ("d", "as by default"), ("esc", "close"))
        foot = [part for key, words in keys for part in (Cell(key, "accent"), Cell(f" {words}   "))]
        self.query_one("#dialog-foot", Lines).show([tuple(foot)])
        self._table.set_keys(list(self._columns))
        self._table.styles.height = min(len(self._columns) + 1, max(3, self.app.size.height - 6))
        self._table.focus()

    def _cells(self, key: str) -> dict[str, Cell]:
        shown = key in self._chosen
        note = "always shown" if key == self._first else self._note(key) if shown else ""
        return {
            "shown": Cell("✓" if shown else "", "accent"),
            "title": Cell(self._columns[key].title, "strong" if shown else "dim"),
            "example": self._examples.get(key, Cell("")),
            "note": Cell(note, "dim"),
        }

    @on(LineTable.Opened)
    def action_switch(self) -> None:
        key = self._table.cursor_key
        if key is not None and key != self._first:
            self._set(self._chosen ^ {key})

    def action_default(self) -> None:
        self._set(self._default)

    def _set(self, chosen: frozenset[str]) -> None:
        self._chosen = chosen
        self._change(None if chosen == self._default else chosen)
        self._table.repaint_changes()

    def action_close(self) -> None:
        self.dismiss(None)
