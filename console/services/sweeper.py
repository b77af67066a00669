"""The sweep: settles overdue commands, missed when published, expired when not, at the next deadline.

Decided in docs/decisions/0056-the-sweep-from-both-ends.md
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from console.clock import Clock

BATCH = 500  # an answer waits for one batch at most
KEEP_PROBLEMS = 5_000
KEEP_ENDED = 100_000  # rows, each of the ends of one tenant in one batch: should nobody be able to count them
KEEP_ENDED_S = 86_400.0
_LONGEST_REST_S = 1.0
_BLOCKED_REST_S = 0.01
_TRIM_EVERY_S = 60.0


class SweptBatch(Protocol):
    """One committed batch. `cursor` is where the pass goes on; the rest of it ends the pass."""

    @property
    def missed(self) -> int: ...
    @property
    def expired(self) -> int: ...
    @property
    def healed(self) -> int: ...
    @property
    def cursor(self) -> Any: ...
    @property
    def lateness_s(self) -> float: ...
    @property
    def due_s(self) -> float | None: ...
    @property
    def is_blocked(self) -> bool: ...


class Overdue(Protocol):
    """What the sweeper needs of the database."""

    async def sweep(self, cursor: Any, limit: int) -> SweptBatch: ...
    async def trim_problems(self, keep: int) -> int: ...
    async def trim_ended(self, keep: int, age_s: float) -> int: ...


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one pass settled, and the lateness of its oldest command.

    `healed` counts commands that were answered and whose status another program had reset: not settled here.
    """

    missed: int = 0
    expired: int = 0
    lateness_s: float = 0.0
    healed: int = 0

    @property
    def settled(self) -> int:
        return self.missed + self.expired


class Sweeper:
    """Any number may run at the same time: rows that another holds are skipped.

    `beginning` is where each pass begins. `is_behind`: a batch was full, and the next one follows at once.
    """

    def __init__(
        self,
        overdue: Overdue,
        beginning: Any,
        on_swept: Callable[[Sweep], None],
        clock: Clock,
        batch: int = BATCH,
    ) -> None:
        self._overdue = overdue
        self._beginning = beginning
        self._on_swept = on_swept
        self._clock = clock
        self._batch = batch
        self._trim_at = clock.monotonic()
        self._blocked = 0
        self._due_s: float | None = None
        self._is_blocked = False
        self.is_behind = False

    async def run(self) -> None:
        """Sweep until cancelled.

        Raises:
            DatabaseUnreachableError: the link broke; committed batches stay.
        """
        while True:
            done = await self.run_once()
            await self._trim_if_due()
            if done.settled + done.healed:
                self._blocked = 0
            await asyncio.sleep(self._rest_s())

    async def run_once(self) -> Sweep:
        """Settle everything overdue, in committed batches."""
        total = Sweep()
        again = True
        while again:  # a pass leaves behind what became overdue meanwhile
            done, batches = await self._pass()
            again = batches > 1 and done.settled + done.healed > 0
            total = Sweep(
                total.missed + done.missed,
                total.expired + done.expired,
                max(total.lateness_s, done.lateness_s),
                total.healed + done.healed,
            )
        self._on_swept(total)
        return total

    async def _pass(self) -> tuple[Sweep, int]:
        missed = expired = healed = batches = 0
        lateness_s = 0.0
        cursor = self._beginning
        while cursor is not None:
            batch = await self._overdue.sweep(cursor, self._batch)
            batches += 1
            missed += batch.missed
            expired += batch.expired
            healed += batch.healed
            lateness_s = max(lateness_s, batch.lateness_s)
            cursor = batch.cursor
            self._due_s, self._is_blocked = batch.due_s, batch.is_blocked
            self.is_behind = cursor is not None
        return Sweep(missed, expired, lateness_s, healed), batches

    def _rest_s(self) -> float:
        """Return the time until the next deadline, at most a second: other writers send no hints.

        What was passed by is looked at again soon, then ever later: an answer locks its row for
        milliseconds, somebody's open transaction for hours.
        """
        rest_s = _LONGEST_REST_S
        if self._due_s is not None:
            rest_s = max(0.0, min(self._due_s, rest_s))
        if self._is_blocked:
            rest_s = min(rest_s, _BLOCKED_REST_S * 2.0**self._blocked)
            self._blocked = min(self._blocked + 1, 7)
        return rest_s

    async def _trim_if_due(self) -> None:
        if self._clock.monotonic() >= self._trim_at:
            self._trim_at = self._clock.monotonic() + _TRIM_EVERY_S
            await self._overdue.trim_problems(KEEP_PROBLEMS)
            await self._overdue.trim_ended(KEEP_ENDED, KEEP_ENDED_S)
