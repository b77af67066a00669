"""Which columns the list of devices has: chosen by the operator, kept while the console runs."""

from typing import Protocol

from console.tables.columns import Cell
from console.tables.devices import COLUMNS, EVERY
from console.tui.keys.actions import Action
from console.tui.lists.device_rows import DeviceRows
from console.tui.lists.group_rows import GroupRows
from console.tui.screens.dialogs.columns import ColumnsDialog
from console.tui.state.console_state import ConsoleState
from console.tui.widgets.table import LineTable

_DEFAULT = frozenset(column.key for column in COLUMNS)


class DeviceColumns:
    """Applies the choice to the table: of the chosen columns, those in which something stands."""

    def __init__(
        self, state: ConsoleState, rows: DeviceRows, groups: GroupRows, table: LineTable
    ) -> None:  # fmt: skip
        self._state = state
        self._rows = rows
        self._groups = groups
        self._table = table

    def apply(self) -> None:
        """Show the columns for the rows that are known now, without the one that the groups say."""
        columns = self._rows.columns(self._state.device_columns, self._groups.filled)
        self._table.set_columns([column for column in columns if column.key != self._state.device_group])

    def choose(self) -> None:
        """Let the operator choose; the list behind the dialog follows at once."""
        chosen = self._state.device_columns
        now = _DEFAULT if chosen is None else chosen
        dialog = ColumnsDialog(EVERY, now, _DEFAULT, self.examples(), self._change, self._note)
        self._table.app.push_screen(dialog)

    def examples(self) -> dict[str, Cell]:
        """Return a cell of each column: of the device under the cursor, or else of another one."""
        return self._rows.examples(self._table.cursor_key, self._state.clock.now())

    def _change(self, chosen: frozenset[str] | None) -> None:
        self._state.device_columns = chosen
        self.apply()

    def _note(self, key: str) -> str:
        if key == self._state.device_group:
            return "the groups say it"
        if all(column.key != key for column in self._table.columns):
            return "no row in view has one"
        return "" if self._table.shows(key) else "no room for it here"


class HasColumns(Protocol):
    """A screen with such columns."""

    @property
    def columns(self) -> DeviceColumns: ...


CHOOSING: tuple[Action[HasColumns], ...] = (
    Action(
        "columns", "W", "columns", "Choose the columns, each with an example",
        "device-console devices --columns device,link,template", lambda s: s.columns.choose(), footer=19,
    ),
)  # fmt: skip
