"""The outbox relay: claim, publish, mark. The only path to the broker, whichever program wrote the row.

Decided in docs/decisions/0001-outbox-with-leases.md
"""

import asyncio
import math
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from console.clock import Clock
from console.domain.dispatch import Claimed, Confirmed, Returned
from console.domain.events import Problem, ProblemKind
from console.domain.publication import Puback
from console.domain.reasons import Outcome
from console.errors import BrokerUnreachableError, ConsoleError
from console.limits import MAX_PAYLOAD_BYTES, MAX_TTL
from console.services.held_commands import HeldCommands, OutboxStore
from console.wire.payloads import encode_command
from console.wire.topics import TopicError, ack_topic, command_topic

PUBACK_TIMEOUT_S = 10.0
LEASE_S = 15.0
WINDOW = 64
ADOPT_AFTER_S = 30.0
_POLL_S = 1.0
_SPACING_S = 0.02  # between two empty reads, however often the dispatcher is woken
_FIRST_REST_S = 0.05
_ADOPT_EVERY_S = 2.0
_ADOPT_SHARE = 20.0  # taking over others' rows takes a twentieth of the time at most
_FAREWELL_S = 0.5
_MIN_LEFT_S = 1.0
_SIDE_BY_SIDE = 2  # attempts together with others; after two broken links a command is tried alone
_UNROUTABLE_FOR_S = MAX_TTL.total_seconds()  # it is settled at its deadline


class Publishes(Protocol):
    """What the dispatcher needs of the broker."""

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        answer_to: str,
        command_id: str,
        expiry_s: int | None,
        timeout_s: float,
    ) -> Puback: ...


class Problems(Protocol):
    """Where refusals are recorded."""

    async def record(self, problems: Sequence[Problem]) -> None: ...


