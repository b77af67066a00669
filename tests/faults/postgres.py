"""A PostgreSQL of one's own, to be killed and frozen: the embedded one or the distribution's. It comes back by itself."""

import contextlib
import itertools
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg

from console.demo.login import ensure_login
from console.embedded.directory import EmbeddedDirectory
from console.embedded.servers import EmbeddedServers
from console.store.access import Access
from console.store.pool import Database
from console.store.schema.migrate import migrate
from tests.conftest import make_home, with_database
from tests.faults.debian import CHOSEN, debian_postgres
from tests.rows import add_devices, add_tenant
from tests.waiting import until


class PrivatePostgres:
    """A durable cluster: what was committed survives a kill. `login_url` is the plain login's way in."""

    def __init__(self, url: str, data: Path) -> None:
        self._url, self._data = url, data
        self._numbers = itertools.count()
        self.owner_url = ""
        self.login_url = ""

    @property
    def pid(self) -> int:
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def kill(self) -> None:
        """As a power cut: no checkpoint, no goodbye. Whoever keeps it starts it again."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it is down already
            os.kill(self.pid, signal.SIGKILL)

    async def connect(self) -> asyncpg.Connection:
        """A superuser's connection, as soon as the server answers."""
        made: list[asyncpg.Connection] = []

        async def answers() -> bool:
            with contextlib.suppress(OSError, asyncpg.PostgresError):
                made.append(await asyncpg.connect(self.owner_url))
            return bool(made)

        await until(answers, 60)
        return made[0]

    async def prepare(self) -> None:
        """A fresh database, migrated, with two tenants of five devices each."""
        name = f"test_{next(self._numbers)}"
        self.owner_url = self._url
        owner = await self.connect()
        await owner.execute(f"CREATE DATABASE {name}")
        await owner.close()
        self.owner_url = with_database(self._url, name)
        await migrate(Access(self.owner_url), platform_tables=True)
        database = Database(Access(self.owner_url), max_size=1)
        await database.open()
        self.login_url = await ensure_login(database)
        await database.close()
        owner = await asyncpg.connect(self.owner_url)
        for tenant_id in ("acme", "rival"):
            await add_tenant(owner, tenant_id)
            await add_devices(owner, tenant_id, [f"pump-{n}" for n in range(1, 6)])
        await owner.close()


def target_of(url: str) -> tuple[str, int] | str:
    """Where a proxy finds the server of this URL."""
    parts = urlsplit(url)
    folder = parse_qs(parts.query).get("host")
    if folder:
        return f"{folder[0]}/.s.PGSQL.{parse_qs(parts.query).get('port', ['5432'])[0]}"
    return parts.hostname or "127.0.0.1", parts.port or 5432


def through(url: str, port: int) -> str:
    """The same URL by way of a proxy on this port."""
    parts = urlsplit(url)
    return f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}"


@contextmanager
def private_postgres() -> Iterator[PrivatePostgres]:
    if os.environ.get(CHOSEN):
        with debian_postgres(fsync="on") as server:
            server.keep_alive()
            yield PrivatePostgres(server.url, server.folder / "data")
        return
    home = make_home()
    with EmbeddedServers.attach(home) as servers:
        yield PrivatePostgres(servers.addresses.database_url, EmbeddedDirectory.default(home).postgres_data)
    shutil.rmtree(home, ignore_errors=True)
