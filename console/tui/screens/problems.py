"""What an operator should look at: answers that matched nothing, conflicts, refusals, unroutable rows."""

from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Input

from console.domain.events import Problem
from console.tui.actions import bindings_for
from console.tui.presenters.rows import Cell, problem_cells
from console.tui.screens.base import WorkScreen
from console.tui.widgets.line_table import Column, LineTable

_COLUMNS = (
    Column("AGE", 5, right=True),
    Column("KIND", 16),
    Column("COUNT", 6, rank=1, right=True),
    Column("DEVICE", 13, rank=2),
    Column("COMMAND", 12, rank=3),
    Column("DETAIL", 24, flexible=True),
)


class ProblemsScreen(WorkScreen):
    """The newest problems of the tenant."""

    NAME = "problems"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("problems"))

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[Problem, ...] = ()

    def body(self) -> list[Widget]:
        return [LineTable(_COLUMNS, self._row, id="problems")]

    def _row(self, index: int) -> tuple[Cell, ...]:
        return problem_cells(self._rows[index], self.desk.now())

    def on_mount(self) -> None:
        super().on_mount()
        self.reload()

    async def read(self) -> None:
        """Read the newest problems again."""
        history, tenant_id, text = self.desk.program.history, self.desk.tenant_id, self.filter_text
        rows = await self.reading(lambda: history.problems(tenant_id, text))
        if rows is None:
            return
        self._rows = rows
        self.query_one(LineTable).show(len(rows))
        hint = "" if rows else "   none: every answer matched its command"
        self.title_parts([("Problems ", "bold"), (f"{len(rows):,}", ""), (hint, "good")])

    def tick(self) -> None:
        self.query_one(LineTable).refresh_changed()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "filter":
            self.reload()

    def on_line_table_selected(self) -> None:
        problem = self._rows[self.query_one(LineTable).cursor]
        if problem.command_id:
            self.console_app.open_detail(problem.command_id)
