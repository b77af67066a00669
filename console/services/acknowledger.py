"""Acknowledgements: parse, classify, commit in batches, and only then tell the broker."""

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from console.clock import Clock
from console.domain.acks import (
    MAX_ACK_BYTES,
    PROGRESS_WORDS,
    Acknowledgement,
    LateAck,
    Outcome,
    RawAck,
    folded_word,
)
from console.domain.events import Problem, ProblemKind
from console.errors import DatabaseUnreachableError, DataRefusedError, RowsLockedError
from console.wire.ack_payloads import PADDED, AckError, AckPayload, decode_ack
from console.wire.topics import PROBE, Route, TopicError, parse_ack_topic

T = TypeVar("T")

BATCH = 500
_TURN_S = 0.005  # of reading, before the loop gets its turn
_DEVICES_REMEMBERED = 10_000
_RETRY_S = 0.5
_WARY_S = 30.0
_log = logging.getLogger("console.acknowledger")
_PROBLEMS: dict[Outcome, tuple[ProblemKind, str]] = {
    Outcome.LATE: (ProblemKind.LATE_ACK, "the device answered after the deadline or the cancel"),
    Outcome.LATE_RECORDED: (ProblemKind.LATE_ACK, "the device answered too late; only recorded"),
    Outcome.CONFLICT: (ProblemKind.CONFLICTING_ACK, "a second answer differs from the one that counts"),
    Outcome.LATE_PROGRESS: (
        ProblemKind.LATE_PROGRESS,
        "the device reported progress after the deadline or the cancel",
    ),
    Outcome.FORGED: (ProblemKind.FORGED_ACK, "the command belongs to another device of this tenant"),
    Outcome.UNKNOWN: (ProblemKind.UNKNOWN_ACK, "no command of this tenant has this id"),
}


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
        told: Callable[[str], None],
        clock: Clock,
        *,
        late_ack: LateAck = LateAck.ACCEPT,
        max_ack_bytes: int = MAX_ACK_BYTES,
        progress: frozenset[str] = PROGRESS_WORDS,
    ) -> None:
        self._stream = stream
        self._settlement = settlement
        self._told = told
        self._late_ack = late_ack
        self._max_ack_bytes = max_ack_bytes
        self._progress = progress
        self._clock = clock
        self._limiter = ProblemLimiter(clock)
        self._locked_until: dict[str, float] = {}

    async def run(self) -> None:
        """Take batches until cancelled.

        Raises:
            BrokerUnreachableError: the link broke; what was not committed comes again.
        """
        while True:
            await self.run_once()

    async def run_once(self) -> Acknowledged:
        """Take what has gathered, commit it, acknowledge it to the broker."""
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
            self._told(tenant_id)
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
            problems += noted  # none for what `doctor` says to itself
            if ack is not None:
                acks.append(ack)
        return acks, problems

    def _read_one(self, message: RawAck) -> tuple[Acknowledgement | None, list[Problem]]:
        """One message as an acknowledgement, None when it can never become one, and what is to be said of it.

        Raises:
            TopicError: the topic names no device that a command could go to.
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
            Problem(
                route.tenant_id, ProblemKind.ODD_ACK, "", "", f"{oddity}; the last time by {route.device_id}"
            )
            for oddity in _oddities(message, payload, route)
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
                if not kept:  # it is gone by now, or it is none that a row has
                    await asyncio.sleep(_RETRY_S)
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
        """Keep those of the answers at `places` whose commands somebody has locked, so that the others go on.

        Their tenants' answers are not waited for again for a while.
        """
        if not places:
            return frozenset()
        found = await self._until_up(lambda: self._settlement.keep_locked([acks[place] for place in places]))
        kept = frozenset(places[place] for place in found)
        until = self._clock.monotonic() + _WARY_S
        self._locked_until |= {acks[place].tenant_id: until for place in kept}
        return kept

    async def _until_up(self, act: Callable[[], Awaitable[T]], *, tell_locked: bool = False) -> T:
        """Repeat while the database is away: nothing is acknowledged, the broker keeps the rest."""
        while True:
            try:
                return await act()
            except DatabaseUnreachableError as error:
                if tell_locked and isinstance(error, RowsLockedError):
                    raise
                await asyncio.sleep(_RETRY_S)


def _oddities(message: RawAck, payload: AckPayload, route: Route) -> list[str]:
    """What does no harm, and tells of a device or bridge that is not set up as the contract says."""
    found = []
    if message.retained:
        found.append("it was retained: the broker sends it again to every new session")
    if payload.padded:
        found.append("a byte order mark or white space stood around its JSON and was dropped")
    if message.qos == 0:
        found.append("it came with QoS 0: the broker may lose such an answer")
    for name, claim, ours in zip(
        ("tenant", "device"), payload.claims, (route.tenant_id, route.device_id), strict=True
    ):
        if claim is not None and claim != json.dumps(ours) and claim != json.dumps(ours, ensure_ascii=False):
            found.append(f"its payload names another {name} than its topic; only the topic counts")
    return found


def follow_up(ack: Acknowledgement, outcome: Outcome) -> tuple[Problem, ...]:
    """What an operator should see of what became of an answer."""
    if outcome is Outcome.DUPLICATE:  # one row for a tenant: a broker may repeat any answer
        text = f"an answer came again and changed nothing; the last time by {ack.device_id}"
        return (Problem(ack.tenant_id, ProblemKind.DUPLICATE_ACK, "", "", text),)
    if (
        outcome is Outcome.PROGRESS_AFTER_END
    ):  # messages overtake each other: the end stands, nobody need worry
        text = f"a word of progress came after the end and changed nothing; the last time by {ack.device_id}"
        return (Problem(ack.tenant_id, ProblemKind.LATE_PROGRESS, "", "", text),)
    if outcome not in _PROBLEMS:
        return ()
    kind, sentence = _PROBLEMS[outcome]
    detail = f"{sentence}: {ack.ack_json}"
    return (Problem(ack.tenant_id, kind, ack.device_id, ack.command_id, detail[:1_000]),)


class ProblemLimiter:
    """Bounds what one device, and one tenant, can write: beyond its rate, one row per kind counts the rest.

    Device ids are what the topic claims, so that many of them may be one attacker: hence the tenant's bound.
    """

    def __init__(self, clock: Clock, *, per_minute: int = 30, per_tenant_minute: int = 600) -> None:
        self._clock = clock
        self._per_minute = per_minute
        self._per_tenant_minute = per_tenant_minute
        self._buckets: OrderedDict[tuple[str, ...], tuple[float, float]] = OrderedDict()

    def limited(self, problem: Problem) -> Problem:
        """Return the problem as it is, or less exact once its device or its tenant is over its rate."""
        many = f"many: {problem.detail}"
        if not self._allowed((problem.tenant_id, problem.device_id), self._per_minute):
            problem = Problem(problem.tenant_id, problem.kind, problem.device_id, "", many)
        if not self._allowed((problem.tenant_id,), self._per_tenant_minute):
            problem = Problem(problem.tenant_id, problem.kind, "", "", many)
        return problem

    def _allowed(self, key: tuple[str, ...], per_minute: int) -> bool:
        now = self._clock.monotonic()
        tokens, at = self._buckets.pop(key, (float(per_minute), now))
        tokens = min(float(per_minute), tokens + (now - at) * per_minute / 60)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > _DEVICES_REMEMBERED:
            self._buckets.popitem(last=False)
        return allowed
