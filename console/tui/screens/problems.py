"""What an operator should look at: answers that matched nothing, conflicts, refusals."""

from collections.abc import Iterable
from functools import partial
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from console.domain.events import Problem
from console.domain.filters import Scope
from console.errors import ConsoleError
from console.tui.actions import bindings_for
from console.tui.background import start
from console.tui.copier import copy_text
from console.tui.desk import Desk
from console.tui.messages import ShowDetail
from console.tui.presenters.cells import Cell
from console.tui.presenters.problems import COLUMNS, problem_cells, problem_key
from console.tui.presenters.times import full_instant
from console.tui.presenters.words import counted
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.text import TextDialog
from console.tui.widgets.filter_bar import FilterBar
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines

_LIMIT = 500


class ProblemsScreen(ConsoleScreen):
    """The newest problems of the tenant."""

    KIND = "problems"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("problems")

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._problems: dict[str, Problem] = {}
        self._title = Lines(id="title")
        self._filter = FilterBar(Scope.PROBLEMS)
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
        found = await history.problems(tenant, self._filter.text, _LIMIT)
        if not self._filter.text:
            self.desk.problems_seen[tenant] = newest.read_at
        self._problems = {problem_key(problem): problem for problem in found}
        self._table.set_empty(
            "No problem matches the filter. Press esc to clear it."
            if self._filter.text
            else "No problems: every answer matched its command. Press esc to go back."
        )
        self._table.set_keys(list(self._problems))
        more = f"the newest {_LIMIT} " if len(found) == _LIMIT else ""
        self._title.show(
            [
                (
                    Cell(" Problems", "strong"),
                    Cell(f"   {more}{counted(len(found), 'kind of problem', 'problems')}"),
                )
            ]
        )
        self._filter.count(f"{len(found):,} match")

    def _cells(self, key: str) -> dict[str, Cell] | None:
        problem = self._problems.get(key)
        return None if problem is None else problem_cells(problem, self.desk.clock.now())

    @property
    def _chosen(self) -> Problem | None:
        return self._problems.get(self._table.cursor_key or "")

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
            f"device   {problem.device_id}",
            f"command  {problem.command_id} (unknown)" if problem.command_id else "command  none",
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
        self.request_read()

    @on(FilterBar.Left)
    def _filter_left(self) -> None:
        self._table.focus()

    def action_back(self) -> None:
        if self._filter.text:
            self._filter.clear()
        else:
            self.dismiss(None)
