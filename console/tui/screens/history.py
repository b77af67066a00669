"""The history of a device, of a selection, or of the tenant: paged, updated, with the detail beside it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from console.domain.commands import Command
from console.domain.filters.keys import LIVE_OF_COMMAND
from console.domain.filters.language import Filter, Match, Scope, matches
from console.domain.filters.patterns import pattern_for
from console.domain.filters.subjects import command_subject
from console.domain.text.durations import coarse_age
from console.services.reads import PAGE
from console.tables.columns import Cell
from console.tables.commands import COLUMNS, OF_ONE_DEVICE, columns_for, command_cells
from console.tui.keys.actions import ON_SCREEN_ONLY, Action, bindings_for
from console.tui.lists.history_rows import HistoryRows
from console.tui.lists.known_words import KnownWords
from console.tui.presenters.commands import history_line, nothing_listed
from console.tui.presenters.compose import devices_words
from console.tui.presenters.plots import plots_line
from console.tui.screens import actions
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.command_actions import COPIES, ON_COMMAND, CommandActions
from console.tui.screens.comparing import DIFF, Comparing
from console.tui.screens.detail_beside import DetailBeside
from console.tui.screens.device_line import DeviceLine
from console.tui.screens.new_rows import NewRows
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowCompose, ShowDetail, ShowExport
from console.tui.widgets.filter_bar import FilterBar
from console.tui.widgets.filtered_list import FilteredList
from console.tui.widgets.state_strip import StateStrip
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines

_ROOMY = 30  # rows from which the plots are shown


class HistoryScreen(ConsoleScreen):
    """`device_ids` None means the whole tenant; `text` is the first filter, `of` names what it finds.

    With `only` it shows these commands and no others.
    """

    KIND = "history"

    def __init__(
        self,
        state: ConsoleState,
        device_ids: tuple[str, ...] | None,
        text: str = "",
        of: str = "",
        only: tuple[str, ...] = (),
    ) -> None:
        super().__init__(state)
        self.only = only
        self._only = (Match("id", tuple(map(pattern_for, only))),) if only else ()
        self.device_ids = device_ids
        self._of = of
        self._sought: str | None = None
        self.on_command = CommandActions(self, lambda: self.chosen)
        self.rows = HistoryRows()
        self.comparing = Comparing(self, lambda: self.chosen, lambda: self.marked)
        self._strip = StateStrip()
        self._plots = Lines(id="plots")
        self._of_one = one = device_ids is not None and len(device_ids) == 1 and not of
        self._device_line = DeviceLine(state, device_ids[0] if one and device_ids else None)
        self._table = LineTable(OF_ONE_DEVICE if one else COLUMNS, self._cells, id="table")
        self._detail = DetailBeside(state, lambda: self._table.cursor_key)
        self._new_rows = NewRows(self, self._show_rows)
        words = KnownWords(state, self._loaded_words)
        self._filtered = FilteredList(
            FilterBar(Scope.COMMANDS, words, text, state.earlier_filters[Scope.COMMANDS]),
            self._table, self._filter_changed,
            pages=self, read_words=words.read, above=(self._device_line, self._strip, self._plots),
            beside=self._detail,
        )  # fmt: skip

    def body(self) -> Iterable[Widget]:
        return (self._filtered,)

    def on_mount(self) -> None:
        self._filtered.begin("Reading the history…")
        if self._of_one:
            self.state.tour.opened()

    @property
    def chosen(self) -> Command | None:
        return self.rows.commands.get(self._table.cursor_key or "")

    @property
    def marked(self) -> str | None:
        """The id of the marked command; one can be marked."""
        return next(iter(self._table.marks.keys), None)

    def seek(self, command_id: str) -> None:
        """Put the cursor on this command as soon as it is listed, since the next key is meant for it."""
        self._sought = command_id
        self.request_read()

    @property
    def is_filtered(self) -> bool:
        """Whether the list may leave out a new command."""
        return bool(self._filtered.text or self._only)

    # Reading

    async def read(self) -> None:
        history, tenant, rows = self.state.program.history, self.state.tenant, self.rows
        await self._device_line.read()
        sought = self._sought
        page = await history.commands(tenant, device_ids=self.device_ids, wanted=self._wanted)
        self.state.clock.observe(page.read_at)
        rows.put_head(page)
        head = {command.command_id for command in page.commands}
        rest = [key for key in self._table.window() if key not in head and key in rows.commands]
        if rest:
            again = (await history.reread(tenant, rest)).commands
            rows.update(again)
            rows.drop(set(rest) - {c.command_id for c in again if self._still_matches(c)})
        if rows is self.rows:  # otherwise the filter has changed meanwhile, and these rows are outdated
            self._show_rows()
            if sought is not None and self._sought == sought:
                self._sought = None  # it is not listed: the cursor must not jump to it much later
            await self._detail.read()

    def _still_matches(self, command: Command) -> bool:
        now = self.state.clock.now()
        return matches(self._filtered.parsed, command_subject(command), now, only=LIVE_OF_COMMAND)

    async def read_next(self) -> None:
        """Read the next page; a search continues until it has found a row or reached the end.

        Raises:
            ConsoleError: the database did not answer.
        """
        rows, filtered = self.rows, self._wanted
        wanted = len(rows.order) + PAGE
        while rows is self.rows and rows.more and len(rows.order) < wanted:
            page = await self.state.program.history.commands(
                self.state.tenant, device_ids=self.device_ids, wanted=filtered, before=rows.end
            )
            rows.put_next(page)
            self._new_rows.at_once()
            if rows is self.rows:
                self._show_rows()
            if page.reached is None:
                break

    @property
    def _wanted(self) -> Filter:
        typed = self._filtered.parsed
        return replace(typed, terms=(*typed.terms, *self._only))

    # Showing

    def _loaded_words(self) -> dict[str, tuple[str, ...]]:
        return self.rows.words()

    def _cells(self, key: str) -> dict[str, Cell] | None:
        command = self.rows.commands.get(key)
        return None if command is None else command_cells(command, self.state.clock.now())

    def _show_rows(self) -> None:
        if self._sought is None and self._new_rows.wait(self._table, self.rows):
            self._table.repaint_changes()
            return
        filtered = self._filtered
        self._table.set_empty(nothing_listed(
            searching=self.rows.reached is not None, filtered=bool(filtered.text), clears=filtered.can_clear,
            only=bool(self._only), read_only=self.state.program.read_only,
        ))  # fmt: skip
        self._table.set_columns(columns_for(self.rows.commands.values(), of_one_device=self._of_one))
        self._table.set_keys(self.rows.order)
        if self._sought is not None and self._table.holds(self._sought):
            self._table.move_to(self._sought)
            self._sought = None
        self._table.repaint_changes()
        self._show_title()
        self._filtered.count(self._match_words())
        self._filtered.page_if_near_end()

    def _show_title(self) -> None:
        where = "All devices" if self.device_ids is None else devices_words(self.device_ids)
        if self._of and self._filtered.within_first:
            where = self._of
        (width, height), commands = self.app.size, self.rows.commands.values()
        plots = plots_line(commands, width)
        self._plots.show([plots] if plots else [])
        self._plots.display = plotted = bool(plots) and height >= _ROOMY
        self._show_strip()
        title = f"{where} › History"
        self._filtered.title.show(
            [history_line(title, commands, width, more=self.rows.more, plotted=plotted)]
        )

    def _show_strip(self) -> None:
        self._strip.show_rows(self.rows, self._table.cursor_key, self.state.clock.now())

    def _match_words(self) -> str:
        rows = self.rows
        words = f"{len(rows.order):,}{'+' if rows.more else ''} match"
        if rows.more and rows.reached is not None:
            words += f", searched back {coarse_age(self.state.clock.now() - rows.reached.created_at)}"
        return words

    def repaint(self) -> None:
        self._filtered.repaint(faded=not self.state.linked)
        self._detail.paint()
        self._show_strip()

    def on_resize(self) -> None:
        self._show_title()
        self._device_line.paint()
        self._detail.fill()

    @on(LineTable.CursorMoved)
    def _cursor_moved(self) -> None:
        self.refresh_chrome()
        self._show_strip()
        self._detail.follow_cursor()

    def _filter_changed(self) -> None:
        self.rows = HistoryRows()
        self._new_rows.at_once()
        self.request_read()

    # Actions

    def _open(self) -> None:
        if self.chosen is not None:
            self.post_message(ShowDetail(self.chosen.command_id))

    def _write_command(self) -> None:
        one = (self.chosen.device_id,) if self.chosen else ()
        self.post_message(ShowCompose(self.device_ids or one))

    def _export(self) -> None:
        self.post_message(ShowExport(self.device_ids, self._wanted))

    def _mark(self) -> None:
        if self._table.cursor_key is not None:
            self._table.marks.mark_one(self._table.cursor_key)
            self._table.repaint_changes()

    def go_to_bad(self, by: int) -> None:
        """Go to the next command that did not end well, by 1 to older ones and by -1 to newer ones."""
        rows, found = self.rows, self.rows.next_bad(self._table.cursor_key or "", by)
        if found is not None:
            self._table.move_to(found)
            return
        read_on = f" among the {len(rows.order):,} read so far: G reads on" if by > 0 and rows.more else ""
        self.say(f"No {'older' if by > 0 else 'newer'} command failed, was missed or expired{read_on}.")

    def _filter(self) -> None:
        self._filtered.open_filter()

    def _back(self) -> None:
        if self._filtered.clear_filter():
            return
        if self.marked is None:
            self.leave()
        else:
            self._table.marks.remove(self._table.marks.keys)
            self._table.repaint_changes()

    def _no_command(self) -> str | None:
        return self.on_command.no_command()

    def _no_target(self) -> str | None:
        nobody = not self.device_ids and self.chosen is None
        return "choose devices first, on the devices screen" if nobody else None

    def _filter_fault(self) -> str | None:
        return self._filtered.filter_fault

    ACTIONS: ClassVar[tuple[Action[Any], ...]] = (
        actions.open_row(_open, _no_command),
        actions.compose(_write_command, _no_target),
        *ON_COMMAND,
        DIFF,
        Action("mark_one", "space", "mark", "Mark one command, which d compares others with", ON_SCREEN_ONLY,
               _mark, _no_command),
        Action("next_bad", "n", "next not ok", "Go to the next older command that did not end well",
               ON_SCREEN_ONLY, lambda s: s.go_to_bad(1), _no_command, footer=16, shown_as="n N"),
        Action("previous_bad", "N", "previous not ok", "Go to the next newer command that did not end well",
               ON_SCREEN_ONLY, lambda s: s.go_to_bad(-1), _no_command),
        actions.filter_rows(_filter),
        *COPIES,
        actions.export(_export, _filter_fault),
        actions.BATCHES,
        actions.PROBLEMS,
        *actions.everywhere(actions.back(_back)),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(KIND, ACTIONS)
