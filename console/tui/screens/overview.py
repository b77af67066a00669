"""The last hour at a glance: what ended how, minute by minute, the fleet, the worst, the newest commands.

Decided in docs/decisions/0088-the-overview.md
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from console.domain.commands import Command
from console.domain.devices import Device, DeviceCounts
from console.domain.overview import MINUTE, Overview, ended
from console.tui.keys.actions import ON_SCREEN_ONLY, Action, bindings_for
from console.tui.presenters.overview import View, minutes_shown, overview_lines
from console.tui.screens import actions
from console.tui.screens.base import FIRST_SCREEN, LEAST, ConsoleScreen
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowHistory
from console.tui.widgets.text import Lines

FIGURES_EVERY_S = 2.0  # as often as the workers count
MOST_CELLS = 1_000  # devices; a larger fleet is counted, not drawn
_FLEET_EVERY_S = 5.0
_FLEET_REST = 20  # times as long as reading the fleet took
_NEWEST = 60


def _kept(kept: int, counted: int) -> str:
    """Say so where fewer rows are kept than were counted; what was answered after all is not kept."""
    return f" ({kept:,} of {counted:,} kept)" if kept < counted else ""


class OverviewScreen(ConsoleScreen):
    """Shows figures that the workers count; it counts nothing itself."""

    KIND = "overview"
    READS_HEADLINE = False

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self._body = Lines(id="overview")
        self._figures: Overview | None = None
        self._newest: tuple[Command, ...] = ()
        self._counts: DeviceCounts | None = None
        self._fleet: tuple[Device, ...] | None = None
        self._fleet_due = self._figures_due = 0.0
        self.cursor: datetime | None = None

    def body(self) -> Iterable[Widget]:
        return (self._body,)

    def on_mount(self) -> None:
        self._body.can_focus = True
        self._body.focus()
        self.set_interval(FIGURES_EVERY_S, self.request_read)  # no hint says that something was counted

    async def read(self) -> None:
        program, tenant, clock = self.state.program, self.state.tenant, asyncio.get_running_loop().time
        if clock() >= self._figures_due:
            self._figures = figures = await program.figures.overview(tenant)
            self._figures_due = clock() + FIGURES_EVERY_S / 2
            self.state.headline = figures.headline if figures.freshness.has_worker else None
        page = await program.history.commands(tenant, limit=_NEWEST)
        self.state.clock.observe(page.read_at)
        self._newest = tuple(page.commands)
        if self._counts is None:
            self.repaint()  # the fleet may take a moment longer
        began = clock()
        if began >= self._fleet_due:
            await self._read_fleet()
            self._fleet_due = clock() + max(_FLEET_EVERY_S, _FLEET_REST * (clock() - began))

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
        if self._figures is None or width < LEAST[0] or height < LEAST[1]:
            return
        first = self._figures.columns(minutes_shown(width))[0].minute
        if self.cursor is not None:
            self.cursor = max(first, self.cursor)
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
        at = f"{self.cursor.astimezone(self.state.zone):%H:%M}"
        if not self._figures.bad_in(self.cursor):
            return f"nothing ended badly at {at}"
        gone = "what ended badly then was answered after all, or is no longer kept"
        return None if self._figures.ends_in(self.cursor) else f"{gone}: {at}"

    def _open(self) -> None:
        if self._figures is not None and self.cursor is not None:
            ends = self._figures.ends_in(self.cursor)
            at = f"{self.cursor.astimezone(self.state.zone):%H:%M}"
            of = f"Not ok at {at}{_kept(len(ends), self._figures.bad_in(self.cursor))}"
            self.post_message(ShowHistory(None, of=of, only=tuple(end.command_id for end in ends)))

    def _no_bad(self) -> str | None:
        return None if self._figures is not None and self._figures.ends else "nothing ended badly lately"

    def _open_bad(self) -> None:
        if self._figures is not None:
            ends = self._figures.ends
            only = tuple(end.command_id for end in ends)
            of = f"Not ok, last two hours{_kept(len(ends), ended(self._figures.minutes).bad)}"
            self.post_message(ShowHistory(None, of=of, only=only))

    def _back(self) -> None:
        if self.cursor is not None:
            self.cursor = None
            self.repaint()
            self.refresh_chrome()
        elif self.state.overview_first:
            self.say(FIRST_SCREEN)
        else:
            self.leave()

    @property
    def goes_back(self) -> bool:
        return self.cursor is not None or not self.state.overview_first

    def _back_label(self) -> str:
        return "back" if self.cursor is None else "whole chart"

    ACTIONS: ClassVar[tuple[Action[Any], ...]] = (
        Action("open", "enter", "open the minute", "Open what ended badly in the minute under the cursor",
               "device-console history --where FILTER", _open, _no_ends, footer=10),
        Action("bad", "exclamation_mark", "open all not ok", "Open all that ended badly in two hours",
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
