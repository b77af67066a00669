"""The whole channel in one process: the workers of a program on a real database and a real broker."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Protocol

import pytest

from console.clock import SystemClock
from console.limits import DEFAULT_TTL
from console.mqtt.session import BrokerAddress
from console.runtime.jobs import running
from console.runtime.supervisor import Supervisor
from console.runtime.wiring import wire_program
from console.runtime.workers import Workers, WorkerSettings
from console.services.dispatcher import DispatchSettings
from console.services.feed import Feed
from console.services.health import Health
from console.store.access import Access
from console.store.pool import Database
from tests.waiting import PATIENCE_S, until


class Channel:
    """A running program: what a test sends through and looks at."""

    def __init__(self, database: Database, address: BrokerAddress, settings: WorkerSettings) -> None:
        self.feed, clock = Feed(), SystemClock()
        self.health = Health(clock)
        self.workers = Workers(
            database, address, self.feed, self.health, clock, settings, tenants=("acme", "rival")
        )
        self.program = wire_program(
            database, tenants=("acme", "rival"), operator="alice", feed=self.feed, health=self.health,
            sent=self.workers.wake,
        )  # fmt: skip

    async def send(
        self,
        device: str = "pump-1",
        tenant: str = "acme",
        *,
        params_json: str = "{}",
        ttl: timedelta = DEFAULT_TTL,
    ) -> str:
        draft = self.program.sender.draft(device, "ping", params_json, ttl, created_by="alice")
        return (await self.program.sender.send(tenant, [draft])).command_ids[0]

    async def phase(self, command_id: str, tenant: str = "acme") -> str:
        detail = await self.program.history.command(tenant, command_id)
        assert detail is not None
        return detail.command.phase.value

    async def reaches(self, command_id: str, phase: str, timeout_s: float = PATIENCE_S) -> None:
        async def there() -> bool:
            return await self.phase(command_id) == phase

        await until(there, timeout_s)

    async def ready(self) -> None:
        """Wait until the ingest session and a dispatcher live, here or in another process."""

        async def live() -> bool:
            view = self.health.view()
            return view.dispatch == "on" and view.ingest in {"on", "standby"}

        await until(live)


class OpenChannel(Protocol):
    def __call__(
        self, address: BrokerAddress, *, settings: WorkerSettings | None = None, wait: bool = True
    ) -> AbstractAsyncContextManager[Channel]: ...


@pytest.fixture
def open_channel(access: Access) -> OpenChannel:
    @asynccontextmanager
    async def opened(
        address: BrokerAddress, *, settings: WorkerSettings | None = None, wait: bool = True
    ) -> AsyncIterator[Channel]:
        database = Database(access)
        await database.open()
        channel = Channel(database, address, settings or fast_settings())
        try:
            async with running(channel.workers, Supervisor(channel.health), jobs=True):
                if wait:
                    await channel.ready()
                yield channel
        finally:
            await database.close()

    return opened


def fast_settings() -> WorkerSettings:
    """Short leases and patience, so that a fault is over within a test."""
    return WorkerSettings(dispatch=DispatchSettings(lease_s=2.0, puback_timeout_s=1.0, adopt_after_s=0.5))
