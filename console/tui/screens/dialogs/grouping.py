"""Choosing what the devices are grouped by: each with an example."""

from collections.abc import Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from console.domain.device_groups import GroupBy
from console.tables.columns import Cell, Column
from console.tui.presenters.device_groups import by_words
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines

NONE = "none"
_COLUMNS = (
    Column("now", "", 1),
    Column("by", "GROUP BY", 12, most=16),
    Column("example", "FOR EXAMPLE", 16, most=40),
)


class GroupingDialog(ModalScreen[str | None]):
    """Returns a value of `GroupBy`, `NONE`, or None if nothing was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "choose", show=False),
        Binding("escape,q,i", "close", show=False),
    ]

    def __init__(self, now: GroupBy | None, examples: Mapping[str, Cell]) -> None:
        super().__init__()
        self._now = now.value if now is not None else NONE
        self._examples = examples
        self._table = LineTable(_COLUMNS, self._cells, id="pick")

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Lines(id="dialog-title")
            yield self._table
            yield Lines(id="dialog-foot")

    def on_mount(self) -> None:
        self.query_one("#dialog-title", Lines).show([(Cell("Group the devices", "strong"),)])
        foot = (Cell("enter", "accent"), Cell(" groups by it   "), Cell("esc", "accent"), Cell(" close"))
        self.query_one("#dialog-foot", Lines).show([foot])
        keys = [*(by.value for by in GroupBy), NONE]
        self._table.set_keys(keys)
        self._table.styles.height = len(keys) + 1
        if self._now != NONE:
            self._table.move_to(self._now)
        self._table.focus()

    def _cells(self, key: str) -> dict[str, Cell]:
        nothing = Cell("no row in view has one", "dim")
        example = Cell("one list") if key == NONE else self._examples.get(key, nothing)
        return {
            "now": Cell("✓" if key == self._now else "", "accent"),
            "by": Cell("no groups" if key == NONE else by_words(GroupBy(key)), "strong"),
            "example": example,
        }

    @on(LineTable.Opened)
    def action_choose(self) -> None:
        self.dismiss(self._table.cursor_key)

    def action_close(self) -> None:
        self.dismiss(None)
