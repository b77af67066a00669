"""The fold: turns events of what was sent and ended into figures, every two seconds while there are some.

It rests until it is woken: by the sweep of its process, and by the hint that follows every commit of answers
and publications, whichever process made it. An idle fleet is never asked about.

Decided in docs/decisions/0083-figures-are-folded.md
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from console.clock import Clock
from console.domain.histograms import Histogram
from console.errors import ConsoleError, UnreachableError
from console.services.counts import Counts

COMMANDS = 2_000  # of one transaction, where no single event has more
FOLD_EVERY_S = 2.0
WAITS = 5  # turns more, at most, for a sweep that is behind
KEEP_MINUTES = timedelta(days=8)
KEEP_HOURS = timedelta(days=400)
KEEP_SENT = 100_000  # events of sends, should nobody be able to count them
TRIM_EVERY_S = 3_600.0
_REST = 3.0  # of the time that a batch took
_TRIM_ROWS = 20_000  # of one transaction
_log = logging.getLogger("console.workers")


class FoldedBatch(Protocol):
    """One committed fold."""

    @property
    def commands(self) -> int: ...
    @property
    def is_over(self) -> bool: ...
    @property
    def answered(self) -> Histogram: ...


class Folds(Protocol):
    """What the folder needs of the database."""

    async def fold(self, commands: int) -> FoldedBatch: ...
    async def trim(self, minutes: timedelta, hours: timedelta, keep: int, most: int) -> int: ...


class Folder:
    """Any number may run at the same time: each takes the events that no other has taken.

    `woken` is set by whoever knows that there may be events. `is_behind` returns whether the sweep has more
    to do at once: it goes first, for up to ten seconds.
    """

    def __init__(
        self, folds: Folds, woken: asyncio.Event, is_behind: Callable[[], bool], counts: Counts, clock: Clock
    ) -> None:
        self._folds = folds
        self._is_behind = is_behind
        self._counts = counts
        self._clock = clock
        self._woken = woken
        self._trim_at = clock.monotonic()
        self._is_failing = False

    async def run(self) -> None:
        """Fold until cancelled. What fails is tried again: events wait, and the sweep goes on."""
        self._woken.set()  # for what was left behind at the last end
        while True:
            await self._woken.wait()
            await asyncio.sleep(FOLD_EVERY_S)  # what comes at once is settled first, and counted together
            for _ in range(WAITS):
                if self._is_behind():
                    await asyncio.sleep(FOLD_EVERY_S)
            self._woken.clear()
            try:
                await self.run_once()
                await self._trim_if_due()
                self._is_failing = False
            except ConsoleError as error:
                self._woken.set()
                self._report(error)

    def _report(self, error: ConsoleError) -> None:
        """Log the first of several failures; links that break are reported by whoever keeps them."""
        if not self._is_failing and not isinstance(error, UnreachableError):
            self._is_failing = True
            _log.warning("What ended is not counted for now: %s", error)

    async def run_once(self) -> int:
        """Fold all events, in committed batches; return how many commands they named.

        Between two batches it rests for three times as long as one took: who sweeps a backlog has most of the
        processor, and still 10,000 commands a second are counted.

        Raises:
            DatabaseUnreachableError: the link broke; committed batches stay.
        """
        commands = 0
        is_over = False
        while not is_over:
            began = self._clock.monotonic()
            batch = await self._folds.fold(COMMANDS)
            commands += batch.commands
            self._counts.folded(batch.answered)
            is_over = batch.is_over
            if not is_over:
                await asyncio.sleep(_REST * (self._clock.monotonic() - began))
        return commands

    async def _trim_if_due(self) -> None:
        if self._clock.monotonic() < self._trim_at:
            return
        while await self._folds.trim(KEEP_MINUTES, KEEP_HOURS, KEEP_SENT, _TRIM_ROWS) >= _TRIM_ROWS:
            pass
        self._trim_at = self._clock.monotonic() + TRIM_EVERY_S
