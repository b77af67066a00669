"""What a login that is bound to a tenant can reach with a SQL client, and what LISTEN shows of others."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from console.runtime.program import Program
from console.store.access import Access
from console.store.changes import bound_tenants, digests
from console.store.pool import Database
from tests.conftest import Fleet
from tests.waiting import until

Login = Callable[..., Awaitable[asyncpg.Connection]]
OURS = ("outbox", "journal", "problems", "batches", "batch_members", "batch_targets")
RESTRICTIVE = (
    "CREATE POLICY bound_logins ON {} AS RESTRICTIVE TO pulse_app"
    " USING (tenant_id = (SELECT device_console.own_tenant()))"
)


@pytest.fixture
async def login(owner: asyncpg.Connection, access: Access) -> AsyncIterator[Login]:
    """Log in as an operator of its own, bound to some tenants, and choose one."""
    name = f"bound_{os.getpid()}"
    await owner.execute(f"DROP ROLE IF EXISTS {name}")
    await owner.execute(f"CREATE ROLE {name} LOGIN IN ROLE {access.operator_role}")
    opened: list[asyncpg.Connection] = []

    async def enter(tenant: str, *bound: str) -> asyncpg.Connection:
        for one in bound:
            await owner.execute(
                "INSERT INTO device_console.login_tenants VALUES ($1, $2) ON CONFLICT DO NOTHING", name, one
            )
        connection = await asyncpg.connect(access.url.replace("console_login@", f"{name}@"))
        opened.append(connection)
        await connection.execute(f"SET ROLE {access.operator_role}")
        await connection.execute("SELECT set_config('app.tenant_id', $1, false)", tenant)
        return connection

    yield enter
    for connection in opened:
        await connection.close()
    await owner.execute(f"DROP ROLE {name}")


async def _count(connection: asyncpg.Connection, table: str) -> int:
    return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))


async def _fill(owner: asyncpg.Connection) -> None:
    for tenant in ("acme", "rival"):
        await owner.execute(
            "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type)"
            f" VALUES ('{tenant}', 'c1', 'pump-1', 'ping');"
            f"INSERT INTO device_console.outbox (tenant_id, command_id, device_id) VALUES ('{tenant}', 'c1', 'pump-1');"
            f"INSERT INTO device_console.journal (tenant_id, command_id, kind) VALUES ('{tenant}', 'c1', 'cancelled');"
            "INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail)"
            f" VALUES ('{tenant}', 'forged ack', '', '', '');"
            "INSERT INTO device_console.batches (tenant_id, batch_id, command_type, params, ttl_s, target, wanted)"
            f" VALUES ('{tenant}', 'b1', 'ping', '{{}}', 60, 'all', 1);"
            f"INSERT INTO device_console.batch_members VALUES ('{tenant}', 'b1', 'c1');"
            f"INSERT INTO device_console.batch_targets VALUES ('{tenant}', 'b1', '{{pump-1}}')"
        )


async def test_a_bound_login_reaches_its_own_tenant_only_whatever_it_sets(
    owner: asyncpg.Connection, fleet: Fleet, login: Login
) -> None:
    """Without the map, a login chooses any tenant by setting app.tenant_id, and reads and stops what others send."""
    await _fill(owner)
    stranger = await login(fleet.rival, fleet.acme)
    assert [await _count(stranger, f"device_console.{table}") for table in OURS] == [0] * 6
    assert await stranger.fetch("SELECT * FROM device_console.take_back('{c1}')") == []
    assert await stranger.execute("UPDATE device_console.batches SET stopped_at = now()") == "UPDATE 0"
    assert await stranger.fetchval("SELECT device_console.own_digest()") is None
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await stranger.execute(
            "INSERT INTO device_console.journal (tenant_id, command_id, kind) VALUES ('rival', 'c1', 'cancelled')"
        )
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await stranger.execute("INSERT INTO device_console.login_tenants VALUES (session_user, 'rival')")
    await stranger.execute("SELECT set_config('app.tenant_id', 'acme', false)")
    assert [await _count(stranger, f"device_console.{table}") for table in OURS] == [1] * 6
    assert len(await stranger.fetch("SELECT * FROM device_console.take_back('{c1}')")) == 1
    left = await owner.fetch("SELECT tenant_id FROM device_console.outbox")
    assert [row["tenant_id"] for row in left] == ["rival"]


async def test_where_the_map_does_not_name_a_login_nothing_changes(
    owner: asyncpg.Connection, fleet: Fleet, login: Login, database: Database
) -> None:
    await _fill(owner)
    await owner.execute("INSERT INTO device_console.login_tenants VALUES ('somebody else', 'acme')")
    anyone = await login(fleet.rival)
    assert [await _count(anyone, f"device_console.{table}") for table in OURS] == [1] * 6
    assert await bound_tenants(database) is None


async def test_the_platforms_table_is_bound_by_the_policy_that_the_document_gives_and_not_before(
    owner: asyncpg.Connection, fleet: Fleet, login: Login
) -> None:
    """Without that policy of its owner, the platform's own knows only what the login sets."""
    await _fill(owner)
    stranger = await login(fleet.rival, fleet.acme)
    assert await _count(stranger, "public.device_commands") == 1
    await owner.execute(RESTRICTIVE.format("public.device_commands"))
    assert await _count(stranger, "public.device_commands") == 0
    await stranger.execute("SELECT set_config('app.tenant_id', 'acme', false)")
    assert await _count(stranger, "public.device_commands") == 1


async def test_listening_shows_neither_names_nor_a_way_to_find_them_out(
    owner: asyncpg.Connection, fleet: Fleet, login: Login, program: Program, database: Database
) -> None:
    """Without the digest, whoever may connect reads the ids of all tenants and when each is busy."""
    stranger = await login(fleet.acme, fleet.acme)
    heard: list[str] = []
    await stranger.add_listener("device_console", lambda *event: heard.append(str(event[3])))
    await program.sender.send("rival", [program.sender.draft("pump-1", "ping")])

    async def something() -> bool:
        await asyncio.sleep(0)
        return bool(heard)

    await until(something)
    words = await digests(database, ("acme", "rival"))
    assert heard == [word for word, tenant in words.items() if tenant == "rival"]
    assert "rival" not in heard[0]
    for attempt in (
        "SELECT notify_key FROM device_console.deployment",
        "SELECT deployment_id FROM device_console.deployment",
        "SELECT device_console.digest_of('rival')",
        "SELECT device_console.announce('{rival}')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await stranger.execute(attempt)


async def test_every_function_that_notifies_uses_the_digest(owner: asyncpg.Connection) -> None:
    """Without it, one function that says the tenant's name gives away what the others hide."""
    rows = await owner.fetch(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'device_console'::regnamespace"
        " AND prosrc LIKE '%pg_notify%' AND proname <> 'announce'"
    )
    assert [row["proname"] for row in rows] == []
