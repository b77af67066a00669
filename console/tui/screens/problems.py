"""What an operator should look at: answers that matched nothing, conflicts, refusals."""

from datetime import datetime
from functools import partial
from typing import ClassVar

from textual.binding import BindingType

from console.domain.events import Problem, ProblemKind
from console.domain.filters.language import Filter, Scope
from console.errors import ConsoleError
from console.tui.keys.actions import bindings_for
from console.tui.presenters.problems import COLUMNS, problem_cells, problem_key, problem_whom
from console.tui.presenters.times import full_instant
from console.tui.screens.dialogs.text import TextDialog
from console.tui.screens.paged_list import PAGE, ListSpec, NewestScreen
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowDetail


def _place(problem: Problem) -> tuple[object, ...]:
    """The order of the pages, newest first."""
    return problem.last_at, problem.kind.value, problem.device_id, problem.key


class ProblemsScreen(NewestScreen[Problem]):
    """The newest problems of the tenant."""

    KIND = "problems"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("problems")

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(
            state,
            ListSpec(
                scope=Scope.PROBLEMS,
                title="Problems",
                one="problem",
                many="problems",
                empty="No problems: every answer matched its command. Press esc to go back.",
                columns=COLUMNS,
                page=self._page,
                key=problem_key,
                place=_place,
                cells=problem_cells,
                values=lambda: {"kind": tuple(ProblemKind)},
            ),
        )

    async def _page(self, wanted: Filter, before: Problem | None) -> tuple[Problem, ...]:
        return await self.state.program.history.problems(self.state.tenant, wanted, PAGE, before)

    def seen(self, at: datetime) -> None:
        self.state.problems_seen[self.state.tenant] = at

    def id_of(self, row: Problem) -> str:
        return row.command_id

    def open_row(self, row: Problem) -> None:
        start(self, partial(self._open, row), "open", exclusive=True)

    async def _open(self, problem: Problem) -> None:
        """The command when there is one; otherwise all that is known of the problem."""
        try:
            found = await self.state.program.history.command(self.state.tenant, problem.command_id)
        except ConsoleError as error:
            self.say(str(error), "bad")
            return
        if found is not None:
            self.post_message(ShowDetail(problem.command_id))
            return
        zone = self.state.zone
        lines = [
            problem.detail,
            "",
            *problem_whom(problem),
        ]
        lines += [f"first    {full_instant(problem.first_at, zone)}"] if problem.first_at else []
        lines += [f"last     {full_instant(problem.last_at, zone)}"] if problem.last_at else []
        lines.append(f"times    {problem.count:,}")
        self.app.push_screen(TextDialog(problem.kind.value, "\n".join(lines)))
