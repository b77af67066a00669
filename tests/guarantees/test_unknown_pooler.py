"""A pooler that nobody told the program of: it is found out, and everything works again and again."""

import asyncio
import itertools
import re
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Awaitable, Iterator
from pathlib import Path
from unittest.mock import AsyncMock, Mock
from urllib.parse import urlsplit

import asyncpg
import pytest

from console.demo.login import ensure_login
from console.errors import PooledError, RefusedError
from console.runtime.servers import Servers
from console.settings import Settings
from console.shell.doctor import examine as doctor
from console.shell.doctor.findings import Finding
from console.store import links
from console.store.access import Access
from console.store.changes import listen
from console.store.links import keeps_session
from console.store.pool import Database, direct_connection
from console.store.schema.migrate import migrate
from tests.brokers import BrokerProcess
from tests.conftest import Fleet, with_database
from tests.devices import device
from tests.e2e.conftest import OpenChannel
from tests.faults.debian import DebianPostgres, debian_postgres
from tests.faults.pooler import pgbouncer
from tests.faults.processes import REPOSITORY, environment, program
from tests.forks.client import start_program
from tests.waiting import until

pytestmark = [pytest.mark.debian_postgres, pytest.mark.pgbouncer]
_numbers = itertools.count()
BESIDE = "SELECT count(*) FROM pg_prepared_statements"


@pytest.fixture(scope="module")
def server() -> Iterator[DebianPostgres]:
    with debian_postgres() as running:
        yield running


@pytest.fixture
async def database_url(server: DebianPostgres) -> AsyncIterator[str]:
    name = f"hidden_{next(_numbers)}"
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
def pool(request: pytest.FixtureRequest, server: DebianPostgres) -> Iterator[int]:
    """The port of a pooler of so many sessions in this mode."""
    size, mode = getattr(request, "param", (1, "transaction"))
    with pgbouncer(server.folder, server.port, size, mode) as port:
        yield port


@pytest.fixture
def access(pool: int, database_url: str) -> Access:
    """By way of the pooler, and nothing else is known."""
    return Access(f"postgresql://console_login@127.0.0.1:{pool}/{urlsplit(database_url).path[1:]}")


async def output_of(env: dict[str, str], *arguments: str) -> tuple[int, str]:
    process = await start_program(
        "tests.faults.program", *arguments, env=env, cwd=REPOSITORY, stdout=PIPE, stderr=STDOUT
    )
    message, _ = await process.communicate()
    return process.returncode or 0, message.decode()


