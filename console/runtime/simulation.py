"""The simulated fleet beside the program: one process of all plays it, the others stand by."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from console.clock import SystemClock
from console.mqtt.fleet_link import simulated_link
from console.mqtt.session import BrokerAddress
from console.runtime.place import DEMO_TENANTS, Place
from console.runtime.supervisor import Supervisor, end, first_to_fail
from console.services.health import Health
from console.simulator.behaviours import behaviour_of
from console.simulator.device import SimulatedDevice
from console.simulator.fleet import Fleet
from console.store.changes import HeldLock, LockKey, advisory_lock
from console.store.fleet_state import FleetState
from console.store.pool import Database

_STANDBY_S = 1.0
_SEED = 79


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
        state = FleetState(database)
        bodies = [_tenant(state, broker, tenant_id, devices) for tenant_id in tenants]
        await first_to_fail(held.until_lost(), *bodies)
    finally:
        await database.close()


async def _tenant(state: FleetState, broker: BrokerAddress, tenant_id: str, devices: int) -> None:
    ids = await state.devices(tenant_id, devices)
    played = [
        SimulatedDevice(tenant_id, device_id, behaviour_of(index), _SEED)
        for index, device_id in enumerate(ids)
    ]
    fleet = Fleet(tenant_id, played, state)
    async with simulated_link(broker, tenant_id) as link:
        await first_to_fail(fleet.answer(link), fleet.beat())
