"""What an operator should look at: answers that matched nothing, conflicts, refusals."""

from datetime import datetime
from functools import partial
from typing import ClassVar

from textual.binding import BindingType

from console.domain.events import Problem, ProblemKind
from console.domain.filters import Scope
from console.errors import ConsoleError
from console.tui.actions import bindings_for
from console.tui.background import start
from console.tui.desk import Desk
from console.tui.messages import ShowDetail
from console.tui.presenters.problems import COLUMNS, problem_cells, problem_key, problem_whom
from console.tui.presenters.times import full_instant
from console.tui.screens.newest import PAGE, Listing, NewestScreen
from console.tui.screens.text import TextDialog


def _place(problem: Problem) -> tuple[object, ...]:
    """The order of the pages, newest first."""
    return problem.last_at, problem.kind.value, problem.device_id, problem.key


class ProblemsScreen(NewestScreen[Problem]):
    """The newest problems of the tenant."""

    KIND = "problems"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("problems")

    def __init__(self, desk: Desk) -> None:
        super().__init__(
            desk,
            Listing(
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

    async def _page(self, text: str, before: Problem | None) -> tuple[Problem, ...]:
        return await self.desk.program.history.problems(self.desk.tenant, text, PAGE, before)

    def seen(self, at: datetime) -> None:
        self.desk.problems_seen[self.desk.tenant] = at

    def id_of(self, row: Problem) -> str:
        return row.command_id

    def open_row(self, row: Problem) -> None:
        start(self, partial(self._open, row), "open", exclusive=True)

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
