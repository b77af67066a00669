"""Choosing a recent command or a favourite."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from console.domain.text.safe import safe
from console.services.favourites import Saved
from console.tables.columns import Cell, Column
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines

_COLUMNS = (
    Column("star", "", 1),
    Column("type", "TYPE", 14, most=30),
    Column("ttl", "TTL", 5, right=True),
    Column("params", "PARAMS", 20, most=80),
)


class PickDialog(ModalScreen[Saved | None]):
    """Returns what was chosen; the favourites come first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", show=False, priority=True),
        Binding("escape,q", "close", show=False),
    ]

    def __init__(self, favourites: Sequence[Saved], recent: Sequence[Saved]) -> None:
        super().__init__()
        self._kept = set(favourites)
        everything = dict.fromkeys((*favourites, *recent))
        self._saved = {str(number): saved for number, saved in enumerate(everything)}
        self._table = LineTable(_COLUMNS, self._cells, id="pick")

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="-wide"):
            yield Lines(id="dialog-title")
            yield self._table
            yield Lines(id="dialog-foot")

    def on_mount(self) -> None:
        self.query_one("#dialog-title", Lines).show([(Cell("Recent commands and favourites", "strong"),)])
        foot = (
            Cell("enter", "accent"),
            Cell(" fills the form with it   "),
            Cell("esc", "accent"),
            Cell(" close"),
        )
        self.query_one("#dialog-foot", Lines).show([(), foot])
        self._table.set_empty("Nothing was sent recently. f6 in the form adds a favourite.")
        self._table.set_keys(list(self._saved))
        self._table.focus()

    def _cells(self, key: str) -> dict[str, Cell]:
        saved = self._saved[key]
        return {
            "star": Cell("★" if saved in self._kept else "", "accent"),
            "type": Cell(safe(saved.command_type), "strong"),
            "ttl": Cell(safe(saved.ttl)),
            "params": Cell(safe(saved.params, 200), "dim"),
        }

    @on(LineTable.Opened)
    def action_choose(self) -> None:
        key = self._table.cursor_key
        if key is not None:
            self.dismiss(self._saved[key])

    def action_close(self) -> None:
        self.dismiss(None)
