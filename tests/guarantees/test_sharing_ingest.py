"""Several processes share the acknowledgements, and none is lost when members die, come, or are fewer."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from console.store.access import Access
from console.store.changes import set_ingest_slots
from console.store.pool import Database
from console.wire.topics import ack_topic
from tests.brokers import BrokerProcess, start_broker
from tests.conftest import Fleet
from tests.devices import say
from tests.e2e.conftest import OpenChannel
from tests.faults.fleet import AckingFleet
from tests.faults.processes import Running, environment, program
from tests.guarantees.test_ingest import PUBLISHED, acks, delivered
from tests.waiting import LONG_S, until

pytestmark = pytest.mark.mosquitto
SLOT_HOLDERS = (
    "SELECT array_agg(DISTINCT holder) AS holders, count(*) AS held FROM device_console.leases"
    " WHERE role LIKE 'ingest %' AND NOT device_console.is_stale(beat_at)"
)


def shared_by(owner: asyncpg.Connection, slots: int, holders: int) -> Callable[[], Awaitable[bool]]:
    """A condition: so many slots are held, by so many processes."""

    async def holds() -> bool:
        row = await owner.fetchrow(SLOT_HOLDERS)
        return row["held"] == slots and len(row["holders"] or []) == holders

    return holds


@pytest.fixture
def mosquitto() -> Iterator[BrokerProcess]:
    """One of the test's own: databases copied from one template name their sessions alike."""
    with start_broker("mosquitto") as running:
        yield running


async def test_a_broker_that_shares_nothing_is_refused(
    database: Database, fleet: Fleet, owner: asyncpg.Connection, open_channel: OpenChannel
) -> None:
    """Without asking, `$share/…` is a plain topic for such a broker, and all answers are lost."""

    async def is_reported() -> bool:
        query = "SELECT count(*) FROM device_console.problems WHERE detail LIKE '%no shared subscriptions%'"
        return bool(await owner.fetchval(query))

    with start_broker("nats-server") as broker:
        async with open_channel(broker.address) as channel:
            sent = await channel.send()
            await channel.reaches(sent, "published")
        await set_ingest_slots(database, 2)
        async with open_channel(broker.address, wait=False):
            await until(is_reported)
        answer = json.dumps({"command_id": sent, "status": "ok"}).encode()
        await say(broker.address, ack_topic("acme", "pump-1"), answer)
        await set_ingest_slots(database, 1)
        async with open_channel(broker.address) as channel:
            await channel.reaches(sent, "ok")


@pytest.mark.slow
@pytest.mark.parametrize("version", ["auto", pytest.param("3.1.1", marks=pytest.mark.soak)])
async def test_a_killed_members_answers_are_taken_over(
    mosquitto: BrokerProcess, owner: asyncpg.Connection, database: Database, access: Access, fleet: Fleet,
    tmp_path: Path, version: str,
) -> None:  # fmt: skip
    """Without the successor in the dead member's session, the broker deals its share to nobody."""
    rows = 2_000
    await owner.execute(PUBLISHED, rows)
    await set_ingest_slots(database, 2)
    env = environment(tmp_path, access.url, mosquitto.address, CONSOLE_MQTT_VERSION=version)
    async with AsyncExitStack() as stack:
        members: list[Running] = [
            await stack.enter_async_context(program(env, "--sweeper")) for _ in range(2)
        ]
        await until(shared_by(owner, 2, 2))
        for member in members:
            await member.ready()
        devices = AckingFleet(mosquitto.address, acks(rows))
        answering = asyncio.create_task(devices.run())

        async def some_are_in() -> bool:
            return await delivered(owner) > rows / 10

        await until(some_are_in)
        async with owner.transaction():  # so that the member dies with answers in its hands
            await owner.execute("LOCK TABLE device_commands IN EXCLUSIVE MODE")
            settled = await delivered(owner)

            async def many_are_under_way() -> bool:
                return len(devices.acknowledged) >= min(settled + 1_000, rows)

            await until(many_are_under_way)
            members[0].kill()
        await asyncio.wait_for(answering, LONG_S)
        assert len(devices.acknowledged) == rows

        async def all_are_in() -> bool:
            return await delivered(owner) == rows

        await until(all_are_in)
        await until(shared_by(owner, 2, 1))


@pytest.mark.slow
async def test_a_newcomer_gets_a_slot_and_fewer_slots_lose_nothing(
    open_channel: OpenChannel,
    mosquitto: BrokerProcess,
    owner: asyncpg.Connection,
    database: Database,
    fleet: Fleet,
) -> None:
    """Without emptying the slots that are given up, what the broker dealt to them stays there."""
    await owner.execute(PUBLISHED, 900)
    await set_ingest_slots(database, 3)
    async with open_channel(mosquitto.address) as one:
        await until(shared_by(owner, 3, 1))
        async with open_channel(mosquitto.address) as two:
            await until(shared_by(owner, 3, 2))

            async def both_are_on() -> bool:
                return one.health.ingest == two.health.ingest == "on"

            await until(both_are_on)
            await say_all(mosquitto, 1, 301)
            await until(lambda: has(owner, 300))
    await say_all(mosquitto, 301, 601)  # dealt to three sessions that nobody holds
    await set_ingest_slots(database, 1)
    async with open_channel(mosquitto.address):
        await until(lambda: has(owner, 600))
        await say_all(mosquitto, 601, 901)
        await until(lambda: has(owner, 900))
    duplicates = await owner.fetchval("SELECT count(*) FROM device_console.problems")
    assert duplicates == 0


async def say_all(broker: BrokerProcess, first: int, end: int) -> None:
    for device_id in {device_id for device_id, _, _ in acks(5)}:
        message = [p for d, c, p in acks(900) if d == device_id and first <= int(c[1:]) < end]
        await say(broker.address, f"tenant/acme/device/{device_id}/commands/ack", *message)


async def has(owner: asyncpg.Connection, count: int) -> bool:
    return await delivered(owner) == count


@pytest.mark.slow
async def test_the_number_of_slots_has_a_shell_command(
    access: Access, mosquitto: BrokerProcess, database: Database, fleet: Fleet, tmp_path: Path
) -> None:
    """Without it, the number could be set by SQL only, and out of its range."""
    env = environment(tmp_path, access.url, mosquitto.address)
    for arguments, code in ((["4"], 0), (["17"], 2), ([], 0), (["2", "--read-only"], 2)):
        async with program(env, "ingest-slots", *arguments) as running:
            assert await running.ended() == code
    async with database.fleet_session() as connection:
        assert await connection.fetchval("SELECT ingest_slots FROM device_console.deployment") == 4
