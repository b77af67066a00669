"""Figures for every front end: the headline, and the last hour at a glance."""

from datetime import timedelta
from typing import Protocol

from console.domain.figures import Read
from console.domain.headline import Headline
from console.domain.overview import Overview


class FigureReads(Protocol):
    """The reads of figures; each raises DatabaseUnreachableError while the link is down."""

    async def headline(self, tenant_id: str) -> Read[Headline]: ...
    async def overview(self, tenant_id: str, span: timedelta) -> Overview: ...
