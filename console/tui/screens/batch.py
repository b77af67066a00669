"""One bulk send: its progress, its groups of equal answers, and what to do next."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from console.domain.batches import AnswerGroup, BatchView
from console.domain.commands import Phase
from console.domain.filters.language import Scope, parse_filter
from console.domain.text.counts import counted
from console.domain.text.safe import safe
from console.errors import ConsoleError
from console.tables.columns import Cell
from console.tui.keys.actions import Action, bindings_for
from console.tui.lists.unsent_devices import UnsentDevices, UnsentRow, unsent_rows
from console.tui.presenters.batches import (
    batch_line,
    group_cells,
    group_columns,
    group_key,
    progress_lines,
    unsent_cells,
)
from console.tui.presenters.cells import Line
from console.tui.presenters.copies import shell_line
from console.tui.screens import actions
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.batch_sends import BatchSends
from console.tui.screens.clipboard import copy_text
from console.tui.screens.compose.review import NO_RECALL
from console.tui.screens.dialogs.confirm import ConfirmAct, Question, ask
from console.tui.screens.dialogs.text import TextDialog
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowCompose, ShowExport, ShowHistory
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines


class BatchScreen(ConsoleScreen):
    """The screen of one bulk send: groups of equal answers, each of which can be the next target."""

    KIND = "batch"

    def __init__(self, state: ConsoleState, batch_id: str) -> None:
        super().__init__(state)
        self._batch_id = batch_id
        self._view: BatchView | None = None
        self._groups: dict[str, AnswerGroup] = {}
        self._first: str | None = None
        self._sends = BatchSends(self, batch_id, self._ask)
        self._unsent: dict[str, UnsentRow] = {}
        self._unsent_devices = UnsentDevices(state.program.bulk, state.tenant, batch_id)
        self._title = Lines(id="title")
        self._progress = Lines(id="progress")
        self._table = LineTable(group_columns(()), self._cells, id="table")

    def body(self) -> Iterable[Widget]:
        return (self._title, self._progress, self._table)

    def on_mount(self) -> None:
        self._table.set_empty("Reading the bulk send…")
        self._table.focus()

    async def read(self) -> None:
        view = await self.state.program.bulk.batch(self.state.tenant, self._batch_id)
        if view is None:
            self._view, self._groups, self._unsent = None, {}, {}
            self._table.set_keys([])
            self._table.set_empty("This bulk send does not exist any more. Press esc to go back.")
            return
        unsent = await self._unsent_devices.read(view, is_sending=self._sending)
        self._view = view = replace(view, unsent=unsent)
        self.state.clock.observe(view.read_at)
        self._groups, self._unsent = {group_key(group): group for group in view.groups}, unsent_rows(view)
        self._table.set_empty("Nothing is committed yet.")
        self._table.set_columns(group_columns(view.groups))
        untouched = self._table.cursor_key in {None, self._first}
        self._table.set_keys([*self._groups, *self._unsent])
        if untouched and self._groups:  # the largest group is first; an unmoved cursor stays on it
            self._first = next(iter(self._groups))
            self._table.move_to(self._first)

    def _cells(self, key: str) -> dict[str, Cell] | None:
        row = self._unsent.get(key)
        if row is not None:
            return unsent_cells(row.why, row.device_ids, row.count)
        return group_cells(self._groups[key]) if key in self._groups else None

    @property
    def _group(self) -> AnswerGroup | None:
        return self._groups.get(self._table.cursor_key or "")

    def repaint(self) -> None:
        view, width = self._view, self.app.size.width
        job = self.state.jobs.get(self._batch_id)
        self._title.show([batch_line(view, self.state.clock.now(), width)] if view else [])
        self._progress.show([(), *progress_lines(view, job, width), ()] if view else [])
        self._table.set_faded(faded=not self.state.linked)
        self._table.repaint_changes()

    @property
    def _sending(self) -> bool:
        return (job := self.state.jobs.get(self._batch_id)) is not None and not job.ended

    @property
    def _unsent_row(self) -> UnsentRow | None:
        return self._unsent.get(self._table.cursor_key or "")

    def _no_group(self) -> str | None:
        return "there is no group here" if self._group is None and self._unsent_row is None else None

    def _no_target(self) -> str | None:
        row = self._unsent_row
        return self._no_group() if row is None or row.can_be_sent_to else "they cannot be sent to"

    def _opens(self) -> str:
        return "their names" if self._unsent_row is not None else "these commands"

    def _no_change(self) -> str | None:
        if self._view is None:
            return "there is no bulk send here"
        return None if self.state.program.health.view().database.up else "the database is down"

    def _no_retry(self) -> str | None:
        retriable = self._view is not None and self._view.retriable
        return self._no_change() or (None if retriable else "nothing in it failed, was missed or expired")

    def _no_stop(self) -> str | None:
        view, reason = self._view, self._no_change()
        if reason is not None or view is None:
            return reason
        if self._sending or any(phase is Phase.WAITING for phase in view.phases):
            return None
        return "nothing in it is waiting, and published commands cannot be recalled"

    def _no_rest(self) -> str | None:
        view, reason = self._view, self._no_change()
        if reason is not None or view is None:
            return reason
        if self._sending:
            return "it is being sent"
        if view.batch.stopped_at is not None:
            return "it was stopped: write a new command"
        if view.left:
            return None
        if view.unsendable:
            return f"the {view.unsendable:,} without a command cannot be sent to"
        return "nothing is left to send"

    # Actions

    def _open_group(self) -> None:
        row = self._unsent_row
        if row is not None:
            self.app.push_screen(TextDialog(row.title, row.text))
        if self._group is not None:
            start(self, partial(self._open, self._group), "group", exclusive=True)

    async def _open(self, group: AnswerGroup) -> None:
        """Show the commands of a group; name its devices where other groups are in the same phase."""
        alike = sum(other.phase is group.phase for other in self._groups.values())
        devices = await self._devices_of(group) if alike > 1 else None
        if devices is None and alike > 1:
            return
        text = f"batch:{self._batch_id} phase:{group.phase.value.replace(' ', '_')}"
        draft = self._view.batch.draft if self._view else None
        kind = safe(draft.command_type, 24) if draft else ""
        of = f"Bulk send {safe(self._batch_id[:8])}: {kind} {group.phase.value}"
        if self.is_active:  # otherwise the operator has left the screen meanwhile
            self.post_message(ShowHistory(devices, text, of))

    def _write_command(self) -> None:
        row = self._unsent_row
        if row is not None:
            self.post_message(ShowCompose(row.device_ids, f"without a command in {self._batch_id}"))
        if self._group is not None:
            start(self, partial(self._compose_to, self._group), "group", exclusive=True)

    async def _compose_to(self, group: AnswerGroup) -> None:
        devices = await self._devices_of(group)
        if devices is not None:
            self.post_message(ShowCompose(devices, f"{group.phase.value} in {self._batch_id}"))

    async def _devices_of(self, group: AnswerGroup) -> tuple[str, ...] | None:
        """Return the devices of a group; None, with the error shown, when they cannot be read."""
        try:
            return await self.state.program.bulk.group(self.state.tenant, self._batch_id, group)
        except ConsoleError as error:
            self.say(str(error), "bad")
            return None

    def _ask_stop(self) -> None:
        if self._view is None:
            return
        program, tenant = self.state.program, self.state.tenant

        async def stop(_: str) -> str:
            job = self.state.jobs.get(self._batch_id)
            if job is not None:
                job.stopping = True
            taken = await program.bulk.stop(tenant, self._batch_id, program.operator)
            self.state.log.stopped(self.state.clock.now(), tenant, self._batch_id, draft.command_type, taken)
            if taken:
                return f"Stopped: {counted(taken, 'command')} cancelled before publication."
            return "Stopped, but nothing was left to cancel: what was sent is published or on its way."

        draft, waiting = self._view.batch.draft, self._view.phases.get(Phase.WAITING, 0)
        title = (
            f"Stop {safe(draft.command_type, 40)} to {counted(draft.wanted, 'device')} of {safe(tenant, 40)}?"
        )
        lines: tuple[Line, ...] = (
            (
                Cell("Nothing more is sent, and what still waits by then is cancelled: ", "dim"),
                Cell(f"{waiting:,} now."),
            ),
            (Cell(NO_RECALL),),
        )
        self._ask(Question(title, lines, "stop it", no="go on"), stop)

    def _retry(self) -> None:
        self._sends.retry()

    def _resume(self) -> None:
        self._sends.resume()

    def _export(self) -> None:
        self.post_message(ShowExport(None, parse_filter(f"batch:{self._batch_id}", Scope.COMMANDS)))

    def _copy_id(self) -> None:
        copy_text(self, "the id", self._batch_id)

    def _copy_shell_line(self) -> None:
        copy_text(self, "the shell line", shell_line(self.state.tenant, "batch", self._batch_id))

    def _ask(self, question: Question, act: ConfirmAct) -> None:
        ask(self, question, act, self._acted)

    def _acted(self, outcome: str) -> None:
        self.say(outcome)
        self.request_read()

    ACTIONS: ClassVar[tuple[Action[Any], ...]] = (
        actions.open_row(_open_group, _no_group, _opens),
        actions.compose(_write_command, _no_target, lambda _: "compose to these"),
        Action("retry_batch", "r", "retry failed",
               "Repeat, as a new bulk send, what failed, was missed or expired",
               "device-console retry ID", _retry, _no_retry, act=True, footer=12),
        Action("resume_batch", "R", "send the rest",
               "Send the rest of a bulk send that was interrupted; nothing is sent twice",
               "device-console resume ID", _resume, _no_rest, act=True),
        Action("stop_batch", "x", "stop", "Stop sending, and cancel what is not published yet",
               "device-console cancel ID", _ask_stop, _no_stop, act=True, footer=13),
        actions.copy_id(_copy_id),
        actions.copy_shell_line(_copy_shell_line),
        actions.export(_export),
        *actions.everywhere(actions.back()),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(KIND, ACTIONS)
