"""Tenants stay apart behind PgBouncer in transaction mode, where everybody shares one connection."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from console.demo.login import ensure_login
from console.errors import ConsoleError, NotFoundError
from console.limits import DEFAULT_TTL
from console.runtime.wiring import wire_program
from console.services.batch_send import BatchRun
from console.store.access import Access
from console.store.pool import Database
from console.store.schema.checks import check_start
from console.store.schema.migrate import migrate
from tests.brokers import BrokerProcess
from tests.conftest import Fleet, with_database
from tests.devices import device
from tests.e2e.conftest import OpenChannel
from tests.faults.debian import DebianPostgres, debian_postgres
from tests.faults.pooler import pgbouncer
from tests.rights import TENANTS, one_row_each, surprises
from tests.rows import add_command, status_of

pytestmark = [pytest.mark.debian_postgres, pytest.mark.pgbouncer]
_numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[DebianPostgres]:
    with debian_postgres() as running:
        yield running


@pytest.fixture(scope="module")
def pooler_port(server: DebianPostgres) -> Iterator[int]:
    with pgbouncer(server.folder, server.port) as port:
        yield port


@pytest.fixture
async def database_url(server: DebianPostgres) -> AsyncIterator[str]:
    name = f"test_{next(_numbers)}"
    owner = await asyncpg.connect(server.url)
    await owner.execute(f"CREATE DATABASE {name}")
    url = with_database(server.url, name)
    await migrate(Access(url), platform_tables=True)
    database = Database(Access(url), max_size=1)
    await database.open()
    await ensure_login(database)
    await database.close()
    yield url
    await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await owner.close()


@pytest.fixture
def access(server: DebianPostgres, pooler_port: int, database_url: str) -> Access:
    """Every session by way of the pooler; locks and notifications past it."""
    name = urlsplit(database_url).path[1:]
    direct = with_database(server.url, name).replace("owner@", "console_login@")
    return Access(f"postgresql://console_login@127.0.0.1:{pooler_port}/{name}", direct_url=direct)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["operator", "worker"])
async def test_each_role_can_do_what_it_needs_for_its_tenant_and_nothing_else(
    database: Database, owner: asyncpg.Connection, role: str
) -> None:
    """Without a role and a tenant for each transaction, one user of the connection has another's rights."""
    await one_row_each(owner)
    for tenant in TENANTS if role == "operator" else ["", "acme"]:
        assert await surprises(database, role, tenant) == []


async def test_a_shared_connection_never_carries_a_tenant_over(
    access: Access, database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without settings that end with the transaction, the next user of the connection is the last one's tenant."""
    for tenant_id in ("acme", "rival"):
        for number in range(3):
            await add_command(owner, tenant_id, f"{tenant_id}-{number}")
    seen: list[tuple[str, set[str]]] = []

    async def look(tenant_id: str, *, fail: bool) -> None:
        try:
            async with database.tenant_session(tenant_id) as connection:
                rows = await connection.fetch("SELECT tenant_id FROM device_commands")
                seen.append((tenant_id, {row["tenant_id"] for row in rows}))
                if fail:
                    await connection.execute("SELECT 1/0")
        except ConsoleError:
            pass

    stranger = await asyncpg.connect(access.url, statement_cache_size=0)
    inherited: list[str] = []

    async def spy() -> None:
        """Somebody who sets no tenant and takes what is there."""
        while True:
            row = await stranger.fetchrow(
                "SELECT current_user AS name, current_setting('app.tenant_id', true) AS tenant,"
                " (SELECT count(*) FROM device_commands) AS rows"
            )
            if row["tenant"] or row["rows"] or row["name"] != "console_login":
                inherited.append(str(row))

    spying = asyncio.create_task(spy())
    tenants = ["acme", "rival", "", "nobody"] * 10
    await asyncio.gather(*(look(tenant, fail=number % 3 == 0) for number, tenant in enumerate(tenants)))
    spying.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await spying
    stranger.terminate()
    assert inherited == []
    assert len(seen) == 40
    assert all(rows == ({tenant} if tenant in {"acme", "rival"} else set()) for tenant, rows in seen)


async def test_the_whole_channel_works_behind_a_pooler(
    open_channel: OpenChannel, mosquitto: BrokerProcess, database: Database, fleet: Fleet
) -> None:
    """Without the direct connection for locks and notifications, they would be left behind in the pooler."""
    assert (await check_start(database)).may_work
    async with device(mosquitto.address), open_channel(mosquitto.address) as channel:
        await channel.reaches(await channel.send(), "ok")


async def test_bulk_sends_their_stop_and_a_cancel_work_behind_a_pooler(
    database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without statements that need nothing of their session, the second piece would miss what the first prepared."""
    program = wire_program(database, tenants=("acme", "rival"), operator="alice")
    pumps = [f"pump-{n}" for n in range(1, 6)]
    jobs = [
        program.bulk.job("ping", "{}", DEFAULT_TTL, tenant, device_ids=pumps, target="all")
        for tenant in ("acme", "rival")
    ]

    async def send(job: BatchRun) -> None:
        tenant = str(job.draft.created_by)
        await program.bulk.begin(tenant, job)
        await program.bulk.run(tenant, job)

    await asyncio.gather(*map(send, jobs))
    rows = await owner.fetch("SELECT tenant_id, count(*) AS n FROM device_commands GROUP BY 1")
    assert {row["tenant_id"]: row["n"] for row in rows} == {"acme": 5, "rival": 5}
    with pytest.raises(NotFoundError):
        await program.bulk.stop("rival", jobs[0].draft.batch_id, "bob")
    one = jobs[0].draft.command_id("pump-1")
    with pytest.raises(NotFoundError):
        await program.sender.cancel("rival", one, "bob")
    assert await status_of(owner, one) == "queued"
    await program.sender.cancel("acme", one, "bob")
    assert await status_of(owner, one) == "expired"
    assert await program.bulk.stop("acme", jobs[0].draft.batch_id, "bob") == 4
    assert await owner.fetchval("SELECT count(*) FROM device_commands WHERE status = 'queued'") == 5
