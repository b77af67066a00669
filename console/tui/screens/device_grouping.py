"""Grouping the list of devices, and folding its groups; the cursor keeps its device.

Decided in docs/decisions/0091-group-rows.md
"""

from collections.abc import Callable
from typing import Protocol

from console.domain.device_groups import GroupBy, group_key, value_of
from console.tables.columns import Cell
from console.tui.keys.actions import ON_SCREEN_ONLY, Action
from console.tui.lists.group_rows import GroupRows
from console.tui.screens.dialogs.grouping import NONE, GroupingDialog
from console.tui.state.console_state import ConsoleState
from console.tui.widgets.table import LineTable


class DeviceGrouping:
    """`on_change` is called when the devices are grouped otherwise, `arrange` shows the rows anew."""

    def __init__(
        self,
        state: ConsoleState,
        rows: GroupRows,
        table: LineTable,
        examples: Callable[[], dict[str, Cell]],
        on_change: Callable[[], object],
        arrange: Callable[[], object],
    ) -> None:
        self._state = state
        self._rows = rows
        self._table = table
        self._examples = examples
        self._on_change = on_change
        self._arrange = arrange

    @property
    def is_grouped(self) -> bool:
        return self._rows.by is not None

    @property
    def at(self) -> str | None:
        """The value of the group whose row is under the cursor; None on a device."""
        return value_of(self._table.cursor_key)

    def choose(self) -> None:
        """Let the operator choose what to group by."""
        self._table.app.push_screen(GroupingDialog(self._rows.by, self._examples()), self._chosen)

    def _chosen(self, chosen: str | None) -> None:
        if chosen is not None:
            self.group_by(None if chosen == NONE else GroupBy(chosen))

    def group_by(self, by: GroupBy | None) -> None:
        """Group otherwise, or not at all; from the row of a group the cursor goes to its first device."""
        if by is self._rows.by:
            return
        first = self._rows.first(self._table.cursor_key) if self.at is not None else None
        if self.at is not None and first is not None:
            self._rows.unfold(self.at)
            self._arrange()
            self._table.move_to(first)
        self._state.device_group = by
        self._on_change()

    def fold(self) -> None:
        """Fold the group in which the cursor is, and go to its row; a folded one folds all others."""
        value = self._rows.group_of(self._table.cursor_key)
        if value is not None:
            self._table.move_to(group_key(value))
            self._rows.fold(value)
            self._arrange()

    def unfold(self) -> None:
        """Show the devices of the group under the cursor; where they are shown, go to the first."""
        value = self.at
        if value is None:
            return
        if self._rows.is_folded(value):
            self._rows.unfold(value)
            self._arrange()
        else:
            self._table.action_move(1)

    def turn(self) -> None:
        """Fold the group under the cursor, or unfold it."""
        if self.at is not None:
            (self.unfold if self._rows.is_folded(self.at) else self.fold)()

    @property
    def turn_label(self) -> str:
        return "unfold" if self.at is not None and self._rows.is_folded(self.at) else "fold"

    def no_group(self) -> str | None:
        """Return why no group can be unfolded; None if one can."""
        return "no group is under the cursor" if self.at is None else None


class HasGroups(Protocol):
    """A screen with such groups."""

    @property
    def grouping(self) -> DeviceGrouping: ...


GROUPING: tuple[Action[HasGroups], ...] = (
    Action(
        "group", "i", "group", "Group the devices by site, model, firmware or template, or not at all",
        ON_SCREEN_ONLY, lambda s: s.grouping.choose(), footer=18,
    ),
    Action(
        "fold", "left", "fold", "Fold the group; on a folded one, fold all", ON_SCREEN_ONLY,
        lambda s: s.grouping.fold(), footer=16, shown_as="←", offered=lambda s: s.grouping.is_grouped,
    ),
    Action(
        "unfold", "right", "unfold", "Unfold the group; on an unfolded one, go to its first device",
        ON_SCREEN_ONLY, lambda s: s.grouping.unfold(), lambda s: s.grouping.no_group(), footer=16,
        shown_as="→", offered=lambda s: s.grouping.is_grouped,
    ),
)  # fmt: skip
