"""Reading of answers: from messages to acknowledgements, and to problems where a message cannot be one."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from console.clock import Clock
from console.domain.acks import PROGRESS_WORDS, Acknowledgement, RawAck, folded_word
from console.domain.events import Problem, ProblemKind
from console.limits import MAX_ACK_BYTES
from console.services.ack_problems import ProblemLimiter, oddities
from console.wire.ack_payloads import PADDED, AckError, AckPayload, decode_ack
from console.wire.ordinary_acks import read_ordinary
from console.wire.topics import PROBE, Route, Routes, TopicError

_TURN_S = 0.005  # of reading, before other tasks of the loop run
_WORDS_REMEMBERED = 256
_QOS = 1
_log = logging.getLogger("console.acknowledger")


@dataclass(slots=True)
class ReadBatch:
    """Messages, and what was read in them, in the order in which they came."""

    messages: list[RawAck] = field(default_factory=list)
    acks: list[Acknowledgement] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    size: int = 0  # bytes of their payloads

    def add(self, other: "ReadBatch") -> None:
        """Append what came later."""
        self.messages += other.messages
        self.acks += other.acks
        self.problems += other.problems
        self.size += other.size


class AckReader:
    """Reads the messages of one link. An ordinary answer takes the quick way, any other the careful one."""

    def __init__(
        self,
        clock: Clock,
        limiter: ProblemLimiter,
        *,
        max_ack_bytes: int = MAX_ACK_BYTES,
        progress: frozenset[str] = PROGRESS_WORDS,
    ) -> None:
        self._clock = clock
        self._limiter = limiter
        self._max_ack_bytes = max_ack_bytes
        self._routes = Routes()
        self._is_progress = lru_cache(_WORDS_REMEMBERED)(lambda word: folded_word(word) in progress)

    async def read(self, messages: Sequence[RawAck]) -> ReadBatch:
        """Read messages; other tasks run in between."""
        batch = ReadBatch(list(messages), size=sum([len(message.payload) for message in messages]))
        turn_ends = self._clock.monotonic() + _TURN_S
        for message in messages:
            if self._clock.monotonic() > turn_ends:  # hostile ones take milliseconds each
                await asyncio.sleep(0)
                turn_ends = self._clock.monotonic() + _TURN_S
            try:
                ack = self._ordinary(message)
                if ack is None:
                    ack, noted = self._careful(message)
                    batch.problems += noted  # empty for the test messages of `doctor`
            except TopicError as error:
                batch.problems.append(
                    self._problem(Route(error.tenant_id, ""), ProblemKind.MALFORMED_ACK, "", str(error))
                )
                continue
            if ack is not None:
                batch.acks.append(ack)
        return batch

    def _ordinary(self, message: RawAck) -> Acknowledgement | None:
        """Return the acknowledgement in an ordinary message that cannot cause a problem; None for any other.

        Raises:
            TopicError: see `_careful`.
        """
        if message.qos != _QOS or message.retained or len(message.payload) > self._max_ack_bytes:
            return None
        answer = read_ordinary(message.payload)
        if answer is None or (message.correlation and message.correlation != answer.command_id.encode()):
            return None
        route = self._routes.of(message.topic)
        if route.device_id.startswith(PROBE):
            return None
        return Acknowledgement(
            route.tenant_id, route.device_id, answer.command_id, answer.ack_json,
            is_progress=self._is_progress(answer.word),
        )  # fmt: skip

    def _careful(self, message: RawAck) -> tuple[Acknowledgement | None, list[Problem]]:
        """Return the message as an acknowledgement, None if it cannot be one, and the problems found in it.

        Raises:
            TopicError: the topic does not name a device that a command could be sent to.
        """
        route = self._routes.of(message.topic)
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
        ack = Acknowledgement(
            route.tenant_id, route.device_id, payload.command_id, payload.ack_json, payload.repairs,
            self._is_progress(payload.word),
        )  # fmt: skip
        return ack, self._found_in(message, payload, route)

    def _found_in(self, message: RawAck, payload: AckPayload, route: Route) -> list[Problem]:
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
        return problems

    def _problem(
        self, route: Route, kind: ProblemKind, command_id: str, detail: str, reason: str = ""
    ) -> Problem:
        return self._limiter.limited(
            Problem(route.tenant_id, kind, route.device_id, command_id, detail, reason=reason)
        )
