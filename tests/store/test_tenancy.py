"""Nobody sees another tenant: row-level security, roles and start checks on a real PostgreSQL."""

from datetime import timedelta

import asyncpg
import pytest

from console.errors import DatabaseUnreachableError, RefusedError, UsageError
from console.runtime.program import Program
from console.runtime.wiring import wire_program
from console.store.access import Access
from console.store.pool import Database
from console.store.schema.checks import check_start
from console.store.sql import query
from tests.conftest import Fleet
from tests.filters import of_commands, of_devices
from tests.needs import need
from tests.rows import add_command

HOSTILE_TENANTS = ["'; DROP TABLE device_commands; --", "$1", "%s", "", "acme' OR '1'='1", "ACME"]
TABLES = ["device_commands", "device_registry", "device_state", "device_tags", "device_console.outbox",
          "device_console.journal", "device_console.problems", "device_console.batch_targets"]  # fmt: skip


async def test_a_tenant_sees_only_its_own_rows(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the policies both tenants would see both rows."""
    await add_command(owner, fleet.acme, "mine")
    await add_command(owner, fleet.rival, "theirs")
    assert [c.command_id for c in (await program.history.commands("acme")).commands] == ["mine"]
    assert await program.history.command("acme", "theirs") is None
    assert (await program.history.reread("acme", ["mine", "theirs"])).commands[0].command_id == "mine"


@pytest.mark.parametrize("tenant", HOSTILE_TENANTS)
async def test_a_hostile_tenant_id_sees_nothing(
    database: Database, owner: asyncpg.Connection, fleet: Fleet, tenant: str
) -> None:
    await add_command(owner, fleet.acme, "mine")
    async with database.tenant_session(tenant) as connection:
        for table in TABLES:
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_no_session_leaves_its_tenant_behind(
    access: Access, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without a local setting, the next user of a pool of one would inherit the tenant."""
    await add_command(owner, fleet.acme, "mine")
    database = Database(access, max_size=1)
    await database.open()
    async with database.tenant_session("acme") as connection:
        assert await connection.fetchval("SELECT count(*) FROM device_commands") == 1
    with pytest.raises(RuntimeError):
        async with database.tenant_session("acme"):
            raise RuntimeError
    sender = wire_program(database, tenants=("acme",), operator="alice").sender
    await sender.send("acme", [sender.draft("pump-1", "ping")])
    assert database._pool is not None
    async with database._pool.acquire() as connection:  # as it is, by no session that would set anything
        assert await connection.fetchval("SELECT current_user") == "console_login"
        assert not await connection.fetchval("SELECT current_setting('app.tenant_id', true)")
        assert await connection.fetchval("SELECT count(*) FROM device_commands") == 0
    await database.close()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO device_commands (tenant_id, device_id, command_type) VALUES ('rival', 'pump-1', 'x')",
        "DELETE FROM device_commands",
        "TRUNCATE device_commands",
        "UPDATE device_commands SET expires_at = now()",
        "UPDATE device_commands SET command_params = '{}'",
        "UPDATE device_commands SET tenant_id = 'rival'",
        "INSERT INTO device_console.outbox (tenant_id, command_id, device_id) VALUES ('rival', 'a', 'b')",
        "SELECT device_console.sweep('-infinity', 1)",
        "SELECT * FROM device_console.claim(gen_random_uuid(), 1, '1 s', 1)",
        "ALTER TABLE device_commands DISABLE ROW LEVEL SECURITY",
    ],
)
async def test_an_operator_may_not(
    database: Database, owner: asyncpg.Connection, fleet: Fleet, statement: str
) -> None:
    """Without the role that the policies bind, each of these would be done."""
    await add_command(owner, fleet.acme, "mine")
    with pytest.raises(RefusedError):
        async with database.tenant_session("acme") as connection:
            await connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM device_commands",
        "SELECT contact_email FROM tenants",
        "SELECT * FROM device_console.outbox",
        "INSERT INTO device_commands (tenant_id, device_id, command_type) VALUES ('acme', 'pump-1', 'x')",
        "UPDATE device_commands SET command_params = '{}', expires_at = now(), created_by = 'x'",
        "DELETE FROM device_commands",
        "DROP TABLE device_commands",
    ],
)
async def test_a_worker_may_only_do_its_three_jobs(database: Database, fleet: Fleet, statement: str) -> None:
    """Without its lack of table rights, each of these would be done."""
    with pytest.raises(RefusedError):
        async with database.fleet_session() as connection:
            await connection.execute(statement)


