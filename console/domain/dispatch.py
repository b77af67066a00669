"""The dispatcher's values between its claim and the broker's answer."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from console.domain.events import Problem
from console.domain.reasons import Outcome


@dataclass(frozen=True, slots=True)
class Claimed:
    """A command under a lease. `seconds_left` is its TTL at the claim, by the database's clock.

    `there` is how many commands of its device waited then, as far as the claim looked.
    """

    tenant_id: str
    command_id: str
    device_id: str
    command_type: str
    params_json: str
    expires_at: datetime
    seconds_left: float
    attempt: int
    there: int = 1


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The broker confirmed it. `nobody_listens`: it reported that no subscriber matched."""

    tenant_id: str
    command_id: str
    nobody_listens: bool = False


@dataclass(frozen=True, slots=True)
class Marked:
    """How many commands got their ``published_at``, and those whose rows another session has locked."""

    published: int
    locked: tuple[Confirmed, ...] = ()


@dataclass(frozen=True, slots=True)
class Returned:
    """A command without a PUBACK: the outcome, its reason in words, and seconds until the next attempt.

    Without an outcome the attempt was never begun: what stands before it in its chain went wrong.
    """

    tenant_id: str
    command_id: str
    outcome: Outcome | None
    error: str
    delay_s: float


@dataclass(slots=True)
class Line:
    """The commands of one device that were claimed together, in their order.

    `asked_at` is when the claim began, by the monotonic clock. Once nothing is left of the line, the device
    may have a command to claim if it `may_have_more`, or if the dispatcher was woken since: `news` is how
    often it had been woken by then.
    """

    commands: deque[Claimed]
    asked_at: float
    news: int
    may_have_more: bool


@dataclass(slots=True)
class Results:
    """What is to be recorded. `lines` are those of which nothing is left."""

    confirmed: list[Confirmed] = field(default_factory=list)
    returned: list[Returned] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.confirmed or self.returned or self.problems)


@dataclass(frozen=True, slots=True)
class OutboxView:
    """What waits for publication in one tenant, and the database's time when it was read."""

    depth: int
    oldest_at: datetime | None
    next_deadline: datetime | None
    read_at: datetime
