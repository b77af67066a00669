"""Sessions that keep the worker's role: one round trip a statement, and every promise of a transaction's settings."""

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from console.errors import ConflictError, DatabaseUnreachableError, RefusedError, UsageError
from console.store.access import Access
from console.store.changes import COMMANDS_CHANNEL
from console.store.pool import Database
from console.store.standing import SIZE
from tests.conftest import Fleet
from tests.rows import add_command
from tests.waiting import until

WHO = (
    "SELECT current_user AS name, pg_backend_pid() AS pid, current_setting('app.tenant_id') AS tenant,"
    " current_setting('lock_timeout') AS lock_wait"
)
WRITES = "SELECT device_console.set_ingest_slots(1)"


async def who(database: Database) -> asyncpg.Record:
    async with database.fleet_statement() as connection:
        return await connection.fetchrow(WHO)


async def test_a_statement_is_one_round_trip_as_the_worker(access: Access, database: Database) -> None:
    """Without a session that keeps the role, each statement has three more around it."""
    first = await who(database)
    assert (first["name"], first["tenant"], first["lock_wait"]) == (access.worker_role, "", "5s")
    sent: list[str] = []
    async with database.fleet_statement() as connection:
        with connection.query_logger(lambda record: sent.append(record.query)):
            assert await connection.fetchval("SELECT pg_backend_pid()") == first["pid"]
    assert sent == ["SELECT pg_backend_pid()"]


async def test_it_is_committed_when_it_returns_and_leaves_no_setting(database: Database) -> None:
    async with database.fleet_statement() as connection:
        await connection.fetch(
            "SELECT device_console.set_ingest_slots(7), set_config('lock_timeout', '9s', true)"
        )
    async with database.fleet_session() as session:
        assert await session.fetchval("SELECT ingest_slots FROM device_console.deployment") == 7
    assert (await who(database))["lock_wait"] == "5s"


