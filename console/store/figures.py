"""Figures of what was sent and how it ended: counted as the worker, read as the operator.

Readers read what is folded, never the commands; each answer comes with how new it is.

Decided in docs/decisions/0083-figures-are-folded.md
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from console.domain.commands import Phase
from console.domain.conditions import Kind
from console.domain.figures import (
    Ended,
    Freshness,
    GroupKind,
    GroupTotals,
    HourGroup,
    MinuteTotals,
    Read,
    RecentEnd,
    TypeLatency,
    all_ended,
)
from console.domain.headline import USUAL_SPAN, WINDOW, Headline, Totals, current_from, headline
from console.domain.histograms import NO_ANSWERS, Histogram
from console.domain.overview import MINUTE, SPAN, Overview, Span, last_piece
from console.store.leases import SWEEP
from console.store.pool import Connection, Database
from console.store.sql import query

KEPT_ENDS = 5_000
MOST_KNOWN = 16  # tenants
_BEFORE = 1_000  # ends before those of the headline: enough to know what is usual
_FOR_EVER = datetime(9999, 12, 31, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_HEADLINE_KINDS = [kind.value for kind in Kind if kind is not Kind.BATCH]


@dataclass(frozen=True, slots=True)
class Folded:
    """One committed fold: commands counted, whether no event is left, and how long the answers took."""

    commands: int
    is_over: bool
    answered: Histogram = NO_ANSWERS


class FigureStore:
    """Reads the figures of one tenant a call, in one transaction.

    Every reader raises DatabaseUnreachableError while the link is down.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[tuple[datetime | None, datetime], Overview]] = {}
        self._spans: dict[tuple[str, timedelta, int], Span] = {}
        self._sites: dict[tuple[str, str], tuple[datetime, int]] = {}

    async def minutes(
        self, tenant_id: str, since: datetime, until: datetime
    ) -> Read[tuple[MinuteTotals, ...]]:
        """Return the minutes from `since` to before `until`, oldest first, without those of nothing."""
        async with self._database.tenant_session(tenant_id) as connection:
            rows = await connection.fetch(query("figures_minutes"), tenant_id, since, until)
            return Read(tuple(_minute(row) for row in rows), await _freshness(connection, tenant_id))

    async def hours(
        self, tenant_id: str, kinds: Collection[GroupKind], since: datetime, until: datetime
    ) -> Read[tuple[HourGroup, ...]]:
        """Return the hours that begin from `since` to before `until`, by kind and name, oldest first."""
        async with self._database.tenant_session(tenant_id) as connection:
            rows = await connection.fetch(
                query("figures_hours"), tenant_id, since, until, [kind.value for kind in kinds]
            )
            groups = tuple(HourGroup(row["hour"], _group(row)) for row in rows)
            return Read(groups, await _freshness(connection, tenant_id))

    async def groups(
        self, tenant_id: str, kinds: Collection[GroupKind], since: datetime, until: datetime
    ) -> Read[tuple[GroupTotals, ...]]:
        """Return the sums of those hours, in each kind the name with most bad ends first."""
        async with self._database.tenant_session(tenant_id) as connection:
            names = [kind.value for kind in kinds]
            groups = await _groups(connection, tenant_id, names, since, until)
            return Read(groups, await _freshness(connection, tenant_id))

    async def latency(
        self, tenant_id: str, command_type: str | None = None, model: str | None = None
    ) -> Read[tuple[TypeLatency, ...]]:
        """Return the learned answer times by type and model: of one type, of one model, or of all."""
        async with self._database.tenant_session(tenant_id) as connection:
            rows = await connection.fetch(query("figures_latency"), tenant_id, command_type, model)
            found = tuple(
                TypeLatency(row["command_type"], row["model"], Histogram(tuple(row["counts"])))
                for row in rows
            )
            return Read(found, await _freshness(connection, tenant_id))

    async def recent_ends(
        self, tenant_id: str, since: datetime, limit: int = KEPT_ENDS, until: datetime = _FOR_EVER
    ) -> Read[tuple[RecentEnd, ...]]:
        """Return what failed, was missed or expired from `since` to before `until`, newest first.

        Of each batch 200 at most are kept.
        """
        async with self._database.tenant_session(tenant_id) as connection:
            ends = await _recent(connection, tenant_id, since, limit, until)
            return Read(ends, await _freshness(connection, tenant_id))

    async def headline(self, tenant_id: str) -> Read[Headline]:
        """Return the headline of this moment, by the database's clock."""
        found = await self.overview(tenant_id)
        return Read(found.headline, found.freshness)

    async def overview(self, tenant_id: str) -> Overview:
        """Return the headline and what it stands on, with the minutes of the last two hours.

        Until something is counted or a minute is over, only how new that is is read again: any number of
        screens of one process may look every few seconds.
        """
        async with self._database.tenant_session(tenant_id) as connection:
            freshness = await _freshness(connection, tenant_id)
            moment = (freshness.folded_at, freshness.read_at.replace(second=0, microsecond=0))
            known = self._known.get(tenant_id)
            if known is None or known[0] != moment:
                known = self._known[tenant_id] = (
                    moment,
                    await self._overview(connection, tenant_id, freshness),
                )
                while len(self._known) > MOST_KNOWN:
                    del self._known[next(iter(self._known))]
        return replace(known[1], freshness=freshness)

    async def span(self, tenant_id: str, step: timedelta, count: int) -> Span:
        """Return the newest `count` pieces of `step`, and the worst names of that time.

        They are summed in the database; for a minute all that ask get the same answer.
        """
        key = (tenant_id, step, count)
        async with self._database.tenant_session(tenant_id) as connection:
            freshness = await _freshness(connection, tenant_id)
            known = self._spans.get(key)
            if known is None or not timedelta(0) <= freshness.read_at - known.freshness.read_at < MINUTE:
                known = self._spans[key] = await _span(connection, tenant_id, freshness, step, count)
                while len(self._spans) > MOST_KNOWN:
                    del self._spans[next(iter(self._spans))]
        return known

    async def _overview(self, connection: Connection, tenant_id: str, freshness: Freshness) -> Overview:
        now, begin = freshness.read_at, current_from(freshness.read_at)
        ends = await _recent(connection, tenant_id, now - USUAL_SPAN, KEPT_ENDS)
        rows = await connection.fetch(query("figures_minutes"), tenant_id, now - SPAN, now + MINUTE)
        minutes = tuple(map(_minute, rows))
        current = await _groups(connection, tenant_id, _HEADLINE_KINDS, begin, now + _HOUR)
        usual = await _groups(connection, tenant_id, _HEADLINE_KINDS, begin - USUAL_SPAN, begin)
        hour = all_ended(minute.ended for minute in minutes if minute.minute > now - _HOUR)
        window = all_ended(minute.ended for minute in minutes if minute.minute > now - WINDOW)
        totals = Totals(hour, current, usual, window=window)
        found = headline(ends, totals, now)
        if len(found.conditions) == 1 and found.conditions[0].kind is Kind.SITE:
            site = found.conditions[0]
            count = await self._devices_of(connection, tenant_id, site.name, now)
            found = headline(ends, totals, now, {site: count})
        recent = tuple(end for end in ends if end.at > now - SPAN)
        return Overview(found, freshness, minutes, current, recent, begin)

    async def _devices_of(self, connection: Connection, tenant_id: str, site: str, now: datetime) -> int:
        """Count the devices of a site, which reads the tenant's registry: for a minute the same number."""
        known = self._sites.get((tenant_id, site))
        if known is None or not timedelta(0) <= now - known[0] < MINUTE:
            count = await connection.fetchval(query("figures_devices"), tenant_id, site)
            known = self._sites[tenant_id, site] = now, count
            while len(self._sites) > MOST_KNOWN:
                del self._sites[next(iter(self._sites))]
        return known[1]


