"""Acknowledgements: parse, classify, commit in batches, and only then confirm them to the broker."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from console.clock import Clock
from console.domain.acks import PROGRESS_WORDS, Acknowledgement, LateAck, Outcome, RawAck, folded_word
from console.domain.events import Problem, ProblemKind
from console.errors import DataRefusedError, RowsLockedError
from console.limits import MAX_ACK_BYTES
from console.retry import ANSWERS
from console.services.ack_problems import ProblemLimiter, follow_up, oddities
from console.wire.ack_payloads import PADDED, AckError, decode_ack
from console.wire.topics import PROBE, Route, TopicError, parse_ack_topic

T = TypeVar("T")

BATCH = 500
_TURN_S = 0.005  # of reading, before other tasks of the loop run
_WARY_S = 30.0
_log = logging.getLogger("console.acknowledger")


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
    ) -> None:
        self._stream = stream
        self._settlement = settlement
        self._on_change = on_change
        self._late_ack = late_ack
        self._max_ack_bytes = max_ack_bytes
        self._progress = progress
        self._clock = clock
        self._limiter = ProblemLimiter(clock)
        self._locked_until: dict[str, float] = {}

    async def run(self) -> None:
        """Process batches until cancelled.

        Raises:
            BrokerUnreachableError: the link broke; what was not committed comes again.
        """
        while True:
            await self.run_once()

    async def run_once(self) -> Acknowledged:
        """Take the messages received so far, commit them, and confirm them to the broker."""
        messages = await self._stream.batch(BATCH)
        acks, problems = await self._read(messages)
        outcomes = await self._commit(acks, problems)
        problems_after = [
            problem if not problem.device_id else self._limiter.limited(problem)
            for ack, outcome in zip(acks, outcomes, strict=True)
            for problem in follow_up(ack, outcome)
        ]
        if problems_after:
            await self._until_up(lambda: self._settlement.record(problems_after))
        await self._stream.acknowledge(messages)
        for tenant_id in {ack.tenant_id for ack in acks} | {problem.tenant_id for problem in problems}:
            self._on_change(tenant_id)
        applied = sum(outcome in {Outcome.ACKED, Outcome.LATE} for outcome in outcomes)
        return Acknowledged(len(messages), applied, len(problems) + len(problems_after))

    async def _read(self, messages: Sequence[RawAck]) -> tuple[list[Acknowledgement], list[Problem]]:
        acks: list[Acknowledgement] = []
        problems: list[Problem] = []
        turn_ends = self._clock.monotonic() + _TURN_S
        for message in messages:
            if self._clock.monotonic() > turn_ends:  # hostile ones take milliseconds each
                await asyncio.sleep(0)
                turn_ends = self._clock.monotonic() + _TURN_S
            try:
                ack, noted = self._read_one(message)
            except TopicError as error:
                problems.append(
                    self._problem(Route(error.tenant_id, ""), ProblemKind.MALFORMED_ACK, "", str(error))
                )
                continue
            problems += noted  # empty for the test messages of `doctor`
            if ack is not None:
                acks.append(ack)
        return acks, problems

    def _read_one(self, message: RawAck) -> tuple[Acknowledgement | None, list[Problem]]:
        """Return the message as an acknowledgement, None if it cannot be one, and the problems found in it.

        Raises:
            TopicError: the topic does not name a device that a command could be sent to.
        """
        route = parse_ack_topic(message.topic.decode("utf-8", "replace"))
        if route.device_id.startswith(PROBE):
            return None, []
        try:
            payload = decode_ack(message.payload, self._max_ack_bytes, message.correlation)
        except AckError as error:
            return None, [self._problem(route, ProblemKind.MALFORMED_ACK, "", str(error), error.reason)]
        except Exception as error:  # noqa: BLE001 - one message must not end the ingest of all, and come again for ever
            _log.exception("a bug: the reader of answers failed")
            text = f"it cannot be read ({type(error).__name__}); the log has the reason"
            return None, [self._problem(route, ProblemKind.MALFORMED_ACK, "", text, "unreadable")]
        problems = [
            Problem(route.tenant_id, ProblemKind.ODD_ACK, "", "", f"{oddity}; last from {route.device_id}")
            for oddity in oddities(message, payload, route)
        ]
        if not payload.correlates:
            text = "its Correlation Data names another command; the command_id in the payload counts"
            problems.append(self._problem(route, ProblemKind.ODD_ACK, "", text))
        if payload.repairs:
            text = "; ".join(payload.repairs)
            of = "" if payload.repairs == (PADDED,) else payload.command_id  # all that its firmware sends
            problems.append(self._problem(route, ProblemKind.REPAIRED_ACK, of, text))
        ack = Acknowledgement(
            route.tenant_id, route.device_id, payload.command_id, payload.ack_json, payload.repairs,
            folded_word(payload.word) in self._progress,
        )  # fmt: skip
        return ack, problems

    def _problem(
        self, route: Route, kind: ProblemKind, command_id: str, detail: str, reason: str = ""
    ) -> Problem:
        return self._limiter.limited(
            Problem(route.tenant_id, kind, route.device_id, command_id, detail, reason=reason)
        )

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
