"""What the overview has read: each part as often as it may change, the hour, a day or a week."""

import asyncio
from collections.abc import Callable

from console.domain.commands import Command
from console.domain.devices import Device, DeviceCounts
from console.domain.overview import Overview, Range, Span, pieces_of
from console.tui.presenters.overview import minutes_shown
from console.tui.state.console_state import ConsoleState

FIGURES_EVERY_S = 2.0  # as often as the workers count
SPAN_EVERY_S = 60.0
MOST_CELLS = 1_000  # devices; a larger fleet is counted, not drawn
_FLEET_EVERY_S = 5.0
_FLEET_REST = 20  # times as long as reading the fleet took
_NEWEST = 60


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
        self.range = Range.HOUR
        self._fleet_due = self._figures_due = self._span_due = 0.0

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
        await self._read_span()
        page = await state.program.history.commands(state.tenant, limit=_NEWEST)
        state.clock.observe(page.read_at)
        self.newest = tuple(page.commands)
        if self.counts is None:
            repaint()
        began = clock()
        if began >= self._fleet_due:
            await self._read_fleet()
            self._fleet_due = clock() + max(_FLEET_EVERY_S, _FLEET_REST * (clock() - began))

    async def _read_span(self) -> None:
        """Read the day or the week if one is shown, again when its last column has grown."""
        clock, wanted = asyncio.get_running_loop().time, self.range
        if wanted is Range.HOUR:
            return
        step, count = pieces_of(wanted, minutes_shown(self._width()))
        has_it = self.span is not None and (self.span.step, self.span.count) == (step, count)
        if has_it and clock() < self._span_due:
            return
        found = await self._state.program.figures.span(self._state.tenant, step, count)
        if wanted is self.range:
            self.span, self._span_due = found, clock() + SPAN_EVERY_S

    async def _read_fleet(self) -> None:
        history, tenant = self._state.program.history, self._state.tenant
        self.counts = counts = await history.device_counts(tenant)
        if counts.total <= MOST_CELLS:
            found = await history.devices(tenant, await history.device_index(tenant))
            self.fleet = tuple(found.values())
        else:
            self.fleet = None
