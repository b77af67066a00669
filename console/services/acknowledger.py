"""Acknowledgements: read, classify, commit in batches, and only then confirm them to the broker.

While one batch commits, the next one is read, so that neither database nor processor waits for the other; one
commit is in flight at a time, because of two the later could win. Decided in
docs/decisions/0058-answers-in-two-steps.md
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from console.clock import Clock
from console.concurrency import end_all
from console.domain.acks import PROGRESS_WORDS, Acknowledgement, LateAck, Outcome, RawAck
from console.domain.events import Problem, ProblemKind
from console.errors import DataRefusedError, RowsLockedError
from console.limits import MAX_ACK_BYTES
from console.retry import ANSWERS
from console.services.ack_problems import ProblemLimiter, follow_up
from console.services.ack_reader import AckReader, ReadBatch
from console.services.counts import Counts

T = TypeVar("T")

BATCH = 500
FULL_BYTES = 1_048_576
_WARY_S = 30.0
_FAREWELL_S = 0.5


class Stream(Protocol):
    """Where acknowledgements come from."""

    async def batch(self, limit: int) -> tuple[RawAck, ...]: ...
    async def acknowledge(self, messages: Sequence[RawAck]) -> None: ...


class Settlement(Protocol):
    """What the acknowledger needs of the database."""

    async def acknowledge(
        self, acks: Sequence[Acknowledgement], problems: Sequence[Problem], late_ack: LateAck
    ) -> tuple[Outcome, ...]: ...
    async def keep_locked(self, acks: Sequence[Acknowledgement]) -> frozenset[int]: ...
    async def record(self, problems: Sequence[Problem]) -> None: ...


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What one batch did."""

    received: int
    applied: int
    problems: int


