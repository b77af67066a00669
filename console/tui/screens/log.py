"""What this console did since it was opened, how each of it stands, and the shell line that does the same."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from console.domain.commands import Command
from console.domain.text.counts import counted
from console.domain.text.durations import latency
from console.domain.text.safe import safe
from console.services.batch_send import BatchRun
from console.tables.columns import Cell, Column
from console.tables.tones import phase_cell
from console.tui.keys.actions import Action, bindings_for
from console.tui.presenters.times import instant
from console.tui.screens import actions
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.clipboard import copy_text
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowBatch, ShowDetail
from console.tui.state.session_log import Entry
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines

_COLUMNS = (
    Column("at", "TIME", 8, most=16, rank=1),
    Column("what", "WHAT", 22, most=60),
    Column("stands", "RESULT", 14, most=36),
    Column("line", "SHELL LINE", 20, most=160, rank=9),
)
_EMPTY = "This console has sent, cancelled and exported nothing so far. Press esc to go back."


class LogScreen(ConsoleScreen):
    """The session's log, newest first; only the commands of visible rows are read."""

    KIND = "log"

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self._entries: dict[str, Entry] = {}
        self._title = Lines(id="title")
        self._table = LineTable(_COLUMNS, self._cells, id="table")

    def body(self) -> Iterable[Widget]:
        return (self._title, self._table)

    def on_mount(self) -> None:
        self._table.set_empty(_EMPTY)
        self._list()
        self._table.focus()

    def _list(self) -> None:
        entries = self.state.log.of(self.state.tenant)
        self._entries = {entry.key: entry for entry in entries}
        self._table.set_keys(list(self._entries))
        count = Cell(f"   {counted(len(entries), 'entry', 'entries')}" if entries else "", "dim")
        self._title.show([(Cell(" What this console did", "strong"), count)])

    async def read(self) -> None:
        self._list()
        shown = (self._entries[key] for key in self._table.window())
        ids = tuple({entry.command_id for entry in shown if entry.command_id})
        if ids:
            tenant = self.state.tenant
            page = await self.state.program.history.reread(tenant, ids)
            self.state.clock.observe(page.read_at)
            self.state.log.take(tenant, page.commands)

    @on(LineTable.WindowMoved)
    def _moved(self) -> None:
        self.request_read()

    def repaint(self) -> None:
        self._table.set_faded(faded=not self.state.linked)
        self._table.repaint_changes()

    def _cells(self, key: str) -> dict[str, Cell]:
        entry, state = self._entries[key], self.state
        return {
            "at": Cell(instant(entry.at, state.clock.now(), zone=state.zone), "dim"),
            "what": Cell(entry.what, "strong"),
            "stands": _stands(entry, state.jobs.get(entry.batch_id)),
            "line": Cell(safe(entry.line, 400) or "no shell line can name so many", "dim"),
        }

    @property
    def _entry(self) -> Entry | None:
        return self._entries.get(self._table.cursor_key or "")

    # Actions

    def _no_entry(self) -> str | None:
        return "nothing was done here so far" if self._entry is None else None

    def _no_open(self) -> str | None:
        entry = self._entry
        if entry is None or entry.command_id or entry.batch_id:
            return self._no_entry()
        return "an export is a file, and nothing on the screen"

    def _no_line(self) -> str | None:
        entry = self._entry
        if entry is None or entry.line:
            return self._no_entry()
        return "a shell line cannot name so many devices"

    def _open(self) -> None:
        entry = self._entry
        if entry is not None:
            opened = ShowBatch(entry.batch_id) if entry.batch_id else ShowDetail(entry.command_id)
            self.post_message(opened)

    def _copy(self) -> None:
        if self._entry is not None:
            copy_text(self, "the shell line", self._entry.line)

    ACTIONS: ClassVar[tuple[Action[Any], ...]] = (
        actions.open_row(_open, _no_open),
        replace(actions.copy_shell_line(_copy, _no_line), keys="y,C", footer=18),
        *actions.everywhere(actions.back()),
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(KIND, ACTIONS)


def _stands(entry: Entry, job: BatchRun | None) -> Cell:
    """Say how an entry ended, or how it stands now."""
    if entry.result:
        return Cell(f"● {entry.result}", "calm")
    if entry.command is not None:
        return _phase(entry.command)
    if job is None:
        return Cell("…", "dim")
    if job.error:
        return Cell("✕ interrupted", "bad")
    if job.ended:
        return Cell(f"● {job.committed:,} committed", "calm")
    return Cell(f"◔ sending {job.done:,} of {job.total:,}", "live")


def _phase(command: Command) -> Cell:
    cell = phase_cell(command)
    took = command.latency
    return cell if took is None else Cell(f"{cell.text} {latency(took)}", cell.tone)
