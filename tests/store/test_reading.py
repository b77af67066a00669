"""A read-only console is read-only in PostgreSQL, over the pool of those who write."""

from pathlib import Path

import asyncpg
import pytest

from console.errors import ConflictError, ConsoleError, ReadOnlyError
from console.runtime.program import Program
from console.runtime.startup import open_program
from console.runtime.wiring import wire_program
from console.secret import Secret
from console.settings import Settings
from console.store.access import Access
from console.store.changes import ping, set_ingest_slots
from console.store.leases import lease_holders
from console.store.pool import Database
from console.store.schema.checks import check_start
from tests.conftest import Fleet
from tests.rows import add_command

INSERT = (
    "INSERT INTO device_commands (tenant_id, device_id, command_type, command_params, expires_at)"
    " VALUES ('acme', 'pump-1', 'reboot', '{}', now() + interval '1 hour')"
)
ESCAPES = (
    "SET TRANSACTION READ WRITE",
    "SET LOCAL transaction_read_only = off",
    "RESET transaction_read_only",
    "SELECT set_config('transaction_read_only', 'off', true)",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "SET default_transaction_read_only = off",
    "RESET ALL",
    "SAVEPOINT s; SET TRANSACTION READ WRITE",
    "SELECT set_config('role', 'none', true)",
)


async def _rows(owner: asyncpg.Connection) -> int:
    count: int = await owner.fetchval("SELECT count(*) FROM device_commands")
    return count


async def test_nothing_can_be_inserted_through_a_view_that_reads(
    database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the transaction's own rule an INSERT of a read-only console goes through."""
    reading = database.reading()
    with pytest.raises(ReadOnlyError, match="This console is read-only"):
        async with reading.tenant_session(fleet.acme) as connection:
            await connection.execute(INSERT)
    assert await _rows(owner) == 0
    async with database.tenant_session(fleet.acme) as connection:
        await connection.execute(INSERT)
    assert await _rows(owner) == 1


@pytest.mark.parametrize("escape", ESCAPES)
async def test_no_statement_makes_the_transaction_writable_again(
    database: Database, owner: asyncpg.Connection, fleet: Fleet, escape: str
) -> None:
    """Without the snapshot that entering takes, SET TRANSACTION READ WRITE would be obeyed."""
    if escape == "RESET transaction_read_only" and owner.get_server_version().major < 16:
        pytest.skip("before PostgreSQL 16, RESET takes it back: nothing of ours sends it")
    refusals = (asyncpg.ActiveSQLTransactionError, asyncpg.FeatureNotSupportedError)
    try:
        async with database.reading().tenant_session(fleet.acme) as connection:
            await connection.execute(escape)
            assert await connection.fetchval("SHOW transaction_read_only") == "on"
            await connection.execute(INSERT)
    except ReadOnlyError:
        pass
    except ConsoleError as error:
        assert isinstance(error.__cause__, refusals), error
    else:
        pytest.fail("it was written")
    assert await _rows(owner) == 0


async def test_functions_of_the_worker_write_nothing_either(database: Database, fleet: Fleet) -> None:
    """Without leaving standing sessions alone, a statement of the worker's role would write."""
    reading = database.reading()
    with pytest.raises(ReadOnlyError):
        await set_ingest_slots(reading, 2)
    with pytest.raises(ReadOnlyError):
        async with reading.fleet_statement() as connection:
            await connection.execute("SELECT device_console.set_ingest_slots(2)")
    with pytest.raises(ReadOnlyError):
        async with reading.login_session() as connection:
            await connection.execute("CREATE TABLE device_console.other ()")
    await set_ingest_slots(database, 2)


async def test_a_refusal_leaves_the_connections_of_others_alone(access: Access, fleet: Fleet) -> None:
    """Without the difference to a server that was demoted, each refusal would close the sessions of all."""
    database = Database(access, max_size=1)
    await database.open()
    try:
        pids = set()
        for place in (database, database.reading(), database):
            async with place.tenant_session(fleet.acme) as connection:
                pids.add(await connection.fetchval("SELECT pg_backend_pid()"))
            with pytest.raises(ReadOnlyError):
                async with database.reading().tenant_session(fleet.acme) as connection:
                    await connection.execute(INSERT)
        assert len(pids) == 1
        await database.reading().close()
        await ping(database)
    finally:
        await database.close()


async def test_a_read_only_program_reads_all_and_sends_nothing(
    database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the view in the wiring, only the screen would know that this program is read-only."""
    program: Program = wire_program(database, tenants=(fleet.acme,), operator="alice", read_only=True)
    await add_command(owner, fleet.acme, "mine")
    assert [c.command_id for c in (await program.history.commands("acme")).commands] == ["mine"]
    assert await program.history.command("acme", "mine") is not None
    assert await program.history.tenant("acme") is not None
    assert await program.history.recent_commands("acme")
    await check_start(database.reading())
    await lease_holders(database.reading())
    with pytest.raises(ReadOnlyError):
        await program.sender.cancel("acme", "mine", "alice")


async def test_what_readers_of_a_serving_process_get_cannot_write(
    access: Access, owner: asyncpg.Connection, fleet: Fleet, tmp_path: Path
) -> None:
    """Without it, guests and readers are kept from writing by the keys of their screens only, beside those who write."""
    await add_command(owner, fleet.acme, "mine")
    settings = Settings(
        database_url=Secret(access.url), mqtt_url=Secret("mqtt://127.0.0.1:1"), tenant="acme", operator="kim",
        home=tmp_path,
    )  # fmt: skip
    async with open_program(settings, jobs="none", many=True) as opened:
        reader = opened.for_reading()
        assert [c.command_id for c in (await reader.history.commands("acme")).commands] == ["mine"]
        with pytest.raises(ReadOnlyError):
            await reader.sender.cancel("acme", "mine", "guest")
        assert reader.director is None
        with pytest.raises(
            ConflictError, match="another program wrote it"
        ):  # this one is let through, and judged
            await opened.program.sender.cancel("acme", "mine", "kim")
