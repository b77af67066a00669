"""The history of a device, of a selection, or of the tenant: endless, live, with the detail beside it."""

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widget import Widget

from console.domain.commands import Command
from console.domain.filters.keys import LIVE_OF_COMMAND
from console.domain.filters.language import Scope, matches
from console.domain.filters.subjects import command_subject
from console.domain.history import CommandDetail
from console.domain.text.durations import coarse_age
from console.errors import ConsoleError
from console.services.reads import PAGE
from console.tui.keys.actions import bindings_for
from console.tui.lists.history_rows import HistoryRows
from console.tui.lists.known_words import KnownWords
from console.tui.presenters.cells import Cell
from console.tui.presenters.commands import DEVICE_COLUMNS, TENANT_COLUMNS, command_cells, history_line
from console.tui.presenters.compose import devices_words
from console.tui.presenters.plots import plots_line
from console.tui.screens.base import SHORT, WIDE
from console.tui.screens.command_actions import CommandActs
from console.tui.screens.device_place import DevicePlace
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowBatches, ShowCompose, ShowDetail, ShowExport, ShowProblems
from console.tui.widgets.detail import DetailView
from console.tui.widgets.filter_bar import FilterBar
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines

_NEAR_END = 60
_DETAIL_DELAY_S = 0.08


