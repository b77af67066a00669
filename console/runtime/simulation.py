"""The simulated fleet beside the program: one process of all plays it, the others stand by."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from console.clock import SystemClock
from console.mqtt.fleet_link import FleetLinks
from console.mqtt.session import BrokerAddress
from console.runtime.place import DEMO_TENANTS, Place
from console.runtime.supervisor import Supervisor, end, first_to_fail
from console.services.health import Health
from console.simulator.device import SimulatedDevice, make_devices
from console.simulator.fleet import Fleet
from console.store.changes import HeldLock, LockKey, advisory_lock
from console.store.fleet_state import FleetState
from console.store.pool import Database

_STANDBY_S = 1.0
_SEED = "79"


@asynccontextmanager
async def simulate_demo(place: Place, devices: int) -> AsyncIterator[None]:
    """Play the demo tenants of the embedded servers while the block runs."""
    async with _played(place, DEMO_TENANTS, devices):
        yield


@asynccontextmanager
async def simulate_tenant(place: Place, tenant_id: str, devices: int) -> AsyncIterator[None]:
    """Play up to `devices` devices of one tenant while the block runs."""
    async with _played(place, (tenant_id,), devices):
        yield


@asynccontextmanager
async def _played(place: Place, tenants: Sequence[str], devices: int) -> AsyncIterator[None]:
    task = asyncio.create_task(_play(place, tenants, devices), name="simulation")
    try:
        yield
    finally:
        await end([task])


async def _play(place: Place, tenants: Sequence[str], devices: int) -> None:
    if place.broker is None:
        return
    broker = place.broker
    access = place.access
    if place.servers is not None:  # the platform's own rights, which the console's login has not
        access = replace(access, url=place.servers.addresses.database_url)
    supervisor = Supervisor(Health(SystemClock()))

    async def round_() -> None:
        async with advisory_lock(access, LockKey.SIMULATOR) as held:
            if held is not None:
                await _simulate(Database(access, max_size=2), broker, tenants, devices, held)
        await asyncio.sleep(_STANDBY_S)

    await supervisor.forever("simulation", round_)


async def _simulate(
    database: Database, broker: BrokerAddress, tenants: Sequence[str], devices: int, held: HeldLock
) -> None:
    await database.open()
    try:
        states = FleetState(database)
        played: list[SimulatedDevice] = []
        for tenant_id in tenants:
            played += make_devices(tenant_id, await states.device_ids(tenant_id, devices), seed=_SEED)
        fleet = Fleet(played, FleetLinks(broker), states, SystemClock())
        await first_to_fail(held.until_lost(), fleet.run())
    finally:
        await database.close()
