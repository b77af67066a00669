"""The simulated fleet beside the program: one process runs it, the others stand by."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial

from console.clock import SystemClock
from console.concurrency import end_all, first_to_end
from console.mqtt.fleet_link import FleetLinks
from console.mqtt.session import BrokerAddress
from console.runtime.director import Director
from console.runtime.leases import Lease, Leases
from console.runtime.pausing import Pausing
from console.runtime.program import Program
from console.runtime.servers import DEMO_TENANTS, Servers
from console.runtime.supervisor import Supervisor
from console.services.health import Health
from console.simulator.device import SimulatedDevice, make_devices
from console.simulator.fleet import Fleet, FleetSettings
from console.simulator.traffic import Traffic
from console.store.fleet_state import FleetState
from console.store.leases import SIMULATOR
from console.store.pool import Database

_STANDBY_S = 1.0
_SEED = "79"


@asynccontextmanager
async def simulate_demo(
    servers: Servers, devices: int, pausing: Pausing, program: Program | None = None
) -> AsyncIterator[None]:
    """Simulate the devices of the embedded servers' demo tenants while the block runs.

    If the program has a director, operators of the first tenant are invented, too, and send through it.
    """
    async with _played(servers, DEMO_TENANTS, devices, pausing, program):
        yield


@asynccontextmanager
async def simulate_tenant(servers: Servers, tenant_id: str, devices: int) -> AsyncIterator[None]:
    """Simulate up to `devices` devices of one tenant while the block runs."""
    async with _played(servers, (tenant_id,), devices, Pausing()):
        yield


class _Playing:
    """The fleet as a task that can be ended and started again."""

    def __init__(
        self, servers: Servers, tenants: Sequence[str], devices: int, program: Program | None
    ) -> None:
        self._play = partial(_play, servers, tenants, devices, program)
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
    servers: Servers, tenants: Sequence[str], devices: int, pausing: Pausing, program: Program | None = None
) -> AsyncIterator[None]:
    playing = _Playing(servers, tenants, devices, program)
    playing.go_on()
    pausing.add(playing)
    try:
        yield
    finally:
        await playing.pause()


async def _play(servers: Servers, tenants: Sequence[str], devices: int, program: Program | None) -> None:
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
                await _simulate(Database(access, max_size=2), broker, tenants, devices, lease, program)
        await asyncio.sleep(_STANDBY_S)

    try:
        await first_to_end(leases.run(), supervisor.forever("simulation", round_))
    finally:
        await leases.close()


async def _simulate(
    database: Database,
    broker: BrokerAddress,
    tenants: Sequence[str],
    devices: int,
    lease: Lease,
    program: Program | None,
) -> None:
    await database.open()
    try:
        states = FleetState(database, lease.token)
        played: list[SimulatedDevice] = []
        for tenant_id in tenants:
            found = await states.devices(tenant_id, devices)
            played += make_devices(tenant_id, tuple(found), seed=_SEED, sites=tuple(found.values()))
        director = program.director if program else None
        settings = FleetSettings(by_site=director is not None)
        fleet = Fleet(played, FleetLinks(broker), states, SystemClock(), settings)
        bodies = [lease.until_lost(), fleet.run()]
        if program is not None and director is not None:
            theirs = [device for device in played if device.tenant_id == tenants[0]]
            bodies.append(_operate(Traffic(theirs, Desk(program), fleet, _SEED), fleet, director))
        await first_to_end(*bodies)
    finally:
        await database.close()


async def _operate(traffic: Traffic, fleet: Fleet, director: Director) -> None:
    await fleet.until_online()
    director.plays = traffic
    try:
        await traffic.run()
    finally:
        director.plays = None


class Desk:
    """The invented operators' way to send: as everybody's, through one program."""

    def __init__(self, program: Program) -> None:
        self._program = program

    async def send(
        self, tenant_id: str, device_id: str, command_type: str, params_json: str, ttl: timedelta, by: str
    ) -> str:
        """Commit one command; return its id. Raises as `Sender.send` does."""
        draft = self._program.sender.draft(device_id, command_type, params_json, ttl, created_by=by)
        return (await self._program.sender.send(tenant_id, [draft])).command_ids[0]

    async def send_many(
        self, tenant_id: str, device_ids: Sequence[str], command_type: str, params_json: str, ttl: timedelta,
        by: str, target: str,
    ) -> None:  # fmt: skip
        """Commit one command to many devices as a bulk send. Raises as `BatchSend` does."""
        bulk = self._program.bulk
        job = bulk.job(command_type, params_json, ttl, by, device_ids=device_ids, target=target)
        await bulk.begin(tenant_id, job)
        await bulk.run(tenant_id, job)