class HistoryScreen(CommandActs):
    """`device_ids` None means the whole tenant; `text` is its first filter, `of` names what that finds."""

    KIND = "history"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("history")

    def __init__(
        self, state: ConsoleState, device_ids: tuple[str, ...] | None, text: str = "", of: str = ""
    ) -> None:
        super().__init__(state)
        self.device_ids = device_ids
        self._of = of
        self._sought: str | None = None
        self._rows = HistoryRows()
        self._paging = False
        self._detail: CommandDetail | None = None
        self._detail_timer: Timer | None = None
        self._title = Lines(id="title")
        self._plots = Lines(id="plots")
        self._words = KnownWords(state, self._known)
        self._filter = FilterBar(Scope.COMMANDS, self._words, text)
        one = device_ids is not None and len(device_ids) == 1 and not of
        self._place = DevicePlace(state, device_ids[0] if one and device_ids else None)
        self._table = LineTable(DEVICE_COLUMNS if one else TENANT_COLUMNS, self._cells, id="table")
        self._pane = DetailView(id="pane")

    def body(self) -> Iterable[Widget]:
        return (
            self._title,
            self._place,
            self._plots,
            self._filter,
            Horizontal(self._table, self._pane, id="split"),
        )

    def on_mount(self) -> None:
        self._table.set_empty("Reading the history…")
        self._table.focus()

    @property
    def chosen(self) -> Command | None:
        return self._rows.commands.get(self._table.cursor_key or "")

    def seek(self, command_id: str) -> None:
        """Put the cursor on this command as soon as it is listed: what is done next is meant for it."""
        self._sought = command_id
        self.request_read()

    @property
    def is_filtered(self) -> bool:
        """Whether a new command may not be among those that are shown."""
        return bool(self._filter.text)

    @property
    def _has_pane(self) -> bool:
        return self.app.size.width >= WIDE

    # Reading

    async def read(self) -> None:
        history, tenant, rows = self.state.program.history, self.state.tenant, self._rows
        await self._place.read()
        sought = self._sought
        page = await history.commands(tenant, device_ids=self.device_ids, wanted=self._filter.parsed)
        self.state.clock.observe(page.read_at)
        rows.put_head(page)
        head = {command.command_id for command in page.commands}
        rest = [key for key in self._table.window() if key not in head and key in rows.commands]
        if rest:
            again = (await history.reread(tenant, rest)).commands
            rows.update(again)
            rows.drop(c.command_id for c in again if not self._still_matches(c))
        if rows is self._rows:  # otherwise the filter has changed meanwhile: these are the wrong ones
            self._show_rows()
            if sought is not None and self._sought == sought:
                self._sought = None  # it is not here: the cursor must not jump to it much later
            await self._read_detail()

    def _still_matches(self, command: Command) -> bool:
        now = self.state.clock.now()
        return matches(self._filter.parsed, command_subject(command), now, only=LIVE_OF_COMMAND)

    async def _read_next(self) -> None:
        """The next page; a search goes on until it has one more or has come to the end."""
        rows, filtered = self._rows, self._filter.parsed
        try:
            wanted = len(rows.order) + PAGE
            while rows is self._rows and rows.more and len(rows.order) < wanted:
                page = await self.state.program.history.commands(
                    self.state.tenant, device_ids=self.device_ids, wanted=filtered, before=rows.end
                )
                rows.put_next(page)
                if rows is self._rows:
                    self._show_rows()
                if page.reached is None:
                    break
        except ConsoleError as error:
            self.say(str(error), "bad")
        finally:
            self._paging = False
            if rows is not self._rows:  # the new rows could not ask for more while this one was under way
                self._window_moved()

    async def _read_detail(self) -> None:
        key = self._table.cursor_key
        if not self._has_pane or key is None:
            self._detail = None
        else:
            self._detail = await self.state.program.history.command(self.state.tenant, key)
        self._show_detail()

    async def _follow_cursor(self) -> None:
        try:
            await self._read_detail()
        except ConsoleError as error:
            self.say(str(error), "bad")

    # Showing

    def _cells(self, key: str) -> dict[str, Cell] | None:
        command = self._rows.commands.get(key)
        return None if command is None else command_cells(command, self.state.clock.now())

    def _show_rows(self) -> None:
        clears = self._filter.can_clear
        if self._rows.reached is not None:
            self._table.set_empty(f"Searching…{' Press esc to clear the filter.' if clears else ''}")
        elif self._filter.text:
            keys = "Press esc to clear it, or / to change it." if clears else "Press / to change it."
            self._table.set_empty(f"No command matches the filter. {keys}")
        elif self.state.program.read_only:
            self._table.set_empty("No command has been sent here yet. New ones appear by themselves.")
        else:
            self._table.set_empty("No command has been sent here yet. Press c to compose the first one.")
        self._table.set_keys(self._rows.order)
        if self._sought is not None and self._table.holds(self._sought):
            self._table.move_to(self._sought)
            self._sought = None
        self._table.repaint_changes()
        self._show_title()
        self._filter.count(self._match_words())
        self._window_moved()

    def _show_title(self) -> None:
        where = "All devices" if self.device_ids is None else devices_words(self.device_ids)
        if self._of and self._filter.within_first:
            where = self._of
        (width, height), commands = self.app.size, self._rows.commands.values()
        plots = plots_line(commands, width)
        self._plots.show([plots] if plots else [])
        self._plots.display = plotted = bool(plots) and height >= SHORT
        title = f"{where} › History"
        self._title.show([history_line(title, commands, width, more=self._rows.more, plotted=plotted)])

    def _match_words(self) -> str:
        rows = self._rows
        words = f"{len(rows.order):,}{'+' if rows.more else ''} match"
        if rows.more and rows.reached is not None:
            words += f", searched back {coarse_age(self.state.clock.now() - rows.reached.created_at)}"
        return words

    async def _read_words(self) -> None:
        await self._words.read()
        self._filter.show_hint()

    def _known(self) -> dict[str, tuple[str, ...]]:
        """What the loaded rows offer to complete a filter with."""
        loaded = list(self._rows.commands.values())[:500]
        return {
            "type": tuple(sorted({c.command_type for c in loaded})),
            "by": tuple(sorted({c.created_by for c in loaded if c.created_by})),
            "device": tuple(sorted({c.device_id for c in loaded})),
        }

    def _show_detail(self) -> None:
        if self._has_pane:
            self._pane.show(self._detail, self.state.clock.now(), "Nothing is chosen.", self.state.zone)

    def repaint(self) -> None:
        self._table.set_faded(faded=not self.state.linked)
        self._table.repaint_changes()
        self._show_detail()

    def on_resize(self) -> None:
        self._show_title()
        self._place.paint()
        if self._has_pane and self._detail is None:
            start(self, self._follow_cursor, "detail", exclusive=True)

    @on(LineTable.CursorMoved)
    def _cursor_moved(self) -> None:
        self.refresh_chrome()
        if self._detail_timer is not None:
            self._detail_timer.stop()
        self._detail_timer = self.set_timer(
            _DETAIL_DELAY_S, lambda: start(self, self._follow_cursor, "detail", exclusive=True)
        )

    @on(LineTable.WindowMoved)
    def _window_moved(self) -> None:
        searching = bool(self._rows.order) or self._rows.reached is not None
        if self._rows.more and searching and not self._paging and self._table.rows_below() < _NEAR_END:
            self._paging = True
            start(self, self._read_next, "page")

    # Actions

    @on(LineTable.Opened)
    def action_open(self) -> None:
        command = self.chosen
        if not self.refuse("open") and command is not None:
            self.post_message(ShowDetail(command.command_id))

    def action_compose(self) -> None:
        command = self.chosen
        if self.refuse("compose"):
            return
        if self.device_ids:
            self.post_message(ShowCompose(self.device_ids))
        elif command is not None:
            self.post_message(ShowCompose((command.device_id,)))

    def reason(self, action_id: str) -> str | None:
        faults = self._filter.parsed.faults
        if action_id == "export" and faults:
            return f"the filter shows more than it says: {faults[0].sentence.rstrip('.')}"
        if action_id == "compose":
            nobody = not self.device_ids and self.chosen is None
            return "choose devices first, on the devices screen" if nobody else None
        return super().reason(action_id)

    def action_problems(self) -> None:
        self.post_message(ShowProblems())

    def action_batches(self) -> None:
        self.post_message(ShowBatches())

    def action_export(self) -> None:
        if not self.refuse("export"):
            self.post_message(ShowExport(self.device_ids, self._filter.parsed))

    def action_filter(self) -> None:
        start(self, self._read_words, "words", exclusive=True)
        self._filter.open()

    @on(FilterBar.Changed)
    def _filter_changed(self) -> None:
        self._rows = HistoryRows()
        self._filter.count("not applied yet")
        self.request_read()

    @on(FilterBar.Left)
    def _filter_left(self) -> None:
        self._table.focus()

    def action_back(self) -> None:
        if self._filter.can_clear:
            self._filter.clear()
        else:
            self.dismiss(None)
