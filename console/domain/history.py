"""The history: its pages, read by keyset, and what the console recorded about a command."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from console.domain.commands import Command
from console.domain.reasons import NO_REASON, Outcome, Reason


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ends: the key of its last row."""

    created_at: datetime
    command_id: str


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Some commands, newest first, and the database's time when they were read.

    `reached` is set when a search stopped before it found a whole page: older matches may exist.
    """

    commands: tuple[Command, ...]
    read_at: datetime
    more: bool
    reached: Cursor | None = None

    @property
    def end(self) -> Cursor | None:
        """Where the next page begins: after the last row, or where a search stopped."""
        if self.reached is not None:
            return self.reached
        if not self.commands:
            return None
        last = self.commands[-1]
        return Cursor(last.created_at, last.command_id)


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One thing the console recorded: a cancel, a link to the retried command, a failed attempt.

    `attempt` is the number of an attempt, or how many there were when the command ended unpublished; `reason`
    is the outcome of that attempt. `detail` is text from a person, a device or the broker.
    """

    at: datetime
    kind: str
    by: str | None
    detail: str | None
    attempt: int | None = None
    reason: Reason = NO_REASON

    @property
    def words(self) -> str | None:
        """Return the entry in words."""
        if self.kind == "unsent":
            why = self.reason.sentence or "its turn never came"
            return why if self.attempt is None else f"after {self.attempt} attempts: {why}"
        if self.attempt is None:
            return self.detail
        if self.reason.outcome is Outcome.CONFIRMED:
            return f"attempt {self.attempt} was confirmed by the broker"
        return f"attempt {self.attempt}: {self.reason.sentence}"


@dataclass(frozen=True, slots=True)
class TypicalLatency:
    """How long one device recently took to answer one type: the p95 of its newest answers, at most 50."""

    answers: int
    p95: timedelta


@dataclass(frozen=True, slots=True)
class Around:
    """What else the device got: the last commands of the same type before this one, newest first.

    `usual` is how long it takes to answer the type; `older` and `newer` are the ids of the commands beside
    this one.
    """

    like: tuple[Command, ...] = ()
    usual: TypicalLatency | None = None
    older: str | None = None
    newer: str | None = None


@dataclass(frozen=True, slots=True)
class CommandDetail:
    """One command, its journal, and the database's time when it was read.

    `answer_verdict`: how the answer violates the catalogue, "" when it fits, None when nothing is known.
    `device_seen_at` is when the device was last seen, by its state or by an answer; None when never.
    `unread` is how long no live worker had read the answers when this one came, if that made it late.
    `held_up` is what prevents its publication now, when that is known.
    `usual` is read while the answer is awaited; None when the device has never answered this type.
    """

    command: Command
    journal: tuple[JournalEntry, ...]
    read_at: datetime
    answer_verdict: str | None = None
    usual: TypicalLatency | None = None
    device_seen_at: datetime | None = None
    unread: timedelta | None = None
    held_up: Reason = NO_REASON
