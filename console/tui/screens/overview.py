"""The last hour, day or week at a glance: what ended how, the fleet, the worst, the newest commands.

Decided in docs/decisions/0088-the-overview.md
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from console.domain.commands import Command
from console.domain.devices import Device, DeviceCounts
from console.domain.figures import MinuteTotals, RecentEnd
from console.domain.overview import Overview, Range, Span, ended, pieces_of
from console.domain.text.safe import safe
from console.errors import ConsoleError
from console.tui.keys.actions import ON_SCREEN_ONLY, Action, bindings_for
from console.tui.presenters.overview import Tile, View, clock, minutes_shown, overview_lines
from console.tui.screens import actions
from console.tui.screens.base import FIRST_SCREEN, LEAST, ConsoleScreen
from console.tui.screens.overview_tiles import Tiles
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowFleet, ShowHistory
from console.tui.widgets.text import Lines

FIGURES_EVERY_S = 2.0  # as often as the workers count
SPAN_EVERY_S = 60.0
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
        self._fleet_due = self._figures_due = self._span_due = 0.0
        self._span: Span | None = None
        self._range = Range.HOUR
        self._tiles = Tiles()
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
        await self._read_span()
        page = await program.history.commands(tenant, limit=_NEWEST)
        self.state.clock.observe(page.read_at)
        self._newest = tuple(page.commands)
        if self._counts is None:
            self.repaint()  # the fleet may take a moment longer
        began = clock()
        if began >= self._fleet_due:
            await self._read_fleet()
            self._fleet_due = clock() + max(_FLEET_EVERY_S, _FLEET_REST * (clock() - began))

    async def _read_span(self) -> None:
        """Read the day or the week if one is shown, again when its last column has grown."""
        clock, wanted = asyncio.get_running_loop().time, self._range
        if wanted is Range.HOUR:
            return
        step, count = pieces_of(wanted, minutes_shown(self.app.size.width))
        has_it = self._span is not None and (self._span.step, self._span.count) == (step, count)
        if has_it and clock() < self._span_due:
            return
        found = await self.state.program.figures.span(self.state.tenant, step, count)
        if wanted is self._range:
            self._span, self._span_due = found, clock() + SPAN_EVERY_S

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
        view = self._view(self._figures)
        self.cursor = view.cursor
        self._body.show(overview_lines(view, *self._extent, self.state.zone))

    def _view(self, figures: Overview) -> View:
        """Return what is drawn; a cursor that the chart has left behind stands on its first column."""
        now, tiles = self.state.clock.now(), self._tiles
        view = View(
            figures, now, self._newest, self._counts, self._fleet, self.cursor, self._span, tiles.tile,
            tiles.chosen,
        )  # fmt: skip
        first = view.columns(self.app.size.width)[0].minute
        return view if self.cursor is None or self.cursor >= first else replace(view, cursor=first)

    # Actions

    def action_move(self, by: int) -> None:
        """Move the cursor by a column; the first press stands on the newest one."""
        if self._figures is None:
            return
        view = self._view(self._figures)
        shown = view.columns(self.app.size.width)
        at = shown[-1].minute if self.cursor is None else self.cursor + by * view.step
        self.cursor = max(shown[0].minute, min(shown[-1].minute, at))
        self._tiles.leave()
        self._show_cursor()

    def _show_cursor(self) -> None:
        self.repaint()
        self.refresh_chrome()

    def action_reach(self, by: int) -> None:
        """Show a longer or a shorter time."""
        ranges = list(Range)
        place = ranges.index(self._range) + by
        if not 0 <= place < len(ranges):
            self.say("A week is the longest." if by > 0 else "The hour is the shortest.")
            return
        self._range, self._span, self.cursor = ranges[place], None, None
        self.request_read()
        self._show_cursor()

    def _reach_label(self) -> str:
        return "hour/day/week"

    @property
    def _column(self) -> MinuteTotals | None:
        """The column under the cursor."""
        if self._figures is None or self.cursor is None:
            return None
        shown = self._view(self._figures).columns(self.app.size.width)
        return next((one for one in shown if one.minute == self.cursor), None)

    @property
    def _extent(self) -> tuple[int, int]:
        """The columns and rows that the tiles have."""
        width, height = self.app.size
        return width, max(1, self._body.size.height or height - 3)

    def _words(self) -> str:
        return self._tiles.words

    def action_tile(self, by: int) -> None:
        """Go to the next tile."""
        if self._figures is not None:
            self._tiles.go(by, self._view(self._figures), self._extent)
            self._show_cursor()

    def action_row(self, by: int) -> None:
        """Mark the next row of the tile."""
        if self._figures is not None:
            self._tiles.move(by, self._view(self._figures), self._extent)
            self._show_cursor()

    def _no_ends(self) -> str | None:
        if self._figures is not None and self._tiles.tile is not Tile.CHART:
            return self._tiles.why_not(self._view(self._figures), self._extent)
        column = self._column
        if column is None or self._figures is None:
            return "choose a column with ← and → first"
        step = self._view(self._figures).step
        at = clock(column.minute, step, self.state.zone)
        if not column.ended.bad:
            return f"nothing ended badly at {at}"
        gone = "what ended badly then was answered after all, or is no longer kept"
        return None if self._span or self._figures.ends_in(column.minute) else f"{gone}: {at}"

    def _open(self) -> None:
        if self._tiles.tile is not Tile.CHART:
            self.post_message(self._tiles.opens())
            return
        column = self._column
        if column is None or self._figures is None:
            return
        at = clock(column.minute, self._view(self._figures).step, self.state.zone)
        if self._span is None:
            self._show_ends(self._figures.ends_in(column.minute), column.ended.bad, f"at {at}")
        else:
            until = column.minute + self._span.step
            start(
                self, partial(self._read_ends, column.minute, until, column.ended.bad, f"from {at}"), "open"
            )

    async def _read_ends(self, since: datetime, until: datetime, bad: int, when: str) -> None:
        """Open what ended badly in a piece of a day or a week, as far as it is kept."""
        try:
            found = await self.state.program.figures.recent_ends(self.state.tenant, since, until=until)
        except ConsoleError as error:
            self.say(safe(error, 300), "bad")
            return
        if not self.still_here():
            return
        if found.value:
            self._show_ends(found.value, bad, when)
        else:
            self.say("What ended badly then was answered after all, or is no longer kept.", "warn")

    def _show_ends(self, ends: Sequence[RecentEnd], bad: int, when: str) -> None:
        only = tuple(end.command_id for end in ends)
        self.post_message(ShowHistory(None, of=f"Not ok {when}{_kept(len(ends), bad)}", only=only))

    def _no_bad(self) -> str | None:
        if self._span is not None:
            return None if ended(self._span.pieces).bad else f"nothing ended badly in the {self._range.value}"
        return None if self._figures and self._figures.ends else "nothing ended badly lately"

    def _open_bad(self) -> None:
        figures, span = self._figures, self._span
        if span is not None:
            until, bad = span.begin + span.step * span.count, ended(span.pieces).bad
            when = f"in the last {self._range.value}"
            start(self, partial(self._read_ends, span.begin, until, bad, when), "open")
        elif figures is not None:
            self._show_ends(figures.ends, ended(figures.minutes).bad, "in the last two hours")

    def _back(self) -> None:
        if self._tiles.leave():
            self._show_cursor()
        elif self.cursor is not None:
            self.cursor = None
            self._show_cursor()
        elif self.state.overview_first:
            self.say(FIRST_SCREEN)
        else:
            self.leave()

    @property
    def goes_back(self) -> bool:
        return self._back_label() != "back" or not self.state.overview_first

    def _back_label(self) -> str:
        if self._tiles.tile is not Tile.CHART:
            return "chart"
        return "back" if self.cursor is None else "whole chart"

    ACTIONS: ClassVar[tuple[Action[Any], ...]] = (
        Action("open", "enter", "open", "Open what ended badly in the column, or the marked row",
               "device-console history --where FILTER", _open, _no_ends, footer=10,
               label_now=_words),
        Action("tile", "tab", "tile", "Go on to the fleet, the worst, the newest commands; ↑ ↓ mark a row",
               ON_SCREEN_ONLY, lambda s: s.action_tile(1), footer=15),
        Action("bad", "exclamation_mark", "open all not ok",
               "Open all that ended badly in two hours, a day, a week",
               "device-console history --where FILTER", _open_bad, _no_bad, footer=11, shown_as="!"),
        Action("earlier", "left", "minute", "Move the cursor to the column before", ON_SCREEN_ONLY,
               lambda s: s.action_move(-1), footer=12, shown_as="← →"),
        Action("later", "right", "later", "Move the cursor to the column after", ON_SCREEN_ONLY,
               lambda s: s.action_move(1), shown_as="→"),
        Action("longer", "right_square_bracket", "longer", "Show the day, then the week", ON_SCREEN_ONLY,
               lambda s: s.action_reach(1), footer=13, shown_as="[ ]", label_now=_reach_label),
        Action("shorter", "left_square_bracket", "shorter", "Show the day, then the hour", ON_SCREEN_ONLY,
               lambda s: s.action_reach(-1), shown_as="["),
        Action("fleet", "F", "fleet", "The fleet on a whole screen, a cell a device",
               "device-console devices", lambda s: s.post_message(ShowFleet()), footer=14),
        actions.BATCHES,
        actions.PROBLEMS,
        *actions.everywhere(actions.back(_back, _back_label)),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for(KIND, ACTIONS),
        Binding("shift+tab", "tile(-1)", show=False),
        Binding("up,k", "row(-1)", show=False),
        Binding("down,j", "row(1)", show=False),
        Binding("home", "move(-1000)", show=False),
        Binding("end", "move(1000)", show=False),
    ]
