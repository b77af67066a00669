"""Real servers for the tests: one PostgreSQL and one broker a run, a database of its own for each test."""

import asyncio
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from console.demo.login import ensure_login
from console.embedded.servers import EmbeddedServers
from console.runtime.program import Program
from console.runtime.wiring import wire_program
from console.store.access import Access
from console.store.pool import Database
from console.store.schema.migrate import migrate
from tests.addresses import with_database
from tests.brokers import BrokerProcess, start_broker
from tests.needs import mark_missing, summary
from tests.platform import PlatformUrls, drop_platform, make_platform
from tests.rows import add_devices, add_tenant

__all__ = ["with_database"]
_numbers = itertools.count()
for _number in (
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGHUP,
):  # a job in the background has them ignored, and
    if signal.getsignal(_number) is signal.SIG_IGN:  # hands that on to every program that is tried here
        signal.signal(_number, signal.default_int_handler if _number is signal.SIGINT else signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_missing(items)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = (str(report.longrepr[2]) for report in terminalreporter.getreports("skipped"))
    if line := summary(reasons):
        terminalreporter.write_line(line)


def make_home() -> Path:
    """A folder that the account of the servers can reach, also when the tests run as root."""
    home = Path(tempfile.mkdtemp(prefix="dc-"))
    home.chmod(0o711)
    return home


@pytest.fixture(scope="session")
def servers() -> Iterator[EmbeddedServers]:
    home = make_home()
    with EmbeddedServers.attach(home, fsync=False) as running:
        yield running
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def server_url(request: pytest.FixtureRequest) -> str:
    """The superuser's URL of the run's PostgreSQL; CONSOLE_TEST_DATABASE_URL names another server."""
    named = os.environ.get("CONSOLE_TEST_DATABASE_URL")
    return named or str(request.getfixturevalue("servers").addresses.database_url)


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def template(server_url: str) -> str:
    """The name of a migrated database to copy."""
    name = f"template_{os.getpid()}"

    async def make() -> None:
        await _execute(server_url, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
        access = Access(with_database(server_url, name))
        await migrate(access, platform_tables=True)
        database = Database(access)
        await database.open()
        await ensure_login(database)
        await database.close()

    asyncio.run(make())
    return name


@pytest.fixture
async def empty_url(server_url: str) -> AsyncIterator[str]:
    """A database without anything in it."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    await _execute(server_url, f"CREATE DATABASE {name}")
    yield with_database(server_url, name)
    await _execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database_url(server_url: str, template: str) -> AsyncIterator[str]:
    """A fresh migrated database, as superuser."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    await _execute(server_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield with_database(server_url, name)
    await _execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


async def _platform(server_url: str, *, owner_superuser: bool) -> AsyncIterator[PlatformUrls]:
    name = f"platform_{os.getpid()}_{next(_numbers)}"
    yield await make_platform(server_url, name, owner_superuser=owner_superuser)
    await drop_platform(server_url, name)


@pytest.fixture
async def platform(server_url: str) -> AsyncIterator[PlatformUrls]:
    """The platform's database as its stock image has it: the owner is a superuser. Nothing of ours is in it."""
    async for urls in _platform(server_url, owner_superuser=True):
        yield urls


@pytest.fixture
async def plain_platform(server_url: str) -> AsyncIterator[PlatformUrls]:
    """The same as a managed installation has it: the owner is a login like any other."""
    async for urls in _platform(server_url, owner_superuser=False):
        yield urls


@pytest.fixture
async def platform_program(platform: PlatformUrls) -> AsyncIterator[Program]:
    """The console on the platform's database, as a person that the platform knows."""
    await migrate(Access(platform.owner))
    database = Database(Access(platform.person))
    await database.open()
    yield wire_program(database, tenants=("acme",), operator="alice")
    await database.close()


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection, to look at rows past every policy."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def access(database_url: str) -> Access:
    """The plain login's way in: a member of the operator and worker roles."""
    scheme, rest = database_url.split("://", 1)
    return Access(f"{scheme}://console_login@{rest.partition('@')[2] or rest}")


@pytest.fixture
async def database(access: Access) -> AsyncIterator[Database]:
    database = Database(access)
    await database.open()
    yield database
    await database.close()


@dataclass(frozen=True)
class Fleet:
    """Two tenants with some devices each."""

    acme: str = "acme"
    rival: str = "rival"
    device: str = "pump-1"
    other_device: str = "pump-2"


@pytest.fixture
async def fleet(owner: asyncpg.Connection) -> Fleet:
    fleet = Fleet()
    for tenant_id in (fleet.acme, fleet.rival):
        await add_tenant(owner, tenant_id)
        await add_devices(owner, tenant_id, [f"pump-{n}" for n in range(1, 6)])
    return fleet


@pytest.fixture
def program(database: Database, fleet: Fleet) -> Program:
    return wire_program(database, tenants=(fleet.acme, fleet.rival), operator="alice")


@pytest.fixture(
    scope="module", params=[pytest.param("mosquitto", marks=pytest.mark.mosquitto), "nats-server"]
)
def any_broker(request: pytest.FixtureRequest) -> Iterator[BrokerProcess]:
    """Both brokers, one after the other."""
    with start_broker(request.param) as running:
        yield running


@pytest.fixture(scope="module")
def mosquitto() -> Iterator[BrokerProcess]:
    """A mosquitto that keeps what it is asked to keep."""
    with start_broker("mosquitto") as running:
        yield running
