"""The outbox relay: claim, publish, mark. The only path to the broker, whichever program wrote the row.

What is claimed next, what is in flight and what is recorded go on side by side.

Decided in docs/decisions/0001-outbox-with-leases.md
Decided in docs/decisions/0060-chains-and-pinned-plans.md
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from console.clock import Clock
from console.concurrency import end_all
from console.domain.dispatch import Claimed, Line, Results
from console.domain.events import Problem
from console.domain.pace import Pace
from console.errors import BrokerUnreachableError
from console.limits import MAX_PAYLOAD_BYTES
from console.services.counts import Counts
from console.services.flight import SIDE_BY_SIDE, Flight, Publishes
from console.services.held_commands import HeldCommands, OutboxStore

PUBACK_TIMEOUT_S = 10.0
LEASE_S = 15.0
WINDOW = 500
ADOPT_AFTER_S = 30.0
_POLL_S = 1.0
_SPACING_S = 0.02  # after a second empty read in a row, however often the dispatcher is woken
_FIRST_REST_S = 0.05
_CALM_S = 0.1  # without news after a window that was not full, before the time of the next is asked for
_ADOPT_EVERY_S = 2.0
_ADOPT_SHARE = 20.0  # looking for others' rows takes a twentieth of the time at most
_ADOPT_LIMIT = 5_000
_GATHER_S = 0.005  # of PUBACKs for one mark, while others are in flight
_FAREWELL_S = 0.5


class Problems(Protocol):
    """Where refusals are recorded."""

    async def record(self, problems: Sequence[Problem]) -> None: ...


@dataclass(frozen=True, slots=True)
class DispatchSettings:
    """Limits of the dispatcher. The lease is longer than the wait for a PUBACK: the rest is for beginning."""

    window: int = WINDOW
    lease_s: float = LEASE_S
    puback_timeout_s: float = PUBACK_TIMEOUT_S
    adopt_after_s: float = ADOPT_AFTER_S
    max_payload_bytes: int = MAX_PAYLOAD_BYTES


class Dispatcher:
    """One process's relay on one live link. Any number may run: leases keep them apart."""

    def __init__(
        self,
        outbox: OutboxStore,
        publisher: Publishes,
        problems: Problems,
        on_change: Callable[[str], None],
        clock: Clock,
        settings: DispatchSettings | None = None,
        counts: Counts | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._problems = problems
        self._on_change = on_change
        self._clock = clock
        self._settings = limits = settings or DispatchSettings()
        self._counts = counts or Counts()
        self._held = HeldCommands(outbox, clock, limits.lease_s, limits.puback_timeout_s)
        self._pace = pace
        self._flight = Flight(
            publisher, clock, self._held.tried, limits.lease_s, limits.puback_timeout_s, pace
        )
        self._wake = asyncio.Event()
        self._news = 0
        self._adopt_at = clock.monotonic()
        self._empty = 0
        self._was_empty = False
        self._ending = False
        self._is_over = False

    def wake(self) -> None:
        """Look for due commands now."""
        self._news += 1
        self._wake.set()

    def end(self) -> None:
        """Let `run` return once what is in flight is recorded, even if the link was closed.

        What waits behind it in chains is given back.
        """
        self._ending = True
        self._wake.set()
        self._flight.cut()

    async def run(self) -> None:
        """Relay until `end` is called.

        Leases are given back however this ends.

        Raises:
            BrokerUnreachableError: the link broke; open a new link and go on.
            DatabaseUnreachableError: leases expire by themselves.
        """
        claiming = asyncio.create_task(self._claim_all(), name="claim")
        recording = asyncio.create_task(self._record_all(claiming), name="record")
        watching = asyncio.create_task(self._watch_link(), name="link")
        try:
            await asyncio.wait((claiming, recording), return_when=asyncio.FIRST_COMPLETED)
            self.end()
            await asyncio.wait((recording,))
            recording.result()
            await claiming
        except asyncio.CancelledError:
            await self._take_leave(claiming, recording)
            raise
        finally:
            try:
                await end_all([claiming, recording, watching])
            finally:
                self._flight.close()
                await self._held.give_back()
        if self._flight.error is not None:
            raise self._flight.error

    async def _claim_all(self) -> None:
        """Claim whenever there is room, and rest while nothing is due."""
        while not self._is_ending:
            self._wake.clear()
            adopted = await self._adopt_if_due()
            await self._held.mark_again()
            asked = await self._room()
            if self._is_ending:
                return
            if not asked:
                continue
            lines = await self._claim(asked)
            if self._ending:
                return  # they are given back
            got = sum(len(line.commands) for line in lines)
            await self._publish(lines)
            if not adopted and (got == 0 or got < asked // 2):
                await self._rest(got)

    async def _room(self) -> int:
        """Wait until half of the window is free, and return how many to claim.

        With a pace that is what can go at once or within a tenth of a second: a lease must not run out while
        its command waits for its turn, nor keep it from being cancelled. It is 0 if there is no such room
        within a second.
        """
        flight, window, pace = self._flight, self._settings.window, self._pace
        await flight.until(lambda: flight.size <= window // 2 or self._is_ending)
        free = window - flight.size
        if pace is None or self._is_ending:
            return free
        if not pace.room(flight.waiting):
            with suppress(TimeoutError):
                async with asyncio.timeout(min(pace.room_in_s(flight.waiting), _POLL_S)):
                    await flight.until(lambda: self._is_ending)
        return min(window - flight.size, pace.room(flight.waiting))

    @property
    def _is_ending(self) -> bool:
        return self._ending or self._flight.error is not None

    async def _claim(self, limit: int) -> list[Line]:
        asked_at, news, chain = self._clock.monotonic(), self._news, self._flight.chain
        claimed = await self._held.claim(limit, self._settings.max_payload_bytes, chain)
        devices: dict[tuple[str, str], deque[Claimed]] = {}
        for command in claimed:
            devices.setdefault((command.tenant_id, command.device_id), deque()).append(command)
        return [
            Line(commands, asked_at, news, commands[0].there > len(commands)) for commands in devices.values()
        ]

    async def _publish(self, lines: Sequence[Line]) -> None:
        """Publish side by side; what broke the link before goes alone and harms no other."""
        suspects: list[Line] = []
        others: list[Line] = []
        for line in lines:
            is_suspect = any(command.attempt > SIDE_BY_SIDE for command in line.commands)
            (suspects if is_suspect else others).append(line)
        await self._flight.begin(others)
        for line in suspects:
            await self._flight.until(lambda: self._flight.size == 0)
            if self._is_ending:
                return  # they are given back
            await self._flight.begin([line])
        if suspects:
            await self._flight.until(lambda: self._flight.size == 0)

    async def _record_all(self, claiming: asyncio.Task[None]) -> None:
        """Record PUBACKs as they come; those of a few milliseconds together while others are in flight."""
        flight, recorded_at = self._flight, 0.0
        clock = asyncio.get_running_loop().time

        def is_over() -> bool:
            return self._is_over or (claiming.done() and flight.size == 0)

        claiming.add_done_callback(lambda _: flight.changed.set())
        while True:
            await flight.until(lambda: flight.has_results or is_over())
            if not flight.has_results:
                return
            if flight.size and not self._is_ending:
                await asyncio.sleep(max(0.0, recorded_at + _GATHER_S - clock()))
            await self._record(flight.take())
            recorded_at = clock()

    async def _record(self, results: Results) -> None:
        self._counts.published(results.confirmed, results.returned)
        if results.confirmed:
            await self._held.mark(results.confirmed)
        if results.problems:
            await self._problems.record(results.problems)
        await self._held.release(results.returned)
        for tenant_id in {c.tenant_id for c in results.confirmed} | {r.tenant_id for r in results.returned}:
            self._on_change(tenant_id)
        if results.returned or any(line.may_have_more or line.news != self._news for line in results.lines):
            self._wake.set()  # a command that waited for these may have its turn

    async def _watch_link(self) -> None:
        try:
            await self._publisher.until_lost()
        except BrokerUnreachableError as error:
            self._flight.fail(error)

    async def _take_leave(self, claiming: asyncio.Task[None], recording: asyncio.Task[None]) -> None:
        """Record the PUBACKs that are on their way, so that what the broker has is not published again."""
        self.end()
        await asyncio.wait((claiming, recording), timeout=_FAREWELL_S)
        self._is_over = True
        self._flight.changed.set()
        await asyncio.wait((recording,), timeout=_FAREWELL_S)

    async def _adopt_if_due(self) -> int:
        """Take over commands of other programs: as long as there are any, else at intervals."""
        began_at = self._clock.monotonic()
        if began_at < self._adopt_at:
            return 0
        adopted = await self._outbox.adopt(self._settings.adopt_after_s, _ADOPT_LIMIT)
        ended_at = self._clock.monotonic()
        rest_s = 0.0 if adopted else max(_ADOPT_EVERY_S, _ADOPT_SHARE * (ended_at - began_at))
        self._adopt_at = ended_at + rest_s
        return adopted

    async def _rest(self, got: int) -> None:
        """Wait until something may be due: at least briefly, ever longer while due rows cannot be claimed."""
        if got:
            self._empty, self._was_empty = 0, False
            if await self._is_woken(_CALM_S):
                return
        looked_at = self._clock.monotonic()
        due = await self._outbox.next_due()
        if due is None or due > 0:
            self._empty = 0
            wait_s = _POLL_S if due is None else min(max(due, 0.01), _POLL_S)
        elif got:
            return
        else:
            wait_s = min(_FIRST_REST_S * 2.0**self._empty, _POLL_S)
            self._empty = min(self._empty + 1, 5)
        await self._is_woken(wait_s)
        if self._was_empty and not got:
            await asyncio.sleep(max(0.0, _SPACING_S - (self._clock.monotonic() - looked_at)))
        self._was_empty = got == 0

    async def _is_woken(self, patience_s: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):  # wait_for of Python 3.11 can swallow a cancellation
                await self._wake.wait()
                return True
        return False
