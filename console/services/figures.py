"""What a front end needs of the figures; every read comes with how new it is."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Protocol

from console.domain.figures import (
    GroupKind,
    GroupTotals,
    HourGroup,
    MinuteTotals,
    Read,
    RecentEnd,
    TypeLatency,
)
from console.domain.headline import Headline
from console.domain.overview import Overview, Span


class Figures(Protocol):
    """Reads under the operator's role; each raises DatabaseUnreachableError while the link is down."""

    async def minutes(
        self, tenant_id: str, since: datetime, until: datetime
    ) -> Read[tuple[MinuteTotals, ...]]: ...
    async def hours(
        self, tenant_id: str, kinds: Collection[GroupKind], since: datetime, until: datetime
    ) -> Read[tuple[HourGroup, ...]]: ...
    async def groups(
        self, tenant_id: str, kinds: Collection[GroupKind], since: datetime, until: datetime
    ) -> Read[tuple[GroupTotals, ...]]: ...
    async def latency(
        self, tenant_id: str, command_type: str | None = None, model: str | None = None
    ) -> Read[tuple[TypeLatency, ...]]: ...
    async def recent_ends(
        self, tenant_id: str, since: datetime, limit: int = 5_000, until: datetime = ...
    ) -> Read[tuple[RecentEnd, ...]]: ...
    async def headline(self, tenant_id: str) -> Read[Headline]: ...
    async def overview(self, tenant_id: str) -> Overview: ...
    async def span(self, tenant_id: str, step: timedelta, count: int) -> Span: ...
