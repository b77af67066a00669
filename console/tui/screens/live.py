"""The newest commands on a whole screen, as they come: the newest on top, drawn at most every two seconds."""

import asyncio
from collections.abc import Iterable
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from console.domain.commands import Command
from console.tables.columns import Cell
from console.tui.keys.actions import Action, bindings_for
from console.tui.presenters.newest import newest_lines
from console.tui.screens import actions
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.clipboard import copy_text
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowDetail
from console.tui.widgets.text import Lines

EVERY_S = 2.0
_MOST = 200


class LiveScreen(ConsoleScreen):
    """Shows what is sent, and how it goes; a marked command keeps its mark while others come."""

    KIND = "live"

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self._title, self._body = Lines(id="title"), Lines(id="live")
        self._newest: tuple[Command, ...] = ()
        self._top = ""  # the id of the newest command that was drawn
        self._came = 0
        self._chosen = ""
        self._due = 0.0

    def body(self) -> Iterable[Widget]:
        return (self._title, self._body)

    def on_mount(self) -> None:
        self._body.can_focus = True
        self._body.focus()
        self.set_interval(EVERY_S, self.request_read)

    async def read(self) -> None:
        """Read the newest, unless they were read a moment ago: the next turn reads what came since."""
        clock = asyncio.get_running_loop().time
        if clock() < self._due:
            return
        page = await self.state.program.history.commands(self.state.tenant, limit=_MOST)
        self._due = clock() + EVERY_S * 0.9
        self.state.clock.observe(page.read_at)
        ids = [command.command_id for command in page.commands]
        self._came = ids.index(self._top) if self._top in ids else len(ids) if self._top else 0
        self._newest, self._top = tuple(page.commands), ids[0] if ids else ""

    def repaint(self) -> None:
        width, height = self.app.size.width, max(1, self._body.size.height)
        more = " or more" if self._came == _MOST else ""
        came = f"   +{self._came:,}{more}" if self._came else ""
        self._title.show([(Cell(" Live", "strong"), Cell(f"   the newest on top{came}", "dim"))])
        if self._newest:
            lines = newest_lines(self._newest, self._chosen, width, height, self.state.zone)
        else:
            lines = [(Cell(" Nothing has been sent yet. What is sent appears by itself.", "dim"),)]
        self._body.show(lines)

    def _shown(self) -> list[str]:
        return [command.command_id for command in self._newest][: max(1, self._body.size.height)]

    def action_row(self, by: int) -> None:
        """Mark the next command, or the one before; the first press marks the newest."""
        shown = self._shown()
        if not shown:
            return
        at = shown.index(self._chosen) + by if self._chosen in shown else 0
        self._chosen = shown[max(0, min(len(shown) - 1, at))]
        self.repaint()
        self.refresh_chrome()

    def _no_command(self) -> str | None:
        if not self._chosen:
            return "mark a command with ↑ and ↓ first"
        return None if self._chosen in self._shown() else "that command has left the screen: ↓ marks another"

    def _open(self) -> None:
        self.post_message(ShowDetail(self._chosen))

    def _copy(self) -> None:
        copy_text(self, "the id", self._chosen)

    def _back(self) -> None:
        if self._chosen:
            self._chosen = ""
            self.repaint()
            self.refresh_chrome()
        else:
            self.leave()

    def _back_label(self) -> str:
        return "no mark" if self._chosen else "back"

    ACTIONS: ClassVar[tuple[Action[Any], ...]] = (
        actions.open_row(_open, _no_command),
        actions.copy_id(_copy, _no_command),
        actions.BATCHES,
        actions.PROBLEMS,
        *actions.everywhere(actions.back(_back, _back_label)),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for(KIND, ACTIONS),
        Binding("up,k", "row(-1)", show=False),
        Binding("down,j", "row(1)", show=False),
        Binding("pageup", "row(-10)", show=False),
        Binding("pagedown", "row(10)", show=False),
        Binding("home,g", "row(-1000)", show=False),
        Binding("end,G", "row(1000)", show=False),
    ]
