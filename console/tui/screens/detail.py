"""One command on a screen of its own."""

import time
from collections.abc import Iterable
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from console.domain.commands import Command
from console.domain.history import Around, CommandDetail
from console.tables.columns import Cell
from console.tui.keys.actions import ON_SCREEN_ONLY, Action, bindings_for
from console.tui.presenters.detail import retry_link
from console.tui.screens import actions
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.command_actions import COPIES, ON_COMMAND, CommandActions
from console.tui.screens.comparing import DIFF, Comparing
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowCompose, ShowDetail
from console.tui.widgets.detail import DetailView
from console.tui.widgets.text import Lines

_AROUND_AGAIN_S = 10.0
_READING = "it is still being read"
_DELETED = "This command has been deleted meanwhile. Press esc to go back."
_MISSING = "There is no such command in this tenant. Press esc to go back."


class DetailScreen(ConsoleScreen):
    """Shows timeline, explanation, params and answer, and updates them."""

    KIND = "detail"

    def __init__(self, state: ConsoleState, command_id: str) -> None:
        super().__init__(state)
        self.on_command = CommandActions(self, lambda: self.chosen)
        self.comparing = Comparing(self, lambda: self.chosen)
        self._command_id = command_id
        self._detail: CommandDetail | None = None
        self._around: Around | None = None
        self._around_of = ("", 0.0)
        self._title = Lines(id="title")
        self._view = DetailView(id="detail")
        self._was_there = False
        self._empty = "Reading the command…"

    def body(self) -> Iterable[Widget]:
        return (self._title, self._view)

    def on_mount(self) -> None:
        self._title.show([(Cell(" Command › Detail", "strong"),)])
        self._view.focus()

    @property
    def chosen(self) -> Command | None:
        return self._detail.command if self._detail else None

    async def read(self) -> None:
        self._detail = await self.state.program.history.command(self.state.tenant, self._command_id)
        if self._detail is not None:
            self.state.clock.observe(self._detail.read_at)
            self._was_there = True
            await self._read_around(self._detail.command)
        else:
            self._empty = _DELETED if self._was_there else _MISSING

    async def _read_around(self, command: Command) -> None:
        """Read what the device got before and after it: rarely, since hardly any of that changes."""
        if self._around_of[0] == command.command_id and time.monotonic() < self._around_of[1]:
            return
        self._around = await self.state.program.history.around(self.state.tenant, command)
        self._around_of = (command.command_id, time.monotonic() + _AROUND_AGAIN_S)

    def repaint(self) -> None:
        self._view.show(self._detail, self.state.clock.now(), self._empty, self.state.zone, self._around)

    def action_scroll(self, by: int) -> None:
        self._view.scroll_relative(y=by, animate=False)

    def action_edge(self, side: int) -> None:
        if side < 0:
            self._view.scroll_home(animate=False)
        else:
            self._view.scroll_end(animate=False)

    def _no_old(self) -> str | None:
        linked = self._detail is not None and retry_link(self._detail) is not None
        return None if linked else "it is not a repeat of another command"

    def _open_old(self) -> None:
        old = retry_link(self._detail) if self._detail else None
        if old is not None:
            self.post_message(ShowDetail(old))

    def _no_older(self) -> str | None:
        if self._around is None:
            return _READING
        return None if self._around.older else "it is the oldest command of the device"

    def _no_newer(self) -> str | None:
        if self._around is None:
            return _READING
        return None if self._around.newer else "it is the newest command of the device"

    def _older(self) -> None:
        self._go_to(self._around.older if self._around else None)

    def _newer(self) -> None:
        self._go_to(self._around.newer if self._around else None)

    @property
    def command_id(self) -> str:
        """The command that is shown."""
        return self._command_id

    def _go_to(self, command_id: str | None) -> None:
        """Show another command in place of this one."""
        if command_id is not None:
            self._command_id, self._was_there, self._around = command_id, False, None
            self.request_read()

    def _can_fold(self) -> bool:
        return self._view.folds

    def _toggle_fold(self) -> None:
        self._view.toggle_fold()

    def _no_command(self) -> str | None:
        return self.on_command.no_command()

    def _write_command(self) -> None:
        if self.chosen is not None:
            self.post_message(ShowCompose((self.chosen.device_id,)))

    ACTIONS: ClassVar[tuple[Action[Any], ...]] = (
        actions.compose(_write_command, _no_command),
        *ON_COMMAND,
        DIFF,
        Action("older", "left_square_bracket", "older", "Show the command that the device got before it",
               ON_SCREEN_ONLY, _older, _no_older, footer=16, shown_as="["),
        Action("newer", "right_square_bracket", "newer", "Show the command that the device got after it",
               ON_SCREEN_ONLY, _newer, _no_newer, footer=16, shown_as="]"),
        Action("open_old", "o", "retried one", "Open the command that this one repeats", ON_SCREEN_ONLY,
               _open_old, _no_old),
        *COPIES,
        Action("fold", "f", "fold", "Show all of a long answer, or its beginning", ON_SCREEN_ONLY,
               _toggle_fold, footer=18, offered=_can_fold),
        *actions.everywhere(actions.back()),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for(KIND, ACTIONS),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
        Binding("G", "edge(1)", show=False),
        Binding("g", "edge(-1)", show=False),
    ]