@dataclass(frozen=True, slots=True)
class DispatchSettings:
    """Limits of the dispatcher. The lease outlives the longest wait for a PUBACK."""

    window: int = WINDOW
    lease_s: float = LEASE_S
    puback_timeout_s: float = PUBACK_TIMEOUT_S
    adopt_after_s: float = ADOPT_AFTER_S
    max_payload_bytes: int = MAX_PAYLOAD_BYTES


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What one round did."""

    claimed: int = 0
    published: int = 0
    returned: int = 0


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
    ) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._problems = problems
        self._on_change = on_change
        self._clock = clock
        self._settings = settings or DispatchSettings()
        self._held = HeldCommands(outbox, clock, self._settings.lease_s, self._settings.puback_timeout_s)
        self._wake = asyncio.Event()
        self._adopt_at = clock.monotonic()
        self._empty = 0
        self._link_error: BrokerUnreachableError | None = None
        self._ending = False

    def wake(self) -> None:
        """Look for due commands now."""
        self._wake.set()

    def end(self) -> None:
        """Let `run` return after this round: the PUBACKs are recorded, even if the link was closed."""
        self._ending = True
        self._wake.set()

    async def run(self) -> None:
        """Relay until `end` is called.

        Leases are given back however this ends.

        Raises:
            BrokerUnreachableError: the link broke; open a new link and go on.
            DatabaseUnreachableError: leases expire by themselves.
        """
        try:
            while not self._ending:
                self._wake.clear()
                await self._adopt_if_due()
                await self._held.mark_again()
                done = await self.run_once()
                if done.claimed == 0:
                    await self._rest()
                else:
                    self._empty = 0
        finally:
            await self._held.give_back()

    async def run_once(self) -> Dispatched:
        """Claim one window of due commands, publish them concurrently, and record every PUBACK."""
        asked_at = self._clock.monotonic()
        limits = self._settings
        claimed = await self._held.claim(limits.window, limits.max_payload_bytes)
        if not claimed:
            return Dispatched()
        published, returned = await self._publish_in_turns(claimed, asked_at)
        for tenant_id in {command.tenant_id for command in claimed}:
            self._on_change(tenant_id)
        if self._link_error is not None:
            error, self._link_error = self._link_error, None
            raise error
        return Dispatched(len(claimed), published, returned)

    async def _publish_in_turns(self, claimed: Sequence[Claimed], asked_at: float) -> tuple[int, int]:
        """Publish concurrently; a command that broke the link before goes alone and harms no other."""
        suspects = [command for command in claimed if command.attempt > _SIDE_BY_SIDE]
        turns = [
            [command for command in claimed if command.attempt <= _SIDE_BY_SIDE],
            *([c] for c in suspects),
        ]
        published = returned = 0
        for turn in turns:
            if self._link_error is not None:
                await self._held.release([self._back(c, "the link broke", 0.0) for c in turn])
                returned += len(turn)
                continue
            confirmed, back = await self._publish_all(turn, asked_at)
            published += confirmed
            returned += back
        return published, returned

    async def _publish_all(self, claimed: Sequence[Claimed], asked_at: float) -> tuple[int, int]:
        waiting = {asyncio.create_task(self._publish(command, asked_at)) for command in claimed}
        published = returned = 0
        try:
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                marked, back = await self._record([task.result() for task in done])
                published += marked
                returned += back
        except asyncio.CancelledError:
            await self._take_leave(waiting)
            raise
        finally:
            for task in waiting:
                task.cancel()
        return published, returned

    async def _record(self, results: Sequence[Confirmed | Returned]) -> tuple[int, int]:
        confirmed = [result for result in results if isinstance(result, Confirmed)]
        back = [result for result in results if isinstance(result, Returned)]
        published = await self._held.mark(confirmed) if confirmed else 0
        await self._held.release(back)
        return published, len(back)

    async def _take_leave(self, waiting: set[asyncio.Task[Confirmed | Returned]]) -> None:
        """Record the PUBACKs that are on their way, so that what the broker has is not published again."""
        if not waiting:
            return
        done, _ = await asyncio.wait(waiting, timeout=_FAREWELL_S)
        results = [task.result() for task in done if not task.cancelled() and task.exception() is None]
        with suppress(ConsoleError, TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                await self._record(results)

    async def _publish(self, command: Claimed, asked_at: float) -> Confirmed | Returned:
        held_s = self._clock.monotonic() - asked_at
        if held_s >= self._settings.lease_s:  # this process was stopped: another may have published it since
            return self._back(command, "its lease ran out before its turn", 0.0)
        left_s = command.seconds_left - held_s
        if left_s < _MIN_LEFT_S:
            return self._back(command, "less than a second of its TTL was left", 0.0)
        try:
            topic = command_topic(command.tenant_id, command.device_id)
        except TopicError as error:  # the database's own check knows fewer kinds of space characters
            await self._tell(command, ProblemKind.UNROUTABLE, str(error))
            return self._back(command, str(error), _UNROUTABLE_FOR_S)
        self._held.tried(command)
        payload = encode_command(
            command.command_id, command.command_type, command.params_json, command.expires_at
        )
        try:
            answer = await self._publisher.publish(
                topic,
                payload,
                answer_to=ack_topic(command.tenant_id, command.device_id),
                command_id=command.command_id,
                expiry_s=None if math.isinf(left_s) else int(left_s),
                timeout_s=self._settings.puback_timeout_s,
            )
        except BrokerUnreachableError as error:
            self._link_error = error
            alone = command.attempt - _SIDE_BY_SIDE
            delay_s = self._delay(alone) if alone > 0 else 0.0
            return self._back(command, str(error), delay_s, Outcome.UNKNOWN)
        if answer.accepted:
            return Confirmed(command.tenant_id, command.command_id, answer.nobody_listens)
        text = f"the broker refused the command: {answer.reason}; {answer.hint}"
        await self._tell(command, ProblemKind.REFUSED_PUBLISH, text)
        return self._back(command, answer.reason, self._delay(command.attempt), Outcome.REFUSED)

    async def _tell(self, command: Claimed, kind: ProblemKind, text: str) -> None:
        await self._problems.record(
            [Problem(command.tenant_id, kind, command.device_id, command.command_id, text)]
        )

    async def _adopt_if_due(self) -> None:
        began_at = self._clock.monotonic()
        if began_at >= self._adopt_at:
            await self._outbox.adopt(self._settings.adopt_after_s, 1_000)
            ended_at = self._clock.monotonic()
            self._adopt_at = ended_at + max(_ADOPT_EVERY_S, _ADOPT_SHARE * (ended_at - began_at))

    async def _rest(self) -> None:
        """Wait until something may be due: at least briefly, ever longer while due rows cannot be claimed."""
        looked_at = self._clock.monotonic()
        due = await self._outbox.next_due()
        if due is None or due > 0:
            self._empty = 0
            wait_s = _POLL_S if due is None else min(max(due, 0.01), _POLL_S)
        else:
            wait_s = min(_FIRST_REST_S * 2.0**self._empty, _POLL_S)
            self._empty = min(self._empty + 1, 5)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):  # wait_for of Python 3.11 can swallow a cancellation
                await self._wake.wait()
        await asyncio.sleep(max(0.0, _SPACING_S - (self._clock.monotonic() - looked_at)))

    @staticmethod
    def _back(command: Claimed, error: str, delay_s: float, outcome: Outcome = Outcome.NOT_TRIED) -> Returned:
        return Returned(command.tenant_id, command.command_id, outcome, error, delay_s)

    @staticmethod
    def _delay(attempt: int) -> float:
        return float(min(60.0, 2.0 ** min(attempt, 6)) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
