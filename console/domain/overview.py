"""What the overview shows: the last hour of a tenant, by the minute."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from console.domain.figures import (
    Ended,
    Freshness,
    GroupKind,
    GroupTotals,
    MinuteTotals,
    RecentEnd,
    all_ended,
)
from console.domain.headline import Headline
from console.domain.histograms import Histogram, merged

MINUTE = timedelta(minutes=1)
SPAN = timedelta(hours=2)  # that a chart can show
FEWEST = 5  # ended commands of a name: a ratio of fewer says nothing


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures of one moment. `minutes` leaves out those in which nothing was sent and nothing ended.

    `groups` are sums from `groups_from` on. `ends` is what ended badly, newest first, as far as it is kept:
    200 of a batch of answers or of a sweep, and not what was answered after all.
    """

    headline: Headline
    freshness: Freshness
    minutes: tuple[MinuteTotals, ...] = ()
    groups: tuple[GroupTotals, ...] = ()
    ends: tuple[RecentEnd, ...] = ()
    groups_from: datetime | None = None

    def columns(self, count: int) -> tuple[MinuteTotals, ...]:
        """Return the newest minutes, oldest first, the last one begun but not over; empty ones included."""
        last = self.freshness.read_at.replace(second=0, microsecond=0)
        known = {minute.minute: minute for minute in self.minutes}
        wanted = (last - MINUTE * back for back in range(count - 1, -1, -1))
        return tuple(known.get(one, MinuteTotals(one, 0, Ended(), Histogram())) for one in wanted)

    def bad_in(self, minute: datetime) -> int:
        """Return how many ended badly in a minute, by the counts."""
        return sum(one.ended.bad for one in self.minutes if one.minute == minute)

    def ends_in(self, minute: datetime) -> tuple[RecentEnd, ...]:
        """Return what ended badly in a minute, newest first."""
        return tuple(end for end in self.ends if minute <= end.at < minute + MINUTE)

    def worst(self, most: int) -> tuple[GroupTotals, ...]:
        """Return the names with the highest share that was not ok, at most two of a kind."""
        bad = [
            group for group in self.groups if group.ended.bad and group.ended.total >= FEWEST and group.name
        ]
        bad.sort(key=lambda group: (-group.ended.ratio, -group.ended.bad, group.kind, group.name))
        taken: dict[GroupKind, int] = {}
        found: list[GroupTotals] = []
        for group in bad:
            taken[group.kind] = taken.get(group.kind, 0) + 1
            if taken[group.kind] <= 2 and group.kind is not GroupKind.REASON:
                found.append(group)
        return tuple(found[:most])


def ended(minutes: Iterable[MinuteTotals]) -> Ended:
    """Return how all of these minutes ended."""
    return all_ended(minute.ended for minute in minutes)


def answered(minutes: Iterable[MinuteTotals]) -> Histogram:
    """Return the answer times of all of these minutes."""
    return merged(minute.answered for minute in minutes)
