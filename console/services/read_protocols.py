"""What the reads need of the database and of the catalogue: the store's classes have these methods."""

from collections.abc import Sequence
from typing import Protocol

from console.domain.commands import Command
from console.domain.device_groups import DeviceGroups, GroupBy
from console.domain.devices import Device, DeviceCounts, Sort
from console.domain.dispatch import OutboxView
from console.domain.events import Problem
from console.domain.filters.language import Filter
from console.domain.filters.values import KnownValues
from console.domain.history import CommandDetail, Cursor, HistoryPage, TypicalLatency
from console.domain.tenants import Tenant


class CommandReads(Protocol):
    """The reads of commands."""

    async def page(
        self, tenant_id: str, *, device_ids: Sequence[str] | None, wanted: Filter, before: Cursor | None,
        limit: int, whole: bool = False,
    ) -> HistoryPage: ...  # fmt: skip
    async def by_ids(
        self, tenant_id: str, command_ids: Sequence[str], *, detailed: bool = False
    ) -> HistoryPage: ...
    async def detail(self, tenant_id: str, command_id: str) -> CommandDetail | None: ...
    async def recent_types(self, tenant_id: str, device_id: str | None) -> tuple[str, ...]: ...
    async def recent_commands(self, tenant_id: str) -> tuple[tuple[str, str, float], ...]: ...
    async def outbox(self, tenant_id: str) -> OutboxView: ...
    async def newer(self, tenant_id: str, command: Command) -> str | None: ...
    async def usual(self, tenant_id: str, device_id: str, command_type: str) -> TypicalLatency | None: ...


class DeviceReads(Protocol):
    """The reads of devices."""

    async def index(
        self, tenant_id: str, wanted: Filter, order: Sort, *, sendable: bool = False
    ) -> list[str]: ...
    async def changed_index(
        self, tenant_id: str, wanted: Filter, order: Sort, known: int | None
    ) -> tuple[list[str] | None, int]: ...
    async def head(self, tenant_id: str, wanted: Filter, order: Sort, limit: int) -> list[str]: ...
    async def count(self, tenant_id: str, wanted: Filter) -> int: ...
    async def fitting(self, tenant_id: str, wanted: Filter, device_ids: Sequence[str]) -> list[str]: ...
    async def ordered(self, tenant_id: str, device_ids: Sequence[str], order: Sort) -> list[str]: ...
    async def page(self, tenant_id: str, device_ids: Sequence[str]) -> tuple[Device, ...]: ...
    async def counts(self, tenant_id: str) -> DeviceCounts: ...
    async def groups(
        self, tenant_id: str, by: GroupBy, device_ids: Sequence[str] | None, most_looked: int
    ) -> DeviceGroups: ...
    async def known_values(self, tenant_id: str) -> KnownValues: ...
    async def tenant(self, tenant_id: str) -> Tenant | None: ...


class ProblemReads(Protocol):
    """The reads of problems."""

    async def page(
        self, tenant_id: str, wanted: Filter, limit: int, before: Problem | None
    ) -> tuple[Problem, ...]: ...


class AnswerJudge(Protocol):
    """The check of answers against the catalogue."""

    async def answer_verdict(
        self, tenant_id: str, device_id: str, command_type: str, ack_json: str | None
    ) -> str | None: ...
