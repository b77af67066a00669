"""Problems: answers that match no command, conflicts, refusals and broken links."""

from functools import partial
from typing import Any, ClassVar

from textual.binding import BindingType

from console.domain.events import Problem, ProblemKind
from console.domain.filters.language import Filter, Scope
from console.errors import ConsoleError
from console.tui.keys.actions import Action, bindings_for
from console.tui.presenters.problems import COLUMNS, problem_cells, problem_key, problem_whom
from console.tui.presenters.times import full_instant
from console.tui.screens import actions
from console.tui.screens.clipboard import copy_text
from console.tui.screens.dialogs.text import TextDialog
from console.tui.screens.paged_list import PAGE, ListSpec, PagedScreen
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowDetail


def _sort_key(problem: Problem) -> tuple[object, ...]:
    """Return a key that sorts problems as the pages do, newest first."""
    return problem.last_at, problem.kind.value, problem.device_id, problem.key


class ProblemsScreen(PagedScreen[Problem]):
    """The newest problems of the tenant."""

    KIND = "problems"

    def __init__(self, state: ConsoleState, text: str = "") -> None:
        """`text` is the first filter."""
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
                sort_key=_sort_key,
                cells=problem_cells,
                values=lambda: {"kind": tuple(ProblemKind)},
                text=text,
            ),
        )

    async def read(self) -> None:
        seen_until = await self.listed.read()
        if seen_until is not None:
            self.state.problems_seen[self.state.tenant] = seen_until

    async def _page(self, wanted: Filter, before: Problem | None) -> tuple[Problem, ...]:
        return await self.state.program.history.problems(self.state.tenant, wanted, PAGE, before)

    async def _open(self, problem: Problem) -> None:
        """Show the command if there is one, otherwise the whole problem."""
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

    def _no_id(self) -> str | None:
        problem = self.listed.chosen
        if problem is not None and not problem.command_id:
            return "this problem is not about a command: there is no id"
        return self.no_row()

    def _open_row(self) -> None:
        if self.listed.chosen is not None:
            start(self, partial(self._open, self.listed.chosen), "open", exclusive=True)

    def _copy_id(self) -> None:
        if self.listed.chosen is not None:
            copy_text(self, "the id", self.listed.chosen.command_id)

    ACTIONS: ClassVar[tuple[Action[Any], ...]] = (
        actions.open_row(_open_row, PagedScreen.no_row),
        actions.filter_rows(PagedScreen.open_filter),
        actions.copy_id(_copy_id, _no_id),
        *actions.everywhere(actions.back(PagedScreen.go_back)),
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(KIND, ACTIONS)
