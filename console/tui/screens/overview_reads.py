"""What the overview has read: each part as often as it may change, the hour, a day or a week."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from console.domain.commands import Command
from console.domain.devices import Device, DeviceCounts
from console.domain.filters.terms import EVERY_PROBLEM
from console.domain.overview import Overview, Range, Span, pieces_of
from console.domain.problem_groups import ProblemGroup, problem_groups
from console.tui.presenters.overview_view import minutes_shown
from console.tui.state.console_state import ConsoleState

FIGURES_EVERY_S = 2.0  # as often as the workers count
NEWEST_EVERY_S = 2.0  # a new command shifts all of them
SPAN_EVERY_S = 60.0
MOST_CELLS = 1_000  # devices; a larger fleet is counted, not drawn
_FLEET_EVERY_S = 5.0
_FLEET_REST = 20  # times as long as reading the fleet took
_NEWEST = 60
_PROBLEMS = 200  # the newest ones, of which those of a day are counted
_DAY = timedelta(days=1)


class OverviewReads:
    """Reads the parts, and keeps them; each read may raise ConsoleError.

    `fleet` is None where it has too many devices to draw; `span` is None while the hour is shown.
    """

    def __init__(self, state: ConsoleState, width: Callable[[], int]) -> None:
        """`width` returns how many columns the terminal has."""
        self._state, self._width = state, width
        self.figures: Overview | None = None
        self.newest: tuple[Command, ...] = ()
        self.counts: DeviceCounts | None = None
        self.fleet: tuple[Device, ...] | None = None
        self.span: Span | None = None
        self.problems: tuple[ProblemGroup, ...] = ()
        self.more_problems = False
        self.range = Range.HOUR
        self._asked: set[tuple[timedelta, int]] = set()
        self._fleet_due = self._figures_due = self._span_due = self._newest_due = 0.0

    def reach(self, wanted: Range) -> None:
        """Show the hour, the day or the week from the next read on."""
        self.range, self.span = wanted, None

    async def read(self, repaint: Callable[[], None]) -> None:
        """Read what is due; `repaint` shows the first parts before the fleet, which may take a moment."""
        state, clock = self._state, asyncio.get_running_loop().time
        if clock() >= self._figures_due:
            self.figures = figures = await state.program.figures.overview(state.tenant)
            self._figures_due = clock() + FIGURES_EVERY_S / 2
            state.headline = figures.headline if figures.freshness.has_worker else None
        await self.read_span()
        if clock() >= self._newest_due:
            page = await state.program.history.commands(state.tenant, limit=_NEWEST)
            state.clock.observe(page.read_at)
            self.newest, self._newest_due = tuple(page.commands), clock() + NEWEST_EVERY_S * 0.9
        if self.counts is None:
            repaint()
        began = clock()
        if began >= self._fleet_due:
            await self._read_fleet()
            await self._read_problems()
            self._fleet_due = clock() + max(_FLEET_EVERY_S, _FLEET_REST * (clock() - began))

    @property
    def awaited(self) -> Range | None:
        """The day or the week while it is read and the hour is still shown."""
        return self.range if self.range is not Range.HOUR and self.span is None else None

    async def read_span(self) -> None:
        """Read the day or the week if one is shown, again when its last column has grown.

        Reads do not wait for each other. Of several answers the one that was asked for last is kept, in
        whatever order they arrive.
        """
        clock, wanted = asyncio.get_running_loop().time, self._wanted()
        has_it = self.span is not None and (self.span.step, self.span.count) == wanted
        if wanted is None or wanted in self._asked or (has_it and clock() < self._span_due):
            return
        self._asked.add(wanted)
        try:
            found = await self._state.program.figures.span(self._state.tenant, *wanted)
        finally:
            self._asked.discard(wanted)
        if wanted == self._wanted():
            self.span, self._span_due = found, clock() + SPAN_EVERY_S

    def _wanted(self) -> tuple[timedelta, int] | None:
        """How long a column of the range is, and how many there are; None for the hour."""
        is_hour = self.range is Range.HOUR
        return None if is_hour else pieces_of(self.range, minutes_shown(self._width()))

    async def _read_fleet(self) -> None:
        history, tenant = self._state.program.history, self._state.tenant
        self.counts = counts = await history.device_counts(tenant)
        if counts.total <= MOST_CELLS:
            found = await history.devices(tenant, await history.device_index(tenant))
            self.fleet = tuple(found.values())
        else:
            self.fleet = None

    async def _read_problems(self) -> None:
        state = self._state
        found = await state.program.history.problems(state.tenant, EVERY_PROBLEM, _PROBLEMS)
        since = state.clock.now() - _DAY
        self.problems = problem_groups(found, since)
        self.more_problems = sum(group.count for group in self.problems) == _PROBLEMS
