"""An answer that the broker took from a device is in the database once the parts are back."""

import asyncio
import contextlib
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from console.store.access import Access
from tests.brokers import start_broker
from tests.conftest import Fleet
from tests.faults.fleet import Ack, AckingFleet
from tests.faults.postgres import PrivatePostgres, through
from tests.faults.processes import Running, environment, program
from tests.faults.proxy import Proxy
from tests.rows import answered_times, log_answers
from tests.waiting import LONG_S, until

pytestmark = pytest.mark.mosquitto

MIB = 1_048_576
PUBLISHED = (
    "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, published_at, expires_at)"
    " SELECT 'acme', 'c' || n, 'pump-' || 1 + n % 5, 'ping', now(), now() + interval '1 hour'"
    " FROM generate_series(1, $1::integer) n"
)


async def delivered(owner: asyncpg.Connection) -> int:
    return int(await owner.fetchval("SELECT count(*) FROM device_commands WHERE status = 'delivered'"))


def acks(rows: int, padding: int = 0) -> list[Ack]:
    pad = "x" * padding
    return [
        (f"pump-{1 + n % 5}", f"c{n}", f'{{"command_id": "c{n}", "status": "ok", "details": {{"p": "{pad}"}}}}'.encode())
        for n in range(1, rows + 1)
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("rows", [3_000, pytest.param(20_000, marks=pytest.mark.soak)])
async def test_no_answer_that_the_broker_took_is_lost_when_everything_dies(
    postgres: PrivatePostgres, tmp_path: Path, rows: int
) -> None:
    """Without the PUBACK after the commit, the answers that a killed worker held are gone."""
    owner = await postgres.connect()
    await owner.execute(PUBLISHED, rows)
    await log_answers(owner)
    with start_broker("mosquitto") as broker:
        env = environment(tmp_path, postgres.login_url, broker.address)
        async with AsyncExitStack() as stack:

            async def worker() -> Running:
                running = await stack.enter_async_context(program(env, "--sweeper"))
                await running.ready()
                return running

            ingest, standby = await worker(), await worker()
            fleet = AckingFleet(
                broker.address, acks(rows) + acks(rows)[::3]
            )  # every third device says it twice
            answering = asyncio.create_task(fleet.run())

            async def reach(share: float) -> None:
                async def there() -> bool:
                    return await delivered(owner) >= share * rows

                await until(there, LONG_S)

            await reach(0.1)
            async with owner.transaction():  # so that the worker dies with answers in its hands
                await owner.execute("LOCK TABLE device_commands IN EXCLUSIVE MODE")
                settled = await delivered(owner)

                async def many_are_under_way() -> bool:
                    return len(fleet.acknowledged) >= min(settled + 1_000, rows)

                await until(many_are_under_way)
                ingest.kill()
            await reach(0.3)
            postgres.kill()
            owner.terminate()  # its server is gone
            owner = await postgres.connect()
            await reach(0.5)
            broker.stop()
            broker.start()
            await reach(0.7)
            standby.kill()
            last = await worker()
            await asyncio.wait_for(answering, LONG_S)
            with contextlib.suppress(AssertionError):
                await reach(1.0)
            assert last.alive
    kept = {
        row["command_id"]
        for row in await owner.fetch("SELECT command_id FROM device_commands WHERE status = 'delivered'")
    }
    times = await answered_times(owner)
    await owner.close()
    assert set(fleet.acknowledged) - kept == set()
    assert len(fleet.acknowledged) == rows
    assert times == {1: rows}


@pytest.mark.slow
async def test_answers_that_worker_and_database_had_in_their_hands_come_again(
    postgres: PrivatePostgres, tmp_path: Path
) -> None:
    """Without the PUBACK after the commit, they are gone: a server alone would still finish what a dead worker began."""
    rows = 1_500
    owner = await postgres.connect()
    await owner.execute(PUBLISHED, rows)
    with start_broker("mosquitto") as broker:
        env = environment(tmp_path, postgres.login_url, broker.address)
        devices = AckingFleet(broker.address, acks(rows))

        async def many_are_under_way() -> bool:
            return len(devices.acknowledged) >= rows / 2

        async with program(env, "--sweeper") as worker:
            await worker.ready()
            await owner.execute("BEGIN; LOCK TABLE device_commands IN EXCLUSIVE MODE")
            answering = asyncio.create_task(devices.run())
            await until(many_are_under_way)
            worker.kill()
            postgres.kill()
            owner.terminate()
            owner = await postgres.connect()
        async with program(env, "--sweeper") as worker:
            await worker.ready()
            await asyncio.wait_for(answering, LONG_S)

            async def all_are_in() -> bool:
                return await delivered(owner) == rows

            with contextlib.suppress(AssertionError):
                await until(all_are_in)
    missing = rows - await delivered(owner)
    await owner.close()
    assert missing == 0


@pytest.mark.parametrize(
    ("version", "outage_s"),
    [("auto", 3), *(pytest.param(v, s, marks=pytest.mark.soak) for v, s in (("3.1.1", 3), ("auto", 60)))],
)
@pytest.mark.soak
async def test_a_database_that_hangs_costs_bounded_memory_and_no_answer(
    database_proxy: Proxy, access: Access, owner: asyncpg.Connection, fleet: Fleet, tmp_path: Path,
    version: str, outage_s: float,
) -> None:  # fmt: skip
    """Without the cap on what waits, the answers of an outage pile up in memory; killed in it, none may be lost."""
    rows, padding = 900, 60_000
    await owner.execute(PUBLISHED, rows)
    with start_broker("mosquitto", "persistence false") as broker:
        url = through(access.url, database_proxy.port)
        env = environment(tmp_path, url, broker.address, CONSOLE_MQTT_VERSION=version)
        async with program(env, "--sweeper") as worker:
            await worker.ready()
            before = worker.rss_bytes
            await database_proxy.become("black hole")
            devices = AckingFleet(broker.address, acks(rows, padding))
            await asyncio.wait_for(devices.run(), LONG_S)
            highest = 0
            ends = asyncio.get_running_loop().time() + outage_s

            async def over() -> bool:
                nonlocal highest
                highest = max(highest, worker.rss_bytes)
                return asyncio.get_running_loop().time() > ends

            await until(over, outage_s + 5)
            assert await delivered(owner) == 0
            print(f"grew by {(highest - before) / MIB:.0f} MiB while {rows * padding / MIB:.0f} MiB waited")
            worker.kill()
        database_proxy.cut()
        await database_proxy.become("pass")
        async with program(env, "--sweeper"):

            async def all_there() -> bool:
                return await delivered(owner) == rows

            await until(all_there, LONG_S)
    assert len(devices.acknowledged) == rows
    assert highest - before < 45 * MIB
