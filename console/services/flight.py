"""What a dispatcher has given to the broker, and what waits for its turn behind it.

The commands of one device go one after the other, each on the PUBACK of the one before. No command has a
task or a future of its own.

Decided in docs/decisions/0060-chains-and-pinned-plans.md
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from console.clock import Clock
from console.domain.dispatch import Claimed, Confirmed, Line, Results, Returned
from console.domain.events import Problem, ProblemKind
from console.domain.pace import Pace
from console.domain.publication import Puback, Publication
from console.domain.reasons import Outcome
from console.errors import BrokerUnreachableError
from console.limits import MAX_TTL
from console.retry import ATTEMPTS
from console.wire.payloads import encode_command
from console.wire.topics import TopicError, command_topic

SIDE_BY_SIDE = 2  # attempts together with others; after two broken links a command is tried alone
_MIN_LEFT_S = 1.0
_UNROUTABLE_FOR_S = MAX_TTL.total_seconds()  # it is settled at its deadline
_PIECE = 50  # publications built in one turn of the loop
_SHORTEST_CHAIN, _LONGEST_CHAIN = 16, 128
_CHAIN_S = 0.05  # how long a chain should last: what is leased cannot be cancelled
_CALMING = 0.1  # the weight of the newest in the mean of the waits


class Publishes(Protocol):
    """What the dispatcher needs of the broker."""

    on_pubacks: Callable[[Sequence[tuple[int, Puback]]], None] | None

    def send(self, publications: Sequence[Publication]) -> list[int]: ...
    def forget(self, tokens: Sequence[int]) -> None: ...
    def unanswered(self, timeout_s: float) -> BrokerUnreachableError: ...
    async def until_lost(self) -> None: ...


class Flight:
    """The commands of one dispatcher between claim and record, on one link. `error` ends it."""

    def __init__(
        self,
        publisher: Publishes,
        clock: Clock,
        tried: Callable[[Claimed], None],
        lease_s: float,
        puback_timeout_s: float,
        pace: Pace | None = None,
    ) -> None:
        self._publisher = publisher
        self._clock = clock
        self._tried = tried
        self._lease_s = lease_s
        self._timeout_s = puback_timeout_s
        self._pace = pace
        self._paced: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._flying: dict[int, tuple[Claimed, Line, float]] = {}  # the oldest first
        self._next: deque[Line] = deque()  # whose next command is to be published
        self._behind = 0
        self._results = Results()
        self._watching: asyncio.TimerHandle | None = None
        self._wait_s = _CHAIN_S / _SHORTEST_CHAIN
        self.changed = asyncio.Event()
        self.error: BrokerUnreachableError | None = None
        publisher.on_pubacks = self._on_pubacks

    @property
    def size(self) -> int:
        """How many commands are in flight, or wait for those before them."""
        return len(self._flying) + self._behind

    @property
    def waiting(self) -> int:
        """How many of them are not published yet."""
        return self._behind

    @property
    def chain(self) -> int:
        """How many commands of one device to claim: what is published in 50 ms, from 16 to 128."""
        return int(min(max(_CHAIN_S / self._wait_s, _SHORTEST_CHAIN), _LONGEST_CHAIN))

    @property
    def has_results(self) -> bool:
        return bool(self._results)

    def take(self) -> Results:
        """Return what is to be recorded since the last call."""
        taken, self._results = self._results, Results()
        return taken

    async def begin(self, lines: Iterable[Line]) -> None:
        """Publish the first command of each line, now unless the pace holds them up, the others in turn."""
        for line in lines:
            self._behind += len(line.commands)
            if self.error is None:
                self._next.append(line)
            else:
                self._abandon(line)
        while self._next:
            self._go_on()
            if self._paced is not None:
                return
            await asyncio.sleep(0)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for a state of this flight. Any number of tasks may: each looks again at each change."""
        while not is_so():
            self.changed.clear()
            await self.changed.wait()

    def cut(self) -> None:
        """Publish nothing more: give back what waits behind what is in flight."""
        for _, line, _ in self._flying.values():
            self._abandon(line)
        for line in self._next:
            self._abandon(line)
        self._next.clear()
        self.changed.set()

    def fail(self, error: BrokerUnreachableError) -> None:
        """End the flight: what the broker may have is unknown, what waited was never begun."""
        if self.error is not None:
            return
        self.error = error
        flying, self._flying = self._flying, {}
        for command, line, _ in flying.values():
            alone = command.attempt - SIDE_BY_SIDE
            delay_s = ATTEMPTS.delay_s(alone) if alone > 0 else 0.0
            self._return(command, str(error), delay_s, Outcome.UNKNOWN)
            self._abandon(line)
        for line in self._next:
            self._abandon(line)
        self._next.clear()
        self._publisher.forget(list(flying))
        self.close()
        self.changed.set()

    def close(self) -> None:
        """Watch no longer."""
        for timer in (self._watching, self._paced):
            if timer is not None:
                timer.cancel()
        self._watching = self._paced = None

    def _on_pubacks(self, pubacks: Sequence[tuple[int, Puback]]) -> None:
        now = self._loop.time()
        for token, answer in pubacks:
            flying = self._flying.pop(token, None)
            if flying is None:
                continue
            command, line, sent_at = flying
            self._wait_s += _CALMING * (now - sent_at - self._wait_s)
            if answer.accepted:
                confirmed = Confirmed(command.tenant_id, command.command_id, answer.nobody_listens)
                self._results.confirmed.append(confirmed)
                self._advance(line)
            else:
                self._refused(command, answer)
                self._abandon(line)
        self._go_on()
        self.changed.set()

    def _advance(self, line: Line) -> None:
        if line.commands:
            self._next.append(line)
        else:
            self._results.lines.append(line)

    def _refused(self, command: Claimed, answer: Puback) -> None:
        text = f"the broker refused the command: {answer.reason}; {answer.hint}"
        self._tell(command, ProblemKind.REFUSED_PUBLISH, text)
        self._return(command, answer.reason, ATTEMPTS.delay_s(command.attempt), Outcome.REFUSED)

    def _abandon(self, line: Line) -> None:
        """Give back what is behind a command that was not published: nothing overtakes it."""
        for command in line.commands:
            self._behind -= 1
            self._return(command, "", 0.0, None)
        line.commands.clear()
        self._results.lines.append(line)

    def _go_on(self) -> None:
        """Publish the next commands in one write.

        Those beyond a piece go in the next turn of the loop, those beyond the pace when it allows them.
        """
        most = _PIECE if self._pace is None else min(_PIECE, self._pace.ready)
        publications: list[Publication] = []
        sent: list[tuple[Claimed, Line]] = []
        while self._next and len(sent) < most:
            line = self._next.popleft()
            command, publication = self._head(line)
            if command is not None and publication is not None:
                publications.append(publication)
                sent.append((command, line))
        if sent:
            self._send(publications, sent)
        if self._next and (self._pace is None or self._pace.ready):
            self._loop.call_soon(self._go_on)
        elif self._next and self._pace is not None and self._paced is None:
            self._paced = self._loop.call_later(self._pace.wait_s(len(self._next)), self._on_pace)
        self.changed.set()

    def _on_pace(self) -> None:
        self._paced = None
        self._go_on()

    def _send(self, publications: list[Publication], sent: list[tuple[Claimed, Line]]) -> None:
        try:
            tokens = self._publisher.send(publications)
        except BrokerUnreachableError as error:
            for command, line in sent:
                line.commands.appendleft(command)
                self._behind += 1
                self._abandon(line)
            self.fail(error)
            return
        if self._pace is not None:
            self._pace.take(len(sent))
        now = self._loop.time()
        for token, (command, line) in zip(tokens, sent, strict=True):
            self._tried(command)
            self._flying[token] = (command, line, now)
        if self._watching is None:
            self._watching = self._loop.call_later(self._timeout_s, self._look)

    def _look(self) -> None:
        """End the flight if a PUBACK is overdue: only a new link keeps an unknown outcome from a copy."""
        self._watching = None
        _, _, sent_at = next(iter(self._flying.values()), (None, None, math.inf))
        if self._loop.time() >= sent_at + self._timeout_s:
            self.fail(self._publisher.unanswered(self._timeout_s))
        elif self._flying:
            self._watching = self._loop.call_at(sent_at + self._timeout_s, self._look)

    def _head(self, line: Line) -> tuple[Claimed, Publication] | tuple[None, None]:
        """Return the next command of a line that can be published now; give back what cannot."""
        while line.commands:
            held_s = self._clock.monotonic() - line.asked_at
            if held_s >= self._lease_s - self._timeout_s:
                # the lease outlasts the wait for the PUBACK, or another dispatcher sends a copy meanwhile
                self._abandon(line)
                return None, None
            command = line.commands.popleft()
            self._behind -= 1
            left_s = command.seconds_left - held_s
            if left_s < _MIN_LEFT_S:
                self._return(command, "less than a second of its TTL was left", 0.0, Outcome.NOT_TRIED)
                continue
            try:
                return command, _publication(command, left_s)
            except TopicError as error:  # the database's own check knows fewer kinds of space characters
                self._tell(command, ProblemKind.UNROUTABLE, str(error))
                self._return(command, str(error), _UNROUTABLE_FOR_S, Outcome.NOT_TRIED)
        self._results.lines.append(line)
        return None, None

    def _tell(self, command: Claimed, kind: ProblemKind, text: str) -> None:
        self._results.problems.append(
            Problem(command.tenant_id, kind, command.device_id, command.command_id, text)
        )

    def _return(self, command: Claimed, error: str, delay_s: float, outcome: Outcome | None) -> None:
        self._results.returned.append(
            Returned(command.tenant_id, command.command_id, outcome, error, delay_s)
        )


def _publication(command: Claimed, left_s: float) -> Publication:
    topic = command_topic(command.tenant_id, command.device_id)
    payload = encode_command(
        command.command_id, command.command_type, command.params_json, command.expires_at
    )
    expiry_s = None if math.isinf(left_s) else int(left_s)
    return Publication(topic, payload, f"{topic}/ack", command.command_id, expiry_s)
