"""Choosing a theme by looking at it: the marked one is shown at once, and esc gives the old one back."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from console.domain.phases import PHASE_SYMBOLS
from console.tables.columns import Cell, Column
from console.tables.tones import PHASE_TONES
from console.tui.look.theme import is_dark, theme_named, theme_names
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines

_COLUMNS = (Column("name", "THEME", 20, most=30), Column("kind", "", 5))
_SAMPLE = 13  # columns of a phase in the sample


class ThemeDialog(ModalScreen[str | None]):
    """Returns the name of the chosen theme. `note` says what becomes of the choice."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", show=False),
        Binding("escape,q", "close", show=False),
        Binding("f9", "next", show=False),
    ]

    def __init__(self, note: str) -> None:
        super().__init__()
        self._note = note
        self._before = ""
        self._names = theme_names()
        self._table = LineTable(_COLUMNS, self._cells, id="table")

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield self._table
            yield Lines(id="theme-sample")
            yield Lines(id="dialog-foot")

    def on_mount(self) -> None:
        self._before = self.app.theme
        sample = [
            Cell(f"{symbol} {phase.value}".ljust(_SAMPLE), PHASE_TONES[phase])
            for phase, symbol in PHASE_SYMBOLS.items()
        ]
        rows = [tuple(sample[at : at + 3]) for at in range(0, len(sample), 3)]
        self.query_one("#theme-sample", Lines).show([(), *rows, ()])
        keys = (Cell("enter", "accent"), Cell(" take it   "), Cell("esc", "accent"), Cell(" as before"))
        if self.app.no_color:
            self._note = "NO_COLOR is set: all look the same"
        self.query_one("#dialog-foot", Lines).show([keys, (Cell(self._note, "dim"),)])
        self._table.set_keys(list(self._names))
        now = next(name for name in self._names if theme_named(name) == self._before)
        self._table.move_to(now)
        self._table.styles.height = min(len(self._names) + 1, max(4, self.app.size.height - 10))
        self._table.focus()

    def _cells(self, key: str) -> dict[str, Cell]:
        return {"name": Cell(key, "strong"), "kind": Cell("dark" if is_dark(key) else "light", "dim")}

    @on(LineTable.CursorMoved)
    def _look(self) -> None:
        """Show everything in the marked theme."""
        if self._table.cursor_key is not None:
            self.app.theme = theme_named(self._table.cursor_key)

    def action_next(self) -> None:
        """Mark the next theme; after the last one the first."""
        keys = self._table.keys
        at = keys.index(self._table.cursor_key or keys[0])
        self._table.move_to(keys[(at + 1) % len(keys)])

    @on(LineTable.Opened)
    def action_choose(self) -> None:
        self.dismiss(self._table.cursor_key)

    def action_close(self) -> None:
        self.app.theme = self._before
        self.dismiss(None)