async def test_the_start_checks_pass_for_the_plain_login(database: Database) -> None:
    report = await check_start(database)
    assert report.may_work
    assert report.may_send
    assert report.warnings == ()


@pytest.mark.parametrize("local", [False, True])
async def test_a_login_that_the_server_believes_without_asking_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch, local: bool
) -> None:
    """Without this check anybody on the network is the operator. From this machine it is a warning."""

    def reported(name: str) -> str:
        return f"SELECT true AS trusted, {local} AS local" if name == "start_trust" else query(name)

    monkeypatch.setattr("console.store.schema.checks.query", reported)
    monkeypatch.setattr("console.store.schema.checks._TELLS_TRUST", 0)
    if local:
        assert any("without asking" in text for text in (await check_start(database)).warnings)
        return
    with pytest.raises(RefusedError, match="without asking .trust in pg_hba.conf."):
        await check_start(database)


async def test_the_server_tells_whether_it_asked(database: Database, access: Access) -> None:
    """By a Unix socket with peer authentication it did."""
    async with database.login_session() as connection:
        version = await connection.fetchval("SELECT current_setting('server_version_num')::integer")
        need("PostgreSQL 16", version >= 160_000)
        row = await connection.fetchrow(query("start_trust"))
    assert (row["trusted"], row["local"]) == (False, True)


async def test_a_role_that_is_not_bound_is_refused(database_url: str) -> None:
    """Without this check, the console would show every tenant's rows to every operator."""
    database = Database(Access(database_url, operator_role="pulse_operator"))
    await database.open()
    with pytest.raises(RefusedError, match="not bound by row level security"):
        await check_start(database)
    await database.close()


@pytest.mark.parametrize(
    ("url", "error", "sentence"),
    [
        ("postgresql://nobody@127.0.0.1:1/x", DatabaseUnreachableError, "does not answer"),
        ("postgresql://u@h:notaport/x", UsageError, "cannot be read"),
        ("http://x", UsageError, "cannot be read"),
    ],
)
async def test_a_wrong_address_is_one_sentence(url: str, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        await Database(Access(url)).open()


async def test_a_database_that_does_not_exist_is_named(access: Access) -> None:
    wrong = Access(access.url.replace("/test_", "/nothing_", 1))
    with pytest.raises(RefusedError, match="does not exist"):
        await Database(wrong).open()


async def test_paging_neither_skips_nor_repeats_equal_instants(
    program: Program, owner: asyncpg.Connection
) -> None:
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type)"
        " SELECT 'acme', 'c' || n, 'pump-1', 'ping' FROM generate_series(1, 95) n"
    )
    seen: list[str] = []
    before = None
    while True:
        page = await program.history.commands("acme", before=before, limit=10)
        seen += [command.command_id for command in page.commands]
        before = page.end
        if not page.more:
            break
    assert len(seen) == 95
    assert len(set(seen)) == 95


async def test_text_filters_and_devices(program: Program, owner: asyncpg.Connection, fleet: Fleet) -> None:
    await add_command(owner, fleet.acme, "c1", "pump-1", published=True, age=timedelta(seconds=9))
    await add_command(owner, fleet.acme, "c2", "pump-2")
    found = await program.history.commands("acme", wanted=of_commands("PING published"))
    assert [c.command_id for c in found.commands] == ["c1"]
    only = await program.history.commands("acme", device_ids=["pump-2"])
    assert [c.command_id for c in only.commands] == ["c2"]
    devices = await program.history.devices("acme", ["pump-1", "pump-3", "gone"])
    assert devices["pump-1"].in_flight == 1
    assert devices["pump-3"].last_command is None
    assert "gone" not in devices
    assert await program.history.device_index("acme", of_devices("pump-4")) == ["pump-4"]
    assert (await program.history.device_counts("acme")).unknown == 5
