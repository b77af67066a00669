"""The simulated fleet beside the program: one process runs it, the others stand by."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from console.clock import SystemClock
from console.concurrency import end_all, first_to_end
from console.mqtt.fleet_link import FleetLinks
from console.mqtt.session import BrokerAddress
from console.runtime.leases import Lease, Leases
from console.runtime.pausing import Pausing
from console.runtime.servers import DEMO_TENANTS, Servers
from console.runtime.supervisor import Supervisor
from console.services.health import Health
from console.simulator.device import SimulatedDevice, make_devices
from console.simulator.fleet import Fleet
from console.store.fleet_state import FleetState
from console.store.leases import SIMULATOR
from console.store.pool import Database

_STANDBY_S = 1.0
_SEED = "79"


@asynccontextmanager
async def simulate_demo(servers: Servers, devices: int, pausing: Pausing) -> AsyncIterator[None]:
    """Simulate the devices of the embedded servers' demo tenants while the block runs."""
    async with _played(servers, DEMO_TENANTS, devices, pausing):
        yield


@asynccontextmanager
async def simulate_tenant(servers: Servers, tenant_id: str, devices: int) -> AsyncIterator[None]:
    """Simulate up to `devices` devices of one tenant while the block runs."""
    async with _played(servers, (tenant_id,), devices, Pausing()):
        yield


class _Playing:
    """The fleet as a task that can be ended and started again."""

    def __init__(self, servers: Servers, tenants: Sequence[str], devices: int) -> None:
        self._play = partial(_play, servers, tenants, devices)
        self._task: asyncio.Task[None] | None = None

    def go_on(self) -> None:
        """Start, or stand by while another process simulates."""
        self._task = asyncio.create_task(self._play(), name="simulation")

    async def pause(self) -> None:
        """Disconnect every device; another process may simulate them."""
        if self._task is not None:
            await end_all([self._task])


@asynccontextmanager
async def _played(
    servers: Servers, tenants: Sequence[str], devices: int, pausing: Pausing
) -> AsyncIterator[None]:
    playing = _Playing(servers, tenants, devices)
    playing.go_on()
    pausing.add(playing)
    try:
        yield
    finally:
        await playing.pause()


async def _play(servers: Servers, tenants: Sequence[str], devices: int) -> None:
    if servers.broker is None:
        return
    broker = servers.broker
    access = servers.access
    if servers.own is not None:  # the platform's own rights, which the console's login does not have
        access = replace(access, url=servers.own.addresses.database_url)
    clock = SystemClock()
    supervisor = Supervisor(Health(clock))
    leases = Leases(access, clock, "simulated fleet")

    async def round_() -> None:
        async with leases.holding(SIMULATOR) as lease:
            if lease is not None:
                await _simulate(Database(access, max_size=2), broker, tenants, devices, lease)
        await asyncio.sleep(_STANDBY_S)

    try:
        await first_to_end(leases.run(), supervisor.forever("simulation", round_))
    finally:
        await leases.close()


async def _simulate(
    database: Database, broker: BrokerAddress, tenants: Sequence[str], devices: int, lease: Lease
) -> None:
    await database.open()
    try:
        states = FleetState(database, lease.token)
        played: list[SimulatedDevice] = []
        for tenant_id in tenants:
            played += make_devices(tenant_id, await states.device_ids(tenant_id, devices), seed=_SEED)
        fleet = Fleet(played, FleetLinks(broker), states, SystemClock())
        await first_to_end(lease.until_lost(), fleet.run())
    finally:
        await database.close()