class Acknowledger:
    """One process's ingest on one live link."""

    def __init__(
        self,
        stream: Stream,
        settlement: Settlement,
        on_change: Callable[[str], None],
        clock: Clock,
        *,
        late_ack: LateAck = LateAck.ACCEPT,
        max_ack_bytes: int = MAX_ACK_BYTES,
        progress: frozenset[str] = PROGRESS_WORDS,
        counts: Counts | None = None,
    ) -> None:
        self._stream = stream
        self._settlement = settlement
        self._on_change = on_change
        self._late_ack = late_ack
        self._clock = clock
        self._limiter = ProblemLimiter(clock)
        self._counts = counts or Counts()
        self._reader = AckReader(clock, self._limiter, max_ack_bytes=max_ack_bytes, progress=progress)
        self._locked_until: dict[str, float] = {}
        self._next = ReadBatch()
        self._has_read, self._has_room = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """Process batches until cancelled.

        Raises:
            BrokerUnreachableError: the link broke, and what had come before is committed; what was not
                confirmed to the broker comes again.
        """
        reading = asyncio.create_task(self._keep_reading(), name="reading of answers")
        reading.add_done_callback(lambda _: self._has_read.set())
        try:
            while True:
                await self._settle_whole(await self._read_ahead(reading))
        finally:
            await end_all([reading])

    async def run_once(self) -> Acknowledged:
        """Take the messages received so far, commit them, and confirm them to the broker."""
        return await self._settle(await self._reader.read(await self._stream.batch(BATCH)))

    async def _settle_whole(self, batch: ReadBatch) -> None:
        """Settle a batch; one that is under way at a cancellation may end: else it comes again, as copies."""
        settling = asyncio.create_task(self._settle(batch), name="settling of answers")
        try:
            await asyncio.shield(settling)
        except asyncio.CancelledError:
            await asyncio.wait({settling}, timeout=_FAREWELL_S)
            await end_all([settling])
            raise

    async def _keep_reading(self) -> None:
        """Add what comes to the next batch, until it is full: the rest stays in the stream."""
        while True:
            while len(self._next.messages) >= BATCH or self._next.size >= FULL_BYTES:
                self._has_room.clear()
                await self._has_room.wait()
            messages = await self._stream.batch(BATCH - len(self._next.messages))
            read = await self._reader.read(messages)  # other tasks run: the next batch may be another one now
            self._next.add(read)
            self._has_read.set()

    async def _read_ahead(self, reading: asyncio.Task[None]) -> ReadBatch:
        """Return all that was read since the last batch, once there is any.

        Raises:
            BrokerUnreachableError: nothing more will come.
        """
        while not self._next.messages:
            if reading.done():
                reading.result()
            self._has_read.clear()
            await self._has_read.wait()
        batch, self._next = self._next, ReadBatch()
        self._has_room.set()
        return batch

    async def _settle(self, batch: ReadBatch) -> Acknowledged:
        outcomes = await self._commit(batch.acks, batch.problems)
        self._counts.answered(outcomes, batch.problems)
        problems_after = [
            problem if not problem.device_id else self._limiter.limited(problem)
            for ack, outcome in zip(batch.acks, outcomes, strict=True)
            if outcome is not Outcome.ACKED
            for problem in follow_up(ack, outcome)
        ]
        if problems_after:
            await self._until_up(lambda: self._settlement.record(problems_after))
        await self._stream.acknowledge(batch.messages)
        for tenant_id in {ack.tenant_id for ack in batch.acks} | {p.tenant_id for p in batch.problems}:
            self._on_change(tenant_id)
        applied = sum(outcome in {Outcome.ACKED, Outcome.LATE} for outcome in outcomes)
        return Acknowledged(len(batch.messages), applied, len(batch.problems) + len(problems_after))

    async def _commit(self, acks: list[Acknowledgement], problems: list[Problem]) -> tuple[Outcome, ...]:
        """Commit; halve the batch around a row that PostgreSQL refuses, so that one cannot stop the rest."""
        now = self._clock.monotonic()
        suspects = [p for p, ack in enumerate(acks) if self._locked_until.get(ack.tenant_id, 0.0) > now]
        kept = await self._keep_locked(acks, suspects)
        while not kept:
            try:
                return await self._until_up(
                    lambda: self._settlement.acknowledge(acks, problems, self._late_ack), tell_locked=True
                )
            except RowsLockedError:
                kept = await self._keep_locked(acks, range(len(acks)))
                if not kept:  # the lock is gone by now, or is not on a row
                    await asyncio.sleep(ANSWERS.delay_s(0))
            except DataRefusedError as error:
                return await self._commit_halves(acks, problems, error)
        free = [ack for place, ack in enumerate(acks) if place not in kept]
        rest = iter(await self._commit(free, problems))
        return tuple(Outcome.KEPT if place in kept else next(rest) for place in range(len(acks)))

    async def _commit_halves(
        self, acks: list[Acknowledgement], problems: list[Problem], error: DataRefusedError
    ) -> tuple[Outcome, ...]:
        if len(acks) > 1:
            half = len(acks) // 2
            first = await self._commit(acks[:half], problems)
            return first + await self._commit(acks[half:], [])
        refused = [
            Problem(
                a.tenant_id,
                ProblemKind.MALFORMED_ACK,
                a.device_id,
                a.command_id,
                f"{error} {a.ack_json}"[:1_000],
            )
            for a in acks
        ]
        await self._until_up(lambda: self._settlement.record([*problems, *refused]))
        return tuple(Outcome.REFUSED for _ in acks)

    async def _keep_locked(self, acks: Sequence[Acknowledgement], places: Sequence[int]) -> frozenset[int]:
        """Store the answers at `places` whose commands are locked, to be applied later; return their places.

        For a while, answers of their tenants are kept without waiting for the lock first.
        """
        if not places:
            return frozenset()
        found = await self._until_up(lambda: self._settlement.keep_locked([acks[place] for place in places]))
        kept = frozenset(places[place] for place in found)
        until = self._clock.monotonic() + _WARY_S
        self._locked_until |= {acks[place].tenant_id: until for place in kept}
        return kept

    async def _until_up(self, act: Callable[[], Awaitable[T]], *, tell_locked: bool = False) -> T:
        """Repeat `act` while the database is down: nothing is confirmed, and the broker keeps the rest."""
        return await ANSWERS.run(
            act, gives_up=lambda error: tell_locked and isinstance(error, RowsLockedError)
        )
