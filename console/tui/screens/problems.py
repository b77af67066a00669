"""What an operator should look at: answers that matched nothing, conflicts, refusals."""

from collections.abc import Iterable
from functools import partial
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from console.domain.events import Problem, ProblemKind
from console.domain.filters import Scope
from console.errors import ConsoleError
from console.tui.actions import bindings_for
from console.tui.background import start
from console.tui.copier import copy_text
from console.tui.desk import Desk
from console.tui.messages import ShowDetail
from console.tui.paged_rows import PagedRows
from console.tui.presenters.cells import Cell
from console.tui.presenters.problems import COLUMNS, problem_cells, problem_key, problem_whom
from console.tui.presenters.times import full_instant
from console.tui.presenters.words import counted
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.text import TextDialog
from console.tui.widgets.filter_bar import FilterBar
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines

_PAGE = 200
_NEAR_END = 60


def _place(problem: Problem) -> tuple[object, ...]:
    """The order of the pages, newest first."""
    return problem.last_at, problem.kind.value, problem.device_id, problem.command_id


class ProblemsScreen(ConsoleScreen):
    """The newest problems of the tenant."""

    KIND = "problems"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("problems")

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._problems: PagedRows[Problem] = PagedRows(problem_key, _place, _PAGE)
        self._paging = False
        self._title = Lines(id="title")
        self._filter = FilterBar(Scope.PROBLEMS, lambda: {"kind": tuple(ProblemKind)})
        self._table = LineTable(COLUMNS, self._cells, id="table")

    def body(self) -> Iterable[Widget]:
        return (self._title, self._filter, self._table)

    def on_mount(self) -> None:
        self._table.set_empty("Reading the problems…")
        self._table.focus()

    async def read(self) -> None:
        history, tenant = self.desk.program.history, self.desk.tenant
        newest = await history.commands(tenant, limit=1)
        self.desk.clock.observe(newest.read_at)
        problems = self._problems
        problems.put_head(await history.problems(tenant, self._filter.text, _PAGE))
        if not self._filter.text:
            self.desk.problems_seen[tenant] = newest.read_at
        if problems is self._problems:  # otherwise the filter has changed meanwhile
            self._show_rows()

    async def _read_next(self) -> None:
        """The page behind the last row."""
        problems, text = self._problems, self._filter.text
        try:
            page = await self.desk.program.history.problems(self.desk.tenant, text, _PAGE, problems.last)
            problems.put_next(page)
            if problems is self._problems:
                self._show_rows()
        except ConsoleError as error:
            self.say(str(error), "bad")
        finally:
            self._paging = False

    @on(LineTable.WindowMoved)
    def _window_moved(self) -> None:
        if self._problems.more and not self._paging and self._table.rows_below() < _NEAR_END:
            self._paging = True
            start(self, self._read_next, "page")

    def _show_rows(self) -> None:
        found = self._problems.rows
        self._table.set_empty(
            "No problem matches the filter. Press esc to clear it."
            if self._filter.text
            else "No problems: every answer matched its command. Press esc to go back."
        )
        self._table.set_keys(list(found))
        more = "the newest " if self._problems.more else ""
        self._title.show(
            [
                (
                    Cell(" Problems", "strong"),
                    Cell(f"   {more}{counted(len(found), 'problem')}"),
                )
            ]
        )
        self._filter.count(f"{len(found):,}{'+' if self._problems.more else ''} match")
        self._window_moved()

    def _cells(self, key: str) -> dict[str, Cell] | None:
        problem = self._problems.rows.get(key)
        return None if problem is None else problem_cells(problem, self.desk.clock.now())

    @property
    def _chosen(self) -> Problem | None:
        return self._problems.rows.get(self._table.cursor_key or "")

    def repaint(self) -> None:
        self._table.set_faded(faded=not self.desk.linked)
        self._table.repaint_changes()

    def reason(self, action_id: str) -> str | None:
        problem = self._chosen
        if action_id in {"open", "copy_id"} and problem is None:
            return "there is no problem here"
        if action_id == "copy_id" and problem is not None and not problem.command_id:
            return "this problem is about no command: there is no id"
        return None

    @on(LineTable.Opened)
    def action_open(self) -> None:
        problem = self._chosen
        if not self.refuse("open") and problem is not None:
            start(self, partial(self._open, problem), "open", exclusive=True)

    async def _open(self, problem: Problem) -> None:
        """The command when there is one; otherwise all that is known of the problem."""
        try:
            found = await self.desk.program.history.command(self.desk.tenant, problem.command_id)
        except ConsoleError as error:
            self.say(str(error), "bad")
            return
        if found is not None:
            self.post_message(ShowDetail(problem.command_id))
            return
        zone = self.desk.zone
        lines = [
            problem.detail,
            "",
            *problem_whom(problem),
        ]
        lines += [f"first    {full_instant(problem.first_at, zone)}"] if problem.first_at else []
        lines += [f"last     {full_instant(problem.last_at, zone)}"] if problem.last_at else []
        lines.append(f"times    {problem.count:,}")
        self.app.push_screen(TextDialog(problem.kind.value, "\n".join(lines)))

    def action_copy_id(self) -> None:
        problem = self._chosen
        if not self.refuse("copy_id") and problem is not None:
            copy_text(self, "the id", problem.command_id)

    def action_filter(self) -> None:
        self._filter.open()

    @on(FilterBar.Changed)
    def _filter_changed(self) -> None:
        self._problems = PagedRows(problem_key, _place, _PAGE)
        self.request_read()

    @on(FilterBar.Left)
    def _filter_left(self) -> None:
        self._table.focus()

    def action_back(self) -> None:
        if self._filter.text:
            self._filter.clear()
        else:
            self.dismiss(None)
