"""One, two and four workers on one outbox and one fleet, which come and are killed under load: nothing is lost, and order holds."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from console.store.access import Access
from console.store.changes import set_ingest_slots
from console.store.pool import Database
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.devices import device, ok
from tests.faults.processes import Running, environment, program
from tests.rows import add_devices
from tests.waiting import LONG_S, until

pytestmark = [pytest.mark.mosquitto, pytest.mark.slow]
DEVICES = 50
SEND = (
    "WITH c AS (INSERT INTO device_commands (tenant_id, command_id, device_id, command_type)"
    " SELECT 'acme', lpad(n::text, 6, '0'), 'unit-' || n % 50, 'ping' FROM generate_series($1::integer, $2::integer) n"
    " RETURNING command_id, device_id) INSERT INTO device_console.outbox (tenant_id, command_id, device_id)"
    " SELECT 'acme', command_id, device_id FROM c ORDER BY command_id"
)


@pytest.mark.parametrize("workers", [1, 2, 4])
async def test_workers_that_come_and_are_killed_under_load_lose_nothing_and_keep_the_order(
    mosquitto: BrokerProcess, owner: asyncpg.Connection, database: Database, fleet: Fleet, access: Access,
    tmp_path: Path, workers: int,
) -> None:  # fmt: skip
    """Without leases, chains and slots that are taken over, commands stay behind with the worker that died, or overtake each other."""
    await add_devices(owner, fleet.acme, [f"unit-{n}" for n in range(DEVICES)])
    await set_ingest_slots(database, workers)
    env = environment(tmp_path, access.url, mosquitto.address)
    sent = 0

    async def load(rows: int) -> None:
        nonlocal sent
        await owner.execute(SEND, sent + 1, sent + rows)
        sent += rows

    async def half_are_answered() -> bool:
        return await _ended(owner) >= sent / 2

    async with device(mosquitto.address, "+", ok) as pumps, AsyncExitStack() as stack:

        async def join() -> Running:
            worker = await stack.enter_async_context(program(env, "--sweeper"))
            await worker.ready()
            return worker

        running = [await join() for _ in range(workers)]
        for _ in range(2):
            await load(600)
            await until(half_are_answered, LONG_S)
            running.pop(0).kill()
            joining = asyncio.create_task(join())
            await load(200)
            running.append(await joining)

        async def all_are_answered() -> bool:
            return await _ended(owner) == sent

        await until(all_are_answered, LONG_S)
    assert await owner.fetchval("SELECT count(*) FROM device_commands WHERE status <> 'delivered'") == 0
    assert await owner.fetchval("SELECT count(*) FROM device_console.outbox") == 0
    firsts: dict[str, dict[str, None]] = {}
    for message, command in zip(pumps.got, pumps.commands, strict=True):
        firsts.setdefault(str(message.topic), {})[command["command_id"]] = None
    assert sum(map(len, firsts.values())) == sent
    assert all(list(ids) == sorted(ids) for ids in firsts.values())


async def _ended(owner: asyncpg.Connection) -> int:
    return int(await owner.fetchval("SELECT count(*) FROM device_commands WHERE status = 'delivered'"))