class FoldStore:
    """Counts events, and trims what is counted, as the worker role. Any number may at the same time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fold(self, commands: int) -> Folded:
        """Count the oldest events that nobody else counts, of some `commands`, in one transaction.

        Raises:
            RowsLockedError: another process holds the figures of one of the tenants; nothing was counted.
        """
        async with self._database.fleet_statement() as connection:
            row = await connection.fetchrow(query("fold"), commands)
        return Folded(row["folded"], row["is_over"], Histogram(tuple(row["answered"])))

    async def trim(self, minutes: timedelta, hours: timedelta, keep: int, most: int) -> int:
        """Delete older minutes and hours, and all but `keep` uncounted events of sends.

        Return the number of rows deleted, the most of any table; if it is `most`, call again.
        """
        async with self._database.fleet_statement() as connection:
            return int(await connection.fetchval(query("trim_figures"), minutes, hours, keep, most))


async def _span(
    connection: Connection, tenant_id: str, freshness: Freshness, step: timedelta, count: int
) -> Span:
    until = last_piece(freshness.read_at, step) + step
    begin = until - step * count
    rows = await connection.fetch(query("figures_buckets"), tenant_id, begin, until, step)
    groups = await _groups(connection, tenant_id, _HEADLINE_KINDS, begin, until)
    return Span(step, count, freshness, tuple(map(_minute, rows)), groups)


async def _freshness(connection: Connection, tenant_id: str) -> Freshness:
    row = await connection.fetchrow(query("figures_freshness"), tenant_id, SWEEP)
    return Freshness(row["read_at"], row["folded_at"], row["waiting_s"], row["has_worker"])


async def _recent(
    connection: Connection, tenant_id: str, since: datetime, limit: int, until: datetime = _FOR_EVER
) -> tuple[RecentEnd, ...]:
    rows = await connection.fetch(query("figures_recent"), tenant_id, since, limit, until)
    return tuple(
        RecentEnd(
            row["at"], row["command_id"], row["device_id"], Phase(row["outcome"]), row["site"], row["model"],
            row["fw"], row["command_type"], row["sender"], row["batch_id"], row["reason"],
        )
        for row in rows
    )  # fmt: skip


async def _groups(
    connection: Connection, tenant_id: str, kinds: list[str], since: datetime, until: datetime
) -> tuple[GroupTotals, ...]:
    rows = await connection.fetch(query("figures_groups"), tenant_id, since, until, kinds)
    return tuple(map(_group, rows))


def _group(row: Any) -> GroupTotals:
    return GroupTotals(GroupKind(row["kind"]), row["name"], Ended(*row["ended"]))


def _minute(row: Any) -> MinuteTotals:
    return MinuteTotals(row["minute"], row["sent"], Ended(*row["ended"]), Histogram(tuple(row["answered"])))
