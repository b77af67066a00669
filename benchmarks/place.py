"""Where it is measured: a PostgreSQL and a broker of the run's own, and databases made from templates."""

import asyncio
import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from console.demo.login import ensure_login
from console.embedded.directory import EmbeddedDirectory
from console.embedded.servers import EmbeddedServers
from console.store.access import Access
from console.store.pool import Database
from console.store.schema.migrate import migrate
from tests.addresses import with_database
from tests.brokers import BrokerProcess, start_broker
from tests.faults.debian import debian_postgres
from tests.needs import debian_binaries, find_program

TENANT = "acme"
_SETTINGS = {
    "fsync": "on", "synchronous_commit": "on", "track_commit_timestamp": "on", "shared_buffers": "256MB",
    "max_wal_size": "4GB", "checkpoint_timeout": "15min", "max_connections": "100",
}  # fmt: skip
_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured. `rows`: of the largest tables of a group; `pairs`: turns of floor and ours."""

    rows: int
    pairs: int
    short: bool

    def part(self, share: float) -> int:
        return max(100, int(self.rows * share))


@dataclass
class Place:
    """The servers of one run. `notes` are sentences for the reader, such as what was left out."""

    url: str
    data: Path
    folder: Path
    version: str = ""
    notes: list[str] = field(default_factory=list)
    _templates: set[str] = field(default_factory=set)

    @asynccontextmanager
    async def database(
        self, template: str = "devices", fill: Callable[[Any], Awaitable[None]] | None = None
    ) -> AsyncIterator["Copy"]:
        """A fresh copy of a template, which is made by `fill` from the one with 10,000 devices when it is first asked for."""
        if template not in self._templates:
            await self._make(template, fill)
        name = f"copy_{next(_NUMBERS)}"
        await self._copied(name, template)
        copy = Copy(self, with_database(self.url, name))
        try:
            await copy.open()
            yield copy
        finally:
            await copy.close()
            await execute(self.url, f"DROP DATABASE {name} WITH (FORCE)")

    async def _copied(self, name: str, template: str) -> None:
        await execute(self.url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")

    async def _make(self, template: str, fill: Callable[[Any], Awaitable[None]] | None) -> None:
        if template == "devices":
            await execute(self.url, f"CREATE DATABASE {template}")
            await migrate(Access(with_database(self.url, template)), platform_tables=True)
            database = Database(Access(with_database(self.url, template)), max_size=1)
            await database.open()
            await ensure_login(database)
            await database.close()
            fill = add_devices
        else:
            if "devices" not in self._templates:
                await self._make("devices", None)
            await self._copied(template, "devices")
        if fill is not None:
            connection = await asyncpg.connect(with_database(self.url, template))
            await fill(connection)
            await connection.execute("VACUUM ANALYZE")
            await connection.close()
        self._templates.add(template)

    @contextmanager
    def broker(self) -> Iterator[BrokerProcess]:
        """A fresh broker, with no session of an earlier measurement."""
        with start_broker("mosquitto" if find_program("mosquitto") else "nats-server") as broker:
            yield broker

    @property
    def postmaster(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split()[0])


class Copy:
    """One database: a superuser's connection to look with, and the plain login's way in."""

    def __init__(self, place: Place, url: str) -> None:
        self.place, self.url = place, url
        scheme, rest = url.split("://", 1)
        self.login = f"{scheme}://console_login@{rest.partition('@')[2] or rest}"
        self.sql: Any = None

    async def open(self) -> None:
        self.sql = await asyncpg.connect(self.url)

    async def close(self) -> None:
        if self.sql is not None:
            await self.sql.close()

    async def until_none(self, where: str, within_s: float) -> None:
        """Wait until no command is like this any more.

        Raises:
            TimeoutError: some still are.
        """
        async with asyncio.timeout(within_s):
            while await self.sql.fetchval(f"SELECT EXISTS (SELECT FROM device_commands WHERE {where})"):
                await asyncio.sleep(0.05)

    async def commits(self, where: str) -> list[tuple[float, int]]:
        """When commands like this were last written, by commit and in order, with how many each."""
        found = await self.sql.fetch(
            "SELECT extract(epoch FROM pg_xact_commit_timestamp(x))::float AS at, n FROM"
            f" (SELECT xmin AS x, count(*)::int AS n FROM device_commands WHERE {where} GROUP BY 1) t ORDER BY 1"
        )
        return [(row["at"], row["n"]) for row in found]


async def execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def add_devices(connection: Any) -> None:
    """10,000 devices of one tenant."""
    await connection.execute(f"INSERT INTO tenants (tenant_id, name) VALUES ('{TENANT}', 'Acme')")
    await connection.execute(
        "INSERT INTO device_registry (tenant_id, device_id, site_id, model)"
        f" SELECT '{TENANT}', 'dev-' || lpad(n::text, 5, '0'), 'site-' || n % 20, 'PX-200' FROM generate_series(0, 9999) n"
    )
    await connection.execute(
        "INSERT INTO device_state (tenant_id, device_id, site_id, status, last_seen_at)"
        f" SELECT '{TENANT}', 'dev-' || lpad(n::text, 5, '0'), 'site-' || n % 20, 'ONLINE', now() FROM generate_series(0, 9999) n"
    )


def rate(commits: list[tuple[float, int]], writers: int = 1) -> float:
    """Rows a second between the first commit and the last; what each writer commits first was begun before.

    Raises:
        ValueError: there are too few commits.
    """
    if len(commits) <= writers or commits[-1][0] <= commits[writers - 1][0]:
        raise ValueError("a rate needs more commits: take more rows")
    return sum(count for _, count in commits[writers:]) / (commits[-1][0] - commits[writers - 1][0])


@asynccontextmanager
async def open_place() -> AsyncIterator[Place]:
    """Start a PostgreSQL of the distribution, else the embedded one, with durable commits."""
    folder = Path(tempfile.mkdtemp(prefix="dc-bench-"))
    folder.chmod(0o711)
    try:
        if debian_binaries():
            with debian_postgres("", None, **_SETTINGS) as server:
                place = Place(server.url, server.folder / "data", folder)
                place.version = await _version(server.url)
                yield place
        else:
            with EmbeddedServers.attach(folder) as servers:
                url = servers.addresses.database_url
                place = Place(url, EmbeddedDirectory.default(folder).postgres_data, folder)
                await _keep_commit_times(place)
                place.version = await _version(url)
                yield place
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _version(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SHOW server_version"))
    finally:
        await connection.close()


async def _keep_commit_times(place: Place) -> None:
    """Let the embedded server begin again with the times of commits; its supervisor starts it."""
    await execute(place.url, "ALTER SYSTEM SET track_commit_timestamp = on")
    os.kill(place.postmaster, 2)
    async with asyncio.timeout(30):
        while not await _keeps_commit_times(place.url):
            await asyncio.sleep(0.1)


async def _keeps_commit_times(url: str) -> bool:
    with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection = await asyncpg.connect(url)
        try:
            return bool(await connection.fetchval("SHOW track_commit_timestamp") == "on")
        finally:
            await connection.close()
    return False
