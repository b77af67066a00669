"""Two commands compared: params, answers, times, senders, the older left."""

from collections.abc import Iterable
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget

from console.domain.commands import Command
from console.tables.columns import Cell
from console.tui.keys.actions import ON_SCREEN_ONLY, Action, bindings_for
from console.tui.presenters.comparison import comparison_lines
from console.tui.presenters.compose import devices_words
from console.tui.screens import actions
from console.tui.screens.base import ConsoleScreen
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowDetail
from console.tui.widgets.text import Lines

_MARGIN = 5  # columns: padding and the scroll bar


class DiffScreen(ConsoleScreen):
    """Shows what differs, and updates it while one of the two is still open."""

    KIND = "diff"

    def __init__(self, state: ConsoleState, command_id: str, other_id: str, other: str = "") -> None:
        """`other` says in words which command it is compared with."""
        super().__init__(state)
        self._ids = (command_id, other_id)
        self._other = other
        self._pair: tuple[Command, Command] | None = None
        self._shows_all = False
        self._empty = "Reading both commands…"
        self._title = Lines(id="title")
        self._lines = Lines()

    def body(self) -> Iterable[Widget]:
        return (self._title, VerticalScroll(self._lines, id="diff"))

    def on_mount(self) -> None:
        self.query_one("#diff", VerticalScroll).focus()

    async def read(self) -> None:
        found = await self.state.program.history.whole_commands(self.state.tenant, self._ids)
        both = sorted(found.commands, key=lambda one: (one.created_at, one.command_id))
        self.state.clock.observe(found.read_at)
        self._pair = (both[0], both[-1]) if len({one.command_id for one in both}) == 2 else None
        if self._pair is None:
            self._empty = "One of the two commands does not exist any more. Press esc to go back."

    def repaint(self) -> None:
        now, width = self.state.clock.now(), self.app.size.width - _MARGIN
        if self._pair is None:
            self._title.show([(Cell(" Compare", "strong"),)])
            self._lines.show([(Cell(self._empty, "dim"),)])
            return
        older, newer = self._pair
        kinds = devices_words([newer.device_id])
        title = f" {kinds} › Compare" if older.device_id == newer.device_id else " Compare"
        self._title.show([(Cell(title, "strong"), Cell(f"   {self._other}", "dim"))])
        shown = comparison_lines(older, newer, now, width, self.state.zone, shows_all=self._shows_all)
        self._lines.show(shown)

    def action_scroll(self, by: int) -> None:
        self.query_one("#diff", VerticalScroll).scroll_relative(y=by, animate=False)

    def _toggle_all(self) -> None:
        self._shows_all = not self._shows_all
        self.repaint()

    def _toggle_label(self) -> str:
        return "only differences" if self._shows_all else "show all"

    def _no_pair(self) -> str | None:
        return "there are not two commands here" if self._pair is None else None

    def _open_newer(self) -> None:
        if self._pair is not None:
            self.post_message(ShowDetail(self._pair[1].command_id))

    ACTIONS: ClassVar[tuple[Action[Any], ...]] = (
        actions.open_row(_open_newer, _no_pair, lambda _: "the newer one"),
        Action("show_all", "equals_sign", "show all", "Show also what is the same in both commands",
               ON_SCREEN_ONLY, _toggle_all, footer=11, shown_as="=", label_now=_toggle_label),
        *actions.everywhere(actions.back()),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for(KIND, ACTIONS),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]
