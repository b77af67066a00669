"""Figures of what was sent and how it ended: counts by the minute and by the hour, learned answer times.

They are counted by the workers of this console: what another program settles is not among them. A command
that was called missed and answered afterwards is counted twice, once as missed and once as late, each when
it was so.
"""

from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from console.domain.commands import Phase
from console.domain.histograms import Histogram, merged

T = TypeVar("T")
OLD_S = 15.0  # figures that are older say so


@dataclass(frozen=True, slots=True)
class Ended:
    """How many commands ended how; `late` ones were answered ok after their deadline."""

    ok: int = 0
    failed: int = 0
    late: int = 0
    missed: int = 0
    expired: int = 0

    @property
    def total(self) -> int:
        return sum(astuple(self))

    @property
    def answered(self) -> int:
        return self.ok + self.failed + self.late

    @property
    def bad(self) -> int:
        """Those that were not ok: failed, missed and expired."""
        return self.failed + self.missed + self.expired

    @property
    def ratio(self) -> float:
        """The share that was not ok; 0 if nothing ended."""
        return self.bad / self.total if self.total else 0.0

    def __add__(self, other: "Ended") -> "Ended":
        return all_ended((self, other))


def all_ended(counts: Iterable[Ended]) -> Ended:
    """Return the sum of these counts."""
    return Ended(*(sum(column) for column in zip(*map(astuple, counts), strict=True)))


class GroupKind(StrEnum):
    """What the hours are grouped by."""

    SITE = "site"
    MODEL = "model"
    FW = "fw"
    TYPE = "type"
    SENDER = "sender"
    REASON = "reason"


@dataclass(frozen=True, slots=True)
class MinuteTotals:
    """One minute of a tenant. `sent` counts publications that the broker confirmed in it."""

    minute: datetime
    sent: int
    ended: Ended
    answered: Histogram


@dataclass(frozen=True, slots=True)
class GroupTotals:
    """How the commands of one name ended: of a site, a model or a type.

    The name "" stands for those without one, and for names beyond the first 500 of an hour. Commands that
    ended ok have no reason and are not counted by it.
    """

    kind: GroupKind
    name: str
    ended: Ended


@dataclass(frozen=True, slots=True)
class HourGroup:
    """The same of one hour, which begins at `hour`."""

    hour: datetime
    group: GroupTotals


@dataclass(frozen=True, slots=True)
class TypeLatency:
    """The learned answer times of a type and a model. Beyond 10,000 answers all counts have been halved."""

    command_type: str
    model: str
    answered: Histogram


def answered_by(learned: Iterable[TypeLatency], command_type: str, models: Collection[str]) -> Histogram:
    """Return the answer times of a type on these models; on all models if none of these has answered it."""
    of_type = [one for one in learned if one.command_type == command_type]
    return merged(one.answered for one in [o for o in of_type if o.model in models] or of_type)


@dataclass(frozen=True, slots=True)
class RecentEnd:
    """A command that failed, was missed or expired; "" where a site, a sender or a reason is not known."""

    at: datetime
    command_id: str
    device_id: str
    outcome: Phase
    site: str = ""
    model: str = ""
    fw: str = ""
    command_type: str = ""
    sender: str = ""
    batch_id: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How new the figures of a tenant are.

    `read_at` is when they were read, by the database's clock; `folded_at` when its newest events were
    counted, None before the first. `waiting_s` is how long the oldest event waits to be counted, None if
    none does. `has_worker`: a live worker of this console counts; without one, figures stand still.
    """

    read_at: datetime
    folded_at: datetime | None = None
    waiting_s: float | None = None
    has_worker: bool = False

    @property
    def age_s(self) -> float:
        """How far the figures are behind: 0 while all that ended is counted."""
        return max(self.waiting_s or 0.0, 0.0)

    @property
    def is_old(self) -> bool:
        """Whether the age should be shown."""
        return self.age_s > OLD_S


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What was read, and how new it is."""

    value: T
    freshness: Freshness