async def test_no_other_session_ever_gets_one_of_them(
    database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without a pool of their own, an operator's transaction may run in a session that is the worker's."""
    await add_command(owner, fleet.acme, "c1")
    workers: set[int] = set()
    others: set[int] = set()

    async def statement() -> None:
        workers.add((await who(database))["pid"])

    async def operator(tenant_id: str, rows: int) -> None:
        async with database.tenant_session(tenant_id) as connection:
            others.add(await connection.fetchval("SELECT pg_backend_pid()"))
            assert await connection.fetchval("SELECT count(*) FROM device_commands") == rows

    for _ in range(5):
        await asyncio.gather(
            *(statement() for _ in range(6)), *(operator("acme", 1) for _ in range(6)), operator("rival", 0)
        )
    assert workers.isdisjoint(others)
    assert len(workers) <= SIZE


async def test_it_has_the_workers_rights_only(database: Database, fleet: Fleet) -> None:
    async with database.fleet_statement() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT FROM device_commands")
    async with database.fleet_statement() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT FROM device_console.outbox")


async def test_a_login_without_the_role_is_refused_in_the_same_words(access: Access) -> None:
    messages: list[str] = []
    for use in (Database.fleet_session, Database.fleet_statement):
        database = Database(replace(access, worker_role="pg_read_all_data"))
        await database.open()
        with pytest.raises(RefusedError) as caught:
            async with use(database) as connection:
                await connection.fetch(WHO)
        messages.append(str(caught.value))
        await database.close()
    assert messages[0] == messages[1]


async def test_an_error_is_translated_and_the_session_goes_on(database: Database) -> None:
    before = await who(database)
    with pytest.raises(RefusedError, match="lacks what the console needs"):
        async with database.fleet_statement() as connection:
            await connection.fetch("SELECT device_console.no_such_function()")
    assert await who(database) == before


async def test_one_that_became_read_only_is_left_before_its_next_statement(database: Database) -> None:
    """Without the look, a worker goes on reading the outbox of a server that was demoted."""
    before = await who(database)
    async with database.fleet_statement() as connection:
        await connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
    assert (await who(database))["pid"] != before["pid"]


async def test_those_that_were_always_read_only_are_left_at_the_first_refusal(
    access: Access, owner: asyncpg.Connection
) -> None:
    """Without leaving the siblings, each of them refuses a statement first."""
    name = await owner.fetchval("SELECT current_database()")
    await owner.execute(f"ALTER ROLE console_login IN DATABASE {name} SET default_transaction_read_only = on")
    database = Database(access)
    await database.open()
    try:
        await asyncio.gather(*(statement_of(database, "SELECT pg_sleep(0.2)") for _ in range(SIZE)))
        await owner.execute(
            f"ALTER ROLE console_login IN DATABASE {name} SET default_transaction_read_only = off"
        )
        with pytest.raises(ConflictError, match="read-only"):
            await statement_of(database, WRITES)
        await asyncio.gather(*(statement_of(database, WRITES) for _ in range(SIZE)))
    finally:
        await database.close()
        await owner.execute(
            f"ALTER ROLE console_login IN DATABASE {name} RESET default_transaction_read_only"
        )


async def statement_of(database: Database, text: str) -> Any:
    async with database.fleet_statement() as connection:
        return await connection.fetch(text)


async def test_a_session_that_the_server_ended_is_replaced(
    database: Database, owner: asyncpg.Connection
) -> None:
    before = await who(database)
    await owner.fetch("SELECT pg_terminate_backend($1, 5000)", before["pid"])

    async def works() -> bool:
        with contextlib.suppress(
            DatabaseUnreachableError
        ):  # once, where it is found out only by the statement
            return bool((await who(database))["pid"] != before["pid"])
        return False

    await until(works)


async def test_the_secrets_of_the_moment_are_used_for_each_connection(access: Access) -> None:
    """Without reading them again, what was rotated ends a worker at its next connection."""
    read = 0

    def renew() -> Access:
        nonlocal read
        read += 1
        return access

    database = Database(replace(access, renew=renew))
    await database.open()
    first, before = await who(database), read
    assert (await who(database))["pid"] == first["pid"]
    assert read == before
    await database.renew()
    assert (await who(database))["pid"] != first["pid"]
    assert read == before + 1
    await database.close()


async def test_where_the_login_has_no_room_for_them_a_transaction_does(
    access: Access, owner: asyncpg.Connection
) -> None:
    """Without the other way, a limit that was enough for a process stops its workers."""
    await owner.execute("CREATE ROLE narrow LOGIN CONNECTION LIMIT 1 IN ROLE device_console_worker")
    database = Database(replace(access, url=access.url.replace("console_login", "narrow")), max_size=1)
    try:
        await database.open()
        assert (await who(database))["name"] == access.worker_role
    finally:
        await database.close()

        async def gone() -> bool:
            return not await owner.fetchval("SELECT count(*) FROM pg_stat_activity WHERE usename = 'narrow'")

        await until(gone)
        await owner.execute("DROP ROLE narrow")


async def test_our_own_notifications_are_known(
    database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without that, a dispatcher is woken by what it has just written itself."""
    heard: asyncio.Queue[int] = asyncio.Queue()
    await owner.add_listener(COMMANDS_CHANNEL, lambda _c, pid, _channel, _payload: heard.put_nowait(pid))
    async with database.fleet_statement() as connection:
        await connection.execute(f"NOTIFY {COMMANDS_CHANNEL}")
    assert database.owns(await heard.get())
    async with database.fleet_session() as session:
        await session.execute(f"NOTIFY {COMMANDS_CHANNEL}")
    assert not database.owns(await heard.get())
    await database.renew()
    async with database.fleet_statement() as connection:
        await connection.execute(f"NOTIFY {COMMANDS_CHANNEL}")
    assert database.owns(await heard.get())


async def test_a_cancelled_statement_gives_its_session_back(database: Database) -> None:
    for _ in range(SIZE + 1):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), database.fleet_statement() as connection:
                await connection.fetch("SELECT pg_sleep(60)")
    async with asyncio.timeout(10):
        await asyncio.gather(*(who(database) for _ in range(SIZE)))


async def test_a_session_cancelled_twice_is_ended_without_a_word(
    database: Database, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it, a worker that stops in the middle of a statement logs a warning that nobody understands."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    pids: list[int] = []
    begun = asyncio.Event()
    inner = asyncpg.transaction.Transaction.rollback

    async def rollback(transaction: asyncpg.transaction.Transaction) -> None:
        begun.set()
        await inner(transaction)

    monkeypatch.setattr(asyncpg.transaction.Transaction, "rollback", rollback)

    async def work() -> None:
        async with database.tenant_session("acme") as connection:
            pids.append(await connection.fetchval("SELECT pg_backend_pid()"))
            await connection.fetchval("SELECT pg_advisory_xact_lock(7)")

    async def waits() -> bool:
        return bool(pids) and await owner.fetchval(
            "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1", pids[0]
        )

    await owner.execute("SELECT pg_advisory_lock(7)")
    working = asyncio.create_task(work())
    await until(waits)
    working.cancel()
    await begun.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    await owner.execute("SELECT pg_advisory_unlock(7)")
    await until(
        lambda: owner.fetchval("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)", pids[0])
    )
    async with database.tenant_session("acme") as connection:
        assert await connection.fetchval("SELECT 1") == 1
    assert told == []


async def test_what_is_closed_is_said_to_be_closed(database: Database) -> None:
    await who(database)
    await database.close()
    with pytest.raises(UsageError, match="not open"):
        await who(database)
