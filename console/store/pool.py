"""Database sessions: row-level security lives here, nowhere else.

A tenant session assumes the operator role and one tenant; a fleet session assumes the worker role, which
may only call the console's own functions. Both are one transaction, so that a pooler in transaction mode
serves them too.
"""

import ssl
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import asyncpg

from console.errors import DatabaseUnreachableError, UsageError
from console.store.failures import translate, translated

CONNECT_TIMEOUT_S = 8.0
COMMAND_TIMEOUT_S = 30.0

_ENTER = (
    "SELECT set_config('role', $1, true), set_config('app.tenant_id', $2, true),"
    " set_config('lock_timeout', '5s', true)"
)
Connection: TypeAlias = Any  # asyncpg is untyped; Any stays inside the store


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach the database and which roles to assume there. The URLs hold secrets: never print them.

    Without a context of its own a link is as safe as its URL's sslmode. `warnings` are what the start tells.
    """

    url: str = field(repr=False)
    direct_url: str | None = field(default=None, repr=False)
    operator_role: str = "pulse_app"
    worker_role: str = "device_console_worker"
    tls: ssl.SSLContext | None = None
    direct_tls: ssl.SSLContext | None = None
    warnings: tuple[str, ...] = ()

    @property
    def direct(self) -> str:
        """Where LISTEN, advisory locks and migrations go: past any pooler."""
        return self.direct_url or self.url

    def options(self, *, direct: bool = False) -> dict[str, Any]:
        """What the driver needs beside the URL."""
        context = self.direct_tls if direct and self.direct_url else self.tls
        return {"timeout": CONNECT_TIMEOUT_S, "command_timeout": COMMAND_TIMEOUT_S} | (
            {"ssl": context} if context else {}
        )


class Database:
    """A lazily connected pool. Every use is one short transaction under an assumed role."""

    def __init__(self, access: Access, *, max_size: int = 8) -> None:
        self.access = access
        self._max_size = max_size
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Connect once, so that a wrong address or password is told at start.

        Raises:
            DatabaseUnreachableError: nothing answers there.
            RefusedError: the login or the database name is wrong.
            UsageError: the URL cannot be read.
        """
        with translated():
            self._pool = await _readable(
                asyncpg.create_pool(
                    self.access.url,
                    min_size=0,
                    max_size=self._max_size,
                    reset=_nothing_to_reset,
                    statement_cache_size=0 if self.access.direct_url else 100,
                    max_inactive_connection_lifetime=60.0,
                    **self.access.options(),
                )
            )
            await _readable(self._pool.execute("SELECT 1"))

    async def close(self) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            with suppress(Exception):
                pool.terminate()

    @asynccontextmanager
    async def tenant_session(self, tenant_id: str) -> AsyncIterator[Connection]:
        """One transaction as the operator role, seeing `tenant_id` only."""
        async with self._session(self.access.operator_role, tenant_id) as connection:
            yield connection

    @asynccontextmanager
    async def fleet_session(self) -> AsyncIterator[Connection]:
        """One transaction as the worker role: our functions, every tenant, nothing else."""
        async with self._session(self.access.worker_role, "") as connection:
            yield connection

    @asynccontextmanager
    async def login_session(self) -> AsyncIterator[Connection]:
        """One transaction as the login itself: for start checks and the simulator."""
        async with self._session("none", "") as connection:
            yield connection

    @asynccontextmanager
    async def _session(self, role: str, tenant_id: str) -> AsyncIterator[Connection]:
        if self._pool is None:
            raise UsageError("The database is not open.")
        pool = self._pool
        with translated():
            connection, transaction = await self._begin(pool, role, tenant_id)
            try:
                yield connection
            except BaseException:
                with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                    await transaction.rollback()
                raise
            else:
                await transaction.commit()
            finally:
                await _give_back(pool, connection)

    async def _begin(self, pool: Any, role: str, tenant_id: str) -> tuple[Connection, Any]:
        """Begin on a connection that answers: after a restart of the server, pooled ones may be dead."""
        for attempt in range(1, self._max_size + 2):
            connection = await pool.acquire(timeout=CONNECT_TIMEOUT_S)
            transaction = connection.transaction()
            try:
                await transaction.start()
                await connection.execute(_ENTER, role, tenant_id)
            except BaseException as error:
                dead = isinstance(translate(error), DatabaseUnreachableError)
                await _give_back(pool, connection, dead=dead)
                if not dead or attempt > self._max_size:
                    raise
            else:
                return connection, transaction
        raise DatabaseUnreachableError("The database does not answer.")


async def _nothing_to_reset(connection: Connection) -> None:
    """Every use is one transaction, each setting local to it: the driver’s own query would undo nothing."""
    del connection


async def _give_back(pool: Any, connection: Connection, *, dead: bool = False) -> None:
    """Return a connection; one whose server is gone has left the pool by itself."""
    with suppress(asyncpg.InterfaceError):
        if dead:
            connection.terminate()
        await pool.release(connection)


@asynccontextmanager
async def direct_connection(access: Access) -> AsyncIterator[Any]:
    """A session of its own, past any pooler: for LISTEN, advisory locks and migrations."""
    with translated():
        connection = await _readable(asyncpg.connect(access.direct, **access.options(direct=True)))
        try:
            yield connection
        finally:
            with suppress(Exception):
                await connection.close(timeout=2)


async def _readable(connecting: Awaitable[Any]) -> Any:
    try:
        return await connecting
    except ssl.SSLCertVerificationError:  # it is a ValueError, too
        raise
    except (asyncpg.exceptions.ClientConfigurationError, ValueError):
        raise UsageError(
            "DATABASE_URL cannot be read: write it as postgresql://user@host:port/database."
        ) from None
