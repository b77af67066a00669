"""The last hour at a glance: what ended how, minute by minute, the fleet, the worst, the newest commands.

Decided in docs/decisions/0088-the-overview.md
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from console.domain.commands import Command
from console.domain.devices import Device, DeviceCounts
from console.domain.overview import MINUTE, Overview
from console.tui.keys.actions import ON_SCREEN_ONLY, Action, bindings_for
from console.tui.presenters.overview import View, minutes_shown, overview_lines
from console.tui.screens import actions
from console.tui.screens.base import ConsoleScreen
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowHistory
from console.tui.widgets.text import Lines

SPAN = timedelta(hours=2)
MOST_CELLS = 1_000  # devices; a larger fleet is counted, not drawn
_FLEET_EVERY_S = 5.0
_NEWEST = 60


class OverviewScreen(ConsoleScreen):
    """Shows figures that the workers count; it counts nothing itself."""

    KIND = "overview"

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self._body = Lines(id="overview")
        self._figures: Overview | None = None
        self._newest: tuple[Command, ...] = ()
        self._counts: DeviceCounts | None = None
        self._fleet: tuple[Device, ...] | None = None
        self._fleet_due = 0.0
        self.cursor: datetime | None = None

    def body(self) -> Iterable[Widget]:
        return (self._body,)

    def on_mount(self) -> None:
        self._body.can_focus = True
        self._body.focus()

    async def read(self) -> None:
        program, tenant = self.state.program, self.state.tenant
        figures = await program.figures.overview(tenant, SPAN)
        page = await program.history.commands(tenant, limit=_NEWEST)
        self.state.clock.observe(page.read_at)
        moment = asyncio.get_running_loop().time()
        if moment >= self._fleet_due:
            self._fleet_due = moment + _FLEET_EVERY_S
            await self._read_fleet()
        self._figures, self._newest = figures, tuple(page.commands)
        self.state.headline = figures.headline if figures.freshness.has_worker else None

    async def _read_fleet(self) -> None:
        history, tenant = self.state.program.history, self.state.tenant
        self._counts = counts = await history.device_counts(tenant)
        if counts.total <= MOST_CELLS:
            found = await history.devices(tenant, await history.device_index(tenant))
            self._fleet = tuple(found.values())
        else:
            self._fleet = None

    def repaint(self) -> None:
        width, height = self.app.size
        if self._figures is None:
            self._body.show([()])
            return
        view = View(
            self._figures, self.state.clock.now(), self._newest, self._counts, self._fleet, self.cursor
        )
        self._body.show(
            overview_lines(view, width, max(1, self._body.size.height or height - 3), self.state.zone)
        )

    # Actions

    def _move(self, by: int) -> None:
        """Move the cursor by a minute; the first press stands on the newest minute."""
        if self._figures is None:
            return
        shown = self._figures.columns(minutes_shown(self.app.size.width))
        at = shown[-1].minute if self.cursor is None else self.cursor + by * MINUTE
        self.cursor = max(shown[0].minute, min(shown[-1].minute, at))
        self.repaint()
        self.refresh_chrome()

    def action_move(self, by: int) -> None:
        self._move(by)

    def _no_ends(self) -> str | None:
        if self._figures is None or self.cursor is None:
            return "choose a minute with ← and → first"
        if not self._figures.ends_in(self.cursor):
            return f"nothing ended badly at {self.cursor.astimezone(self.state.zone):%H:%M}"
        return None

    def _open(self) -> None:
        if self._figures is not None and self.cursor is not None:
            ends = self._figures.ends_in(self.cursor)
            of = f"Not ok at {self.cursor.astimezone(self.state.zone):%H:%M}"
            self.post_message(ShowHistory(None, of=of, only=tuple(end.command_id for end in ends)))

    def _no_bad(self) -> str | None:
        return None if self._figures is not None and self._figures.ends else "nothing ended badly lately"

    def _open_bad(self) -> None:
        if self._figures is not None:
            ends = self._figures.ends
            only = tuple(end.command_id for end in ends)
            self.post_message(ShowHistory(None, of="Not ok, last two hours", only=only))

    def _back(self) -> None:
        if self.cursor is None:
            self.leave()
        else:
            self.cursor = None
            self.repaint()
            self.refresh_chrome()

    def _back_label(self) -> str:
        return "back" if self.cursor is None else "whole chart"

    ACTIONS: ClassVar[tuple[Action[Any], ...]] = (
        Action("open", "enter", "open the minute", "Open what ended badly in the minute under the cursor",
               "device-console history --where FILTER", _open, _no_ends, footer=10),
        Action("bad", "exclamation_mark", "not ok", "Open all that ended badly in the last two hours",
               "device-console history --where FILTER", _open_bad, _no_bad, footer=11, shown_as="!"),
        Action("earlier", "left", "minute", "Move the cursor to the minute before", ON_SCREEN_ONLY,
               lambda s: s.action_move(-1), footer=12, shown_as="← →"),
        Action("later", "right", "later", "Move the cursor to the minute after", ON_SCREEN_ONLY,
               lambda s: s.action_move(1), shown_as="→"),
        actions.BATCHES,
        actions.PROBLEMS,
        *actions.everywhere(actions.back(_back, _back_label)),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for(KIND, ACTIONS),
        Binding("home", "move(-1000)", show=False),
        Binding("end", "move(1000)", show=False),
    ]
