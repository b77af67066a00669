"""Two real processes migrate one database, together or one after the other's death."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from console.mqtt.session import BrokerAddress
from console.store.schema.migrate import LOCK_KEY
from console.store.schema.migration_files import read_migrations, read_repeatables
from tests.faults.processes import environment, program
from tests.faults.program import FAILPOINT
from tests.waiting import until

NOWHERE = BrokerAddress("127.0.0.1", 1)
WHOLE = len(read_migrations())
WAITING = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@pytest.fixture
async def empty(empty_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(empty_url)
    yield connection
    await connection.close()


async def test_processes_that_migrate_at_once_do_it_once(
    empty: asyncpg.Connection, empty_url: str, tmp_path: Path
) -> None:
    """Without the lock around the migrations, one of them fails on what the other just made."""
    env = environment(tmp_path, empty_url, NOWHERE)
    await empty.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
    async with AsyncExitStack() as stack:
        both = [
            await stack.enter_async_context(program(env, "migrate", "--create-platform-tables"))
            for _ in range(2)
        ]

        async def both_wait() -> bool:
            assert all(process.alive for process in both), [process.message for process in both]
            return bool(await empty.fetchval(WAITING) == 2)

        await until(both_wait)
        await empty.execute("SELECT pg_advisory_unlock($1)", LOCK_KEY)
        assert [await process.ended() for process in both] == [0, 0]
    rows = await empty.fetch("SELECT version, origin FROM device_console.migrations")
    assert len(rows) == WHOLE
    assert {row["origin"] for row in rows} == {"applied"}
    assert await empty.fetchval("SELECT count(*) FROM device_console.repeatables") == len(read_repeatables())


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_what_a_killed_migration_left_half_done_is_not_there_and_the_next_process_goes_on(
    empty: asyncpg.Connection, empty_url: str, tmp_path: Path, moment: str
) -> None:
    """Without one transaction for each migration, a kill between its work and its record blocks every next run."""
    env = environment(
        tmp_path, empty_url, NOWHERE, failpoint=f"console.store.schema.migrate:_apply:{moment}:9"
    )
    async with program(env, "migrate", "--create-platform-tables") as dying:
        assert await dying.ended() == -9, dying.message
    assert await empty.fetchval("SELECT count(*) FROM device_console.migrations") == 8
    async with program(env | {FAILPOINT: ""}, "migrate", "--create-platform-tables") as second:
        assert await second.ended() == 0, second.message
    assert await empty.fetchval("SELECT count(*) FROM device_console.migrations") == WHOLE
    async with program(env | {FAILPOINT: ""}, "migrate", "--create-platform-tables") as third:
        assert await third.ended() == 0, third.message


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_functions_are_replaced_all_together_or_not_at_all(
    empty: asyncpg.Connection, empty_url: str, tmp_path: Path, moment: str
) -> None:
    """Without one transaction for all of them, a kill half-way leaves workers with functions of two versions."""
    env = environment(
        tmp_path, empty_url, NOWHERE, failpoint=f"console.store.schema.migrate:replace:{moment}:4"
    )
    async with program(env, "migrate", "--create-platform-tables") as dying:
        assert await dying.ended() == -9, dying.message
    functions = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'device_console'::regnamespace"
    assert await empty.fetchval(functions) == 0
    assert await empty.fetchval("SELECT count(*) FROM device_console.repeatables") == 0
    async with program(env | {FAILPOINT: ""}, "migrate") as second:
        assert await second.ended() == 0, second.message
    assert await empty.fetchval("SELECT count(*) FROM device_console.repeatables") == len(read_repeatables())
