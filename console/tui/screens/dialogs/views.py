"""The saved views of the list of devices: taken, saved under a name, deleted after a question."""

from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from console.domain.filters.keys import NEWEST_COMMAND
from console.domain.filters.language import Scope, parse_filter
from console.domain.text.safe import safe
from console.domain.views import LONGEST_NAME, View, name_fault, named, view_words
from console.errors import ConsoleError
from console.tables.columns import Cell, Column, Tone
from console.tui.screens.dialogs.confirm import ConfirmDialog, Question
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines

_COLUMNS = (
    Column("now", "", 1),
    Column("name", "VIEW", 12, most=LONGEST_NAME),
    Column("holds", "WHAT IT HOLDS", 20, most=60, rank=1),
    Column("count", "DEVICES", 7, right=True),
)
_NO_VIEW = View("")
_EMPTY_ROWS = 4  # the headings, and what to do
_KEYS = (("enter", "takes it"), ("s", "saves this"), ("x", "deletes"), ("esc", "close"))


class ViewsDialog(ModalScreen[View | None]):
    """Returns the view that was chosen; `current` makes one of what the list shows, under a name."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", show=False),
        Binding("s", "save", show=False),
        Binding("x", "delete", show=False),
        Binding("q,V", "close", show=False),
        Binding("escape", "back", show=False),
    ]

    def __init__(
        self, state: ConsoleState, current: Callable[[str], View], saved: Callable[[View], object]
    ) -> None:
        """`saved` gets a view that was saved; it is the active one now."""
        super().__init__()
        self._state, self._kept = state, state.program.views
        self._current, self._saved = current, saved
        self._views: dict[str, View] = {}
        self._counts: dict[str, str] = {}
        self._table = LineTable(_COLUMNS, self._cells, id="pick")
        self._field = Input(
            placeholder="name of the view", compact=True, max_length=LONGEST_NAME, id="view-name"
        )

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="-wide"):
            yield Lines(id="dialog-title")
            yield self._table
            yield self._field
            yield Lines(id="dialog-foot")

    def on_mount(self) -> None:
        self._field.display = False
        self._table.set_empty("No view is saved yet. s saves filter, order, columns and groups under a name.")
        self._list()
        self._table.focus()
        start(self, self._count, "counts")

    def _list(self, note: str = "", tone: Tone = "dim") -> None:
        """Show the views as they are kept now."""
        first = (_NO_VIEW,) if self._state.view is not None else ()
        self._views = {view.name: view for view in (*first, *self._kept.load(self._state.tenant))}
        self._table.set_keys(list(self._views))
        rows = len(self._views) + 1 if self._views else _EMPTY_ROWS
        self._table.styles.height = max(2, min(rows, self.app.size.height - 8))
        self._table.repaint_changes()
        where = "" if self._kept.are_kept else "   kept until you leave"
        title = (Cell("Views", "strong"), Cell(where, "dim"))
        self.query_one("#dialog-title", Lines).show([title])
        self._say(note or self._kept.note, tone if note else "warn")

    def _say(self, note: str, tone: Tone = "dim") -> None:
        foot = tuple(part for key, words in _KEYS for part in (Cell(key, "accent"), Cell(f" {words}   ")))
        self.query_one("#dialog-foot", Lines).show([foot, *([(Cell(note, tone),)] if note else [])])

    def _cells(self, key: str) -> dict[str, Cell]:
        view = self._views[key]
        return {
            "now": Cell("✓" if self._is_active(view) else "", "accent"),
            "name": Cell(safe(key, LONGEST_NAME), "strong") if key else Cell("no view"),
            "holds": Cell(safe(view_words(view), 200), "dim"),
            "count": Cell(self._counts.get(key, "…")),
        }

    # Counting

    async def _count(self) -> None:
        """Count the devices of one view after the other, while the dialog is open."""
        for name, view in list(self._views.items()):
            try:
                self._counts[name] = f"{await self._devices_of(view):,}"
            except ConsoleError as error:
                self._counts[name] = "?"
                self._say(safe(error, 200), "bad")
            self._table.repaint_changes()

    async def _devices_of(self, view: View) -> int:
        history, tenant = self._state.program.history, self._state.tenant
        wanted = parse_filter(view.filter, Scope.DEVICES)
        if not wanted.keys & NEWEST_COMMAND:
            return await history.device_count(tenant, wanted)
        found = 0
        async with aclosing(history.search_devices(tenant, wanted)) as pieces:
            async for piece in pieces:
                found += len(piece.found)
        return found

    # Acting

    @on(LineTable.Opened)
    def action_choose(self) -> None:
        key = self._table.cursor_key
        if key is not None:
            self.dismiss(self._views[key])

    def action_save(self) -> None:
        """Ask for the name, beginning with that of the active view."""
        self._field.value = self._state.view.name if self._state.view is not None else ""
        self._field.display = True
        self._field.focus()
        self._say("enter saves under this name")

    @on(Input.Submitted)
    def _named(self, event: Input.Submitted) -> None:
        event.stop()
        name = event.value.strip()
        other = named(tuple(self._views.values()), name)
        fault = name_fault(name)
        if fault:
            self._say(fault, "warn")
        elif other is not None and not self._is_active(other):
            self._ask_to_replace(other, self._current(name))
        else:
            self._show_saved(name, self._keep(self._current(name)))

    def _ask_to_replace(self, other: View, view: View) -> None:
        """Ask by another key than enter: one that is held or doubled says yes to what nobody has read."""

        async def replace(_: str) -> str:
            return self._keep(view)

        question = Question(
            f"Replace the view “{safe(other.name, LONGEST_NAME)}”",
            tuple((Cell(f"{words:6}", "dim"), Cell(safe(view_words(one), 200)))
                  for words, one in (("now", other), ("then", view))),
            "replace it", "keep it",
        )  # fmt: skip
        self.app.push_screen(ConfirmDialog(question, replace, partial(self._show_saved, view.name)))

    def _is_active(self, view: View) -> bool:
        return self._state.view is not None and self._state.view.name == view.name

    def _keep(self, view: View) -> str:
        """Save the view; return what to say."""
        fault = self._kept.keep(self._state.tenant, view)
        if view in self._kept.load(self._state.tenant):
            self._saved(view)
            self._counts.pop(view.name, None)
        return fault or _said(view.name)

    def _show_saved(self, name: str, outcome: str) -> None:
        self._leave_name()
        self._list(outcome, "dim" if outcome == _said(name) else "warn")
        self._table.move_to(name)
        start(self, self._count, "counts", exclusive=True)

    def action_delete(self) -> None:
        """Ask whether the view under the cursor is to be deleted."""
        name = self._table.cursor_key
        if not name:
            return
        question = Question(
            f"Delete the view “{safe(name, LONGEST_NAME)}”",
            ((Cell(view_words(self._views[name])),), (Cell("No device and no command is touched.", "dim"),)),
            "delete it", "keep it",
        )  # fmt: skip
        self.app.push_screen(ConfirmDialog(question, lambda _: self._delete(name), self._list))

    async def _delete(self, name: str) -> str:
        fault = self._kept.delete(self._state.tenant, name)
        if self._state.view is not None and self._state.view.name == name:
            self._state.view = None
        return fault or f"“{safe(name, LONGEST_NAME)}” is deleted."

    def _leave_name(self) -> None:
        self._field.display = False
        self._table.focus()

    def action_back(self) -> None:
        """Leave the name, or the dialog."""
        if self._field.display:
            self._leave_name()
            self._say("")
        else:
            self.dismiss(None)

    def action_close(self) -> None:
        self.dismiss(None)


def _said(name: str) -> str:
    return f"“{safe(name, LONGEST_NAME)}” is saved."
