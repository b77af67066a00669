"""What the demo's invented operators do, on a real database and a real broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from console.clock import SystemClock
from console.concurrency import end_all
from console.domain.devices import Link
from console.mqtt.fleet_link import FleetLinks
from console.runtime.simulation import Desk
from console.simulator.device import make_devices
from console.simulator.fleet import Fleet, FleetSettings
from console.simulator.traffic import Happening, Traffic
from console.store.access import Access
from console.store.fleet_state import FleetState
from console.store.pool import Database
from tests.brokers import BrokerProcess
from tests.conftest import Fleet as Tenants
from tests.e2e.conftest import Channel, OpenChannel
from tests.rows import add_devices
from tests.waiting import until

pytestmark = pytest.mark.mosquitto
QUIET_S = 30.0
DEVICES = {f"tank-{n:02}": "porto" if n < 4 else "lyon" for n in range(18)}  # with a deaf one in lyon
PROBLEMS = "SELECT DISTINCT kind FROM device_console.problems WHERE tenant_id = 'acme'"


@asynccontextmanager
async def playing(channel: Channel, mosquitto: BrokerProcess, database_url: str) -> AsyncIterator[Traffic]:
    """A fleet with two sites, and its operators, who wait to be told."""
    database = Database(Access(database_url))
    await database.open()
    devices = make_devices("acme", tuple(DEVICES), sites=tuple(DEVICES.values()))
    settings = FleetSettings(by_site=True, tick_s=0.05)
    fleet = Fleet(devices, FleetLinks(mosquitto.address), FleetState(database), SystemClock(), settings)
    running = asyncio.create_task(fleet.run())
    try:
        await fleet.until_online()
        yield Traffic(devices, Desk(channel.program), fleet, "79", QUIET_S)
    finally:
        await end_all([running])
        await database.close()


@pytest.fixture
async def owner_of_tanks(owner: asyncpg.Connection, fleet: Tenants) -> asyncpg.Connection:
    await add_devices(owner, fleet.acme, list(DEVICES))
    await owner.execute(
        "UPDATE device_registry SET site_id = 'porto' WHERE device_id < 'tank-04' AND device_id LIKE 'tank-%'"
    )
    return owner


async def test_what_goes_wrong_in_the_demo_is_real(
    open_channel: OpenChannel, mosquitto: BrokerProcess, database_url: str, owner_of_tanks: asyncpg.Connection
) -> None:
    """Without messages over MQTT, a demonstration shows what was painted, not what the program does."""
    owner = owner_of_tanks

    async def told(*kinds: str) -> bool:
        return {row["kind"] for row in await owner.fetch(PROBLEMS)} >= set(kinds)

    async def late() -> bool:
        return bool(await owner.fetchval("SELECT count(*) FROM device_commands WHERE acked_at > expires_at"))

    async with (
        open_channel(mosquitto.address) as channel,
        playing(channel, mosquitto, database_url) as traffic,
    ):
        for what in (
            Happening.FORGED,
            Happening.CONFLICTING,
            Happening.MALFORMED,
            Happening.LATE,
            Happening.BULK,
        ):
            await traffic.happen(what)
        await until(lambda: told("forged ack", "conflicting ack", "malformed ack"))
        await until(late)
    assert await owner.fetchval("SELECT count(*) FROM device_console.batches") == 1
    senders = await owner.fetch("SELECT DISTINCT created_by FROM device_commands")
    assert {row["created_by"] for row in senders} <= {"alice", "bruno", "marta", "jussi"}


@pytest.mark.slow
async def test_a_quiet_site_misses_its_commands_and_comes_back(
    open_channel: OpenChannel, mosquitto: BrokerProcess, database_url: str, owner_of_tanks: asyncpg.Connection
) -> None:
    """Without a real absence, its devices would answer, or be shown online although they do not."""
    owner = owner_of_tanks

    async def links() -> set[tuple[str, str]]:
        rows = await owner.fetch(
            "SELECT DISTINCT site_id, status FROM device_state WHERE device_id LIKE 'tank-%'"
        )
        return {(row["site_id"], row["status"]) for row in rows}

    async def are(link: Link) -> bool:
        return await links() == {("lyon", "ONLINE"), ("porto", link.name)}

    async def missed() -> bool:
        return bool(await owner.fetchval("SELECT count(*) = 4 FROM device_commands WHERE status = 'missed'"))

    async with (
        open_channel(mosquitto.address) as channel,
        playing(channel, mosquitto, database_url) as traffic,
    ):
        await until(lambda: are(Link.ONLINE))
        await traffic.happen(Happening.QUIET)
        await until(lambda: are(Link.STALE))
        await until(missed)
        await until(lambda: are(Link.ONLINE), 2 * QUIET_S)