EVERY = (
    ("doctor",), ("devices",), ("send", "pump-1", "ping", "--id", "job-{number}", "--wait"), ("history",),
    ("show", "job-{number}"), ("problems",), ("batches",), ("types", "pump-1"), ("export", "--format", "csv"),
    ("send", "--where", "site:*", "ping", "--yes"), ("retry", "job-{number}"), ("ingest-slots",),
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.mosquitto
@pytest.mark.parametrize(
    ("pool", "commands"),
    [
        pytest.param((1, "transaction"), EVERY, marks=pytest.mark.soak),
        ((4, "transaction"), EVERY[:3]),
        ((20, "session"), EVERY[:3]),
    ],
    indirect=["pool"],
)
async def test_every_command_works_again_and_again(
    access: Access,
    mosquitto: BrokerProcess,
    fleet: Fleet,
    tmp_path: Path,
    commands: tuple[tuple[str, ...], ...],
) -> None:
    """Without unnamed statements, the second process finds the first one's in its session."""
    env = environment(tmp_path, access.url, mosquitto.address)
    async with device(mosquitto.address), program(env, "--sweeper") as worker:
        await worker.ready()
        for number in range(2):
            for arguments in commands:
                code, message = await output_of(env, *(word.format(number=number) for word in arguments))
                assert code == 0, (number, arguments, message)
                assert "prepared statement" not in message
        assert worker.alive
        assert not any("prepared statement" in line for line in worker.message)


@pytest.mark.parametrize(
    ("pool", "says"),
    [
        ((1, "transaction"), "warning: .*set CONSOLE_DIRECT_DATABASE_URL"),
        ((8, "transaction"), "warning: .*set CONSOLE_DIRECT_DATABASE_URL"),
        ((8, "session"), "ok: it keeps sessions"),
    ],
    indirect=["pool"],
)
async def test_doctors_first_look_names_the_setting(access: Access, says: str) -> None:
    """Without the look at who is at the other end, all is well until the second command."""
    found = texts(await doctor._database(Servers(access, None), None, Settings()))
    assert "a pooler such as PgBouncer" in found
    assert re.search(says, found), found


async def test_doctor_tries_the_direct_address(
    access: Access, database_url: str, server: DebianPostgres
) -> None:
    """Without trying it, a direct address that leads into the pooler, to nobody or elsewhere looks like the remedy."""
    direct = database_url.replace("owner@", "console_login@")
    for address, says in (
        (direct, "ok: CONSOLE_DIRECT_DATABASE_URL reaches the server itself"),
        (access.url, "warning: CONSOLE_DIRECT_DATABASE_URL leads through a pooler"),
        ("postgresql://x@127.0.0.1:1/x", "fault: CONSOLE_DIRECT_DATABASE_URL cannot be used"),
        (
            with_database(direct, "postgres"),
            "fault: CONSOLE_DIRECT_DATABASE_URL reaches a different database",
        ),
    ):
        found = texts(
            await doctor._database(Servers(Access(access.url, direct_url=address), None), None, Settings())
        )
        assert says in found, found


@pytest.mark.parametrize("pool", [(1, "transaction"), (4, "session")], indirect=True)
async def test_a_statement_of_the_worker_leaves_its_role_in_no_pooler(access: Access, pool: int) -> None:
    """Without asking who is at the other end, the next client of the pooler's session is the worker."""
    database = Database(access)
    await database.open()
    for believed in (False, True, False):
        database.is_direct |= believed  # as after a connection past the pooler
        async with database.fleet_statement() as connection:
            assert await connection.fetchval("SELECT current_user") == access.worker_role
        async with database.login_session() as connection:
            pid = await connection.fetchval("SELECT pg_backend_pid()")
            assert not database.owns(pid)
    await database.close()
    stranger = await asyncpg.connect(access.url, statement_cache_size=0)
    assert await stranger.fetchval("SELECT current_user") == "console_login"
    assert await stranger.fetchval("SHOW lock_timeout") == "0"
    await stranger.close()


async def test_a_server_itself_keeps_statements_and_a_pooler_none(
    access: Access, database_url: str, server: DebianPostgres
) -> None:
    """Without the verdict, either every statement is prepared anew everywhere, or those of others are in the way."""
    for url, kept in ((access.url, 0), (database_url, 2)):
        database = Database(Access(url), max_size=1)
        await database.open()
        for _ in range(2):
            async with database.login_session() as connection:
                await connection.fetchval("SELECT 1 + $1::int", 1)
        async with database.login_session() as connection:
            assert await connection.fetchval(BESIDE) >= kept
            assert (await connection.fetchval(BESIDE) == 0) == (kept == 0)
        assert database.is_direct == (kept > 0)
        await database.close()


async def test_what_needs_a_session_refuses_and_leaves_nothing_in_the_pooler(
    access: Access, database_url: str
) -> None:
    """Without it, migrate leaves its lock in a session of the pooler, and LISTEN hears nothing without a word."""
    with pytest.raises(PooledError, match="CONSOLE_DIRECT_DATABASE_URL"):
        await migrate(access)
    with pytest.raises(PooledError, match="CONSOLE_DIRECT_DATABASE_URL"):
        await listen(access, lambda *_: None, lambda: None)
    owner = await asyncpg.connect(database_url)
    assert await owner.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
    await owner.close()
    stranger = await asyncpg.connect(access.url, statement_cache_size=0)
    assert await stranger.fetchval("SHOW idle_session_timeout") == "0"
    assert await stranger.fetchval("SHOW tcp_user_timeout") == "0"
    await stranger.close()


async def test_a_pooler_that_shares_its_sessions_is_not_tried_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the hour, each look leaves one more LISTEN in sessions of others."""
    monkeypatch.setattr(links, "_HEARD_WITHIN_S", 0.5)
    link, tellers = AsyncMock(), AsyncMock()
    tellers.return_value.terminate = Mock()
    for _ in range(3):
        assert not await keeps_session(link, "one pooler", tellers)
    assert (tellers.await_count, link.add_listener.await_count) == (1, 1)
    assert not await keeps_session(link, "another pooler", tellers)
    assert tellers.await_count == 2


@pytest.mark.parametrize("pool", [(8, "session")], indirect=True)
async def test_a_pooler_in_session_mode_is_as_good_as_the_server(access: Access) -> None:
    """Without the trial, what a session pooler gives would be refused."""
    async with direct_connection(access) as connection:
        assert not connection.is_direct


@pytest.mark.parametrize("pool", [(4, "statement")], indirect=True)
async def test_a_pooler_in_statement_mode_is_named(access: Access) -> None:
    """Without the sentence, it is a database that does not answer."""
    database = Database(access)
    await database.open()
    with pytest.raises(RefusedError, match="allows no transactions"):
        async with database.login_session():
            pass
    await database.close()


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_changes_of_others_are_seen_without_listening(
    access: Access, database_url: str, mosquitto: BrokerProcess, open_channel: OpenChannel, fleet: Fleet
) -> None:
    """Without looking, a screen behind a pooler shows what others did when its operator presses a key."""
    async with open_channel(mosquitto.address) as channel, channel.feed.subscribe() as hints:
        await asyncio.sleep(0)
        for _ in range(2):
            async with asyncio.timeout(30):
                await hints.changed()
        async with device(mosquitto.address):
            await channel.reaches(await channel.send(), "ok")
            owner = await asyncpg.connect(database_url)
            await owner.execute(
                "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, expires_at)"
                " VALUES ('acme', 'theirs', 'pump-1', 'ping', now() + interval '1 min')"
            )
            await owner.close()
            await until(lambda: _is(channel.phase("theirs"), "ok"))


async def _is(phase: Awaitable[str], wanted: str) -> bool:
    return await phase == wanted


def texts(findings: list[Finding]) -> str:
    return "\n".join(f"{finding.level}: {finding.text}" for finding in findings)
