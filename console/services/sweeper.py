"""The sweep: settles overdue commands, missed when published, expired when not, at the next deadline."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from console.clock import Clock

BATCH = 5_000
BEGINNING = "-infinity"
KEEP_PROBLEMS = 5_000
_LONGEST_REST_S = 1.0
_BLOCKED_REST_S = 0.25
_TRIM_EVERY_S = 60.0


class SweptBatch(Protocol):
    """One committed batch."""

    @property
    def missed(self) -> int: ...
    @property
    def expired(self) -> int: ...
    @property
    def healed(self) -> int: ...
    @property
    def cursor(self) -> str | None: ...
    @property
    def lateness_s(self) -> float: ...


class Overdue(Protocol):
    """What the sweeper needs of the database."""

    async def sweep(self, cursor: str, limit: int) -> SweptBatch: ...
    async def next_deadline(self) -> float | None: ...
    async def trim_problems(self, keep: int) -> int: ...


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
    """Any number may run at the same time: rows that another holds are skipped."""

    def __init__(
        self, overdue: Overdue, on_swept: Callable[[Sweep], None], clock: Clock, batch: int = BATCH
    ) -> None:
        self._overdue = overdue
        self._on_swept = on_swept
        self._clock = clock
        self._batch = batch
        self._trim_at = clock.monotonic()
        self._blocked = 0

    async def run(self) -> None:
        """Sweep until cancelled.

        Raises:
            DatabaseUnreachableError: the link broke; committed batches stay.
        """
        while True:
            done = await self.run_once()
            await self._trim_if_due()
            if done.settled + done.healed == 0:
                await self._rest()
            else:
                self._blocked = 0

    async def run_once(self) -> Sweep:
        """Settle everything overdue, in committed batches.

        A tenant with many overdue commands is spread over several passes, so that the others need not wait.
        """
        total = Sweep()
        again = True
        while again:
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
        cursor: str | None = BEGINNING
        while cursor is not None:
            batch = await self._overdue.sweep(cursor, self._batch)
            batches += 1
            missed += batch.missed
            expired += batch.expired
            healed += batch.healed
            lateness_s = max(lateness_s, batch.lateness_s)
            cursor = batch.cursor
        return Sweep(missed, expired, lateness_s, healed), batches

    async def _rest(self) -> None:
        """Sleep until the next deadline, at most a second: other writers send no hints."""
        due = await self._overdue.next_deadline()
        if due is None:
            rest_s = _LONGEST_REST_S
        elif due <= 0:
            # locked, or under a live lease: wait ever longer, since many may be held for hours
            rest_s = min(_BLOCKED_REST_S * 2.0**self._blocked, _LONGEST_REST_S)
            self._blocked = min(self._blocked + 1, 5)
        else:
            rest_s = min(due, _LONGEST_REST_S)
        await asyncio.sleep(rest_s)

    async def _trim_if_due(self) -> None:
        if self._clock.monotonic() >= self._trim_at:
            self._trim_at = self._clock.monotonic() + _TRIM_EVERY_S
            await self._overdue.trim_problems(KEEP_PROBLEMS)
