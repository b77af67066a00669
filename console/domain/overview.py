"""What the overview shows of a tenant: the last hour by the minute, a day and a week by longer pieces."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

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
_HOUR = timedelta(hours=1)
_ZERO = datetime(2000, 1, 1, tzinfo=UTC)  # whole hours are counted from here
SPAN = timedelta(hours=2)  # that a chart can show
FEWEST = 5  # ended commands of a name: a ratio of fewer says nothing


class Range(StrEnum):
    """How far the chart reaches back."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


_LENGTHS = {Range.DAY: timedelta(days=1), Range.WEEK: timedelta(weeks=1)}
_STEPS = {
    Range.DAY: tuple(timedelta(minutes=minutes) for minutes in (15, 20, 30, 60)),
    Range.WEEK: tuple(timedelta(hours=hours) for hours in (2, 3, 4, 6, 12)),
}


def pieces_of(wanted: Range, room: int) -> tuple[timedelta, int]:
    """Return how long a column of the chart is, and how many there are, for so many columns of room.

    The hour has a column a minute, as many as there is room for; a day and a week are shown whole.
    """
    if wanted is Range.HOUR:
        return MINUTE, room
    length = _LENGTHS[wanted]
    step = next((step for step in _STEPS[wanted] if length // step <= room), _STEPS[wanted][-1])
    return step, length // step


def last_piece(now: datetime, step: timedelta) -> datetime:
    """Return when the piece of this length began in which `now` lies, counted from midnight UTC."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (now - midnight) // step * step


def _filled(
    known: Iterable[MinuteTotals], last: datetime, step: timedelta, count: int
) -> tuple[MinuteTotals, ...]:
    """Return the pieces up to the last one, oldest first, empty ones included."""
    by_begin = {one.minute: one for one in known}
    wanted = (last - step * back for back in range(count - 1, -1, -1))
    return tuple(by_begin.get(one, MinuteTotals(one, 0, Ended(), Histogram())) for one in wanted)


@dataclass(frozen=True, slots=True)
class Span:
    """The figures of a day or a week in `count` pieces of `step`; each stands under its beginning.

    `groups` are sums from `groups_from` on.
    """

    step: timedelta
    count: int
    freshness: Freshness
    pieces: tuple[MinuteTotals, ...] = ()
    groups: tuple[GroupTotals, ...] = ()

    @property
    def begin(self) -> datetime:
        """When the oldest piece begins."""
        return last_piece(self.freshness.read_at, self.step) - self.step * (self.count - 1)

    @property
    def groups_from(self) -> datetime:
        """When the first hour begins that lies in the span as a whole: names are counted by the hour."""
        return -((_ZERO - self.begin) // _HOUR) * _HOUR + _ZERO

    def columns(self) -> tuple[MinuteTotals, ...]:
        """Return the pieces, oldest first, the last one begun but not over; empty ones included."""
        return _filled(self.pieces, last_piece(self.freshness.read_at, self.step), self.step, self.count)


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
        return _filled(self.minutes, last_piece(self.freshness.read_at, MINUTE), MINUTE, count)

    def ends_in(self, minute: datetime) -> tuple[RecentEnd, ...]:
        """Return what ended badly in a minute, newest first."""
        return tuple(end for end in self.ends if minute <= end.at < minute + MINUTE)

    def worst(self, most: int) -> tuple[GroupTotals, ...]:
        """Return the names with the highest share that was not ok, at most two of a kind."""
        return worst_of(self.groups, most)


def worst_of(groups: Iterable[GroupTotals], most: int) -> tuple[GroupTotals, ...]:
    """Return those with the highest share that was not ok, at most two of a kind."""
    bad = [group for group in groups if group.ended.bad and group.ended.total >= FEWEST and group.name]
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
