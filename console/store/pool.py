"""Database sessions: row-level security lives here, nowhere else.

A tenant session assumes the operator role and one tenant; a fleet session assumes the worker role, which
may only call the console's own functions. Both are one transaction, so that a pooler in transaction mode
serves them too.
"""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias
from weakref import WeakSet

import asyncpg

from console.errors import DatabaseUnreachableError, UsageError
from console.store.failures import is_useless_session, translate, translated
from console.store.liveness import SESSION_IS_WATCHED, watch_link

CONNECT_TIMEOUT_S = 8.0
COMMAND_TIMEOUT_S = 30.0
LOCK_WAIT = "5s"

_ENTER = (
    "SELECT set_config('role', $1, true), set_config('app.tenant_id', $2, true),"
    " set_config('lock_timeout', $3, true), set_config('idle_in_transaction_session_timeout', '10s', true),"
    " current_setting('transaction_read_only') = 'on' AS read_only"
)
Connection: TypeAlias = Any  # asyncpg is untyped; Any stays inside the store


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach the database and which roles to assume there. The URLs hold secrets: never print them.

    Without a context of its own a link is as safe as its URL's sslmode. `warnings` are what the start tells.
    `renew` reads again what came from files: it is asked at each connection, since secrets are rotated.
    """

    url: str = field(repr=False)
    direct_url: str | None = field(default=None, repr=False)
    operator_role: str = "pulse_app"
    worker_role: str = "device_console_worker"
    tls: ssl.SSLContext | None = None
    direct_tls: ssl.SSLContext | None = None
    warnings: tuple[str, ...] = ()
    renew: "Callable[[], Access] | None" = field(default=None, repr=False, compare=False)

    @property
    def newest(self) -> "Access":
        """The same way in, with the secrets as their files hold them now."""
        return self.renew() if self.renew else self

    @property
    def past_pooler(self) -> "Access":
        """The same, for a pool of its own that goes past any pooler."""
        if self.direct_url is None:
            return self
        return replace(
            self,
            url=self.direct_url,
            direct_url=None,
            tls=self.direct_tls,
            renew=(lambda: self.newest.past_pooler) if self.renew else None,
        )

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
        self._entered: WeakSet[Any] = WeakSet()
        self._newest_is_read_only = False

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
                    connect=self._connect,
                    reset=_nothing_to_reset,
                    statement_cache_size=0 if self.access.direct_url else 100,
                    max_inactive_connection_lifetime=60.0,
                    **self.access.options(),
                )
            )
            await _readable(self._pool.execute("SELECT 1"))

    async def _connect(self, _url: str, **options: Any) -> Connection:
        """One more connection of the pool, with the secrets of this moment."""
        access = self.access.newest
        connection = await asyncpg.connect(access.url, **options | access.options())
        return await watch_link(connection)

    async def renew(self) -> None:
        """Use no connection of before this moment for anything new."""
        if self._pool is not None:
            await self._pool.expire_connections()

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
    async def fleet_session(self, *, lock_wait: str = LOCK_WAIT) -> AsyncIterator[Connection]:
        """One transaction as the worker role: our functions, every tenant, nothing else."""
        async with self._session(self.access.worker_role, "", lock_wait) as connection:
            yield connection

    @asynccontextmanager
    async def login_session(self) -> AsyncIterator[Connection]:
        """One transaction as the login itself: for start checks and the simulator."""
        async with self._session("none", "") as connection:
            yield connection

    @asynccontextmanager
    async def _session(
        self, role: str, tenant_id: str, lock_wait: str = LOCK_WAIT
    ) -> AsyncIterator[Connection]:
        if self._pool is None:
            raise UsageError("The database is not open.")
        pool = self._pool
        with translated():
            connection, transaction = await self._begin(pool, role, tenant_id, lock_wait)
            useless = False
            try:
                try:
                    yield connection
                except BaseException:
                    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                        await transaction.rollback()
                    raise
                else:
                    await transaction.commit()
            except BaseException as error:
                useless = is_useless_session(error)
                if useless:
                    await pool.expire_connections()
                raise
            finally:
                await _give_back(pool, connection, dead=useless)

    async def _begin(self, pool: Any, role: str, tenant_id: str, lock_wait: str) -> tuple[Connection, Any]:
        """Begin on a connection that answers: after a restart of the server, pooled ones may be dead."""
        for attempt in range(1, self._max_size + 2):
            connection = await pool.acquire(timeout=CONNECT_TIMEOUT_S)
            transaction = connection.transaction()
            try:
                await transaction.start()
                row = await connection.fetchrow(_ENTER, role, tenant_id, lock_wait)
            except BaseException as error:
                dead = isinstance(translate(error), DatabaseUnreachableError)
                await _give_back(pool, connection, dead=dead)
                if not dead or attempt > self._max_size:
                    raise
            else:
                if not self._was_demoted(connection, read_only=row["read_only"]):
                    return connection, transaction
                await pool.expire_connections()
                await _give_back(pool, connection, dead=True)
        raise DatabaseUnreachableError("The database does not answer.")

    def _was_demoted(self, connection: Connection, *, read_only: bool) -> bool:
        """Whether this session is of no use any more: read-only, while the newest one was not when it began.

        After a switch-over the sessions of the old primary stay read-only though every new one can write.
        """
        raw = connection._con  # noqa: SLF001 - the pool's proxy is another one at each use
        if raw in self._entered:
            return read_only and not self._newest_is_read_only
        self._entered.add(raw)
        self._newest_is_read_only = read_only
        return False


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
        newest = access.newest
        connection = await _readable(asyncpg.connect(newest.direct, **newest.options(direct=True)))
        try:
            await watch_link(connection)
            await connection.execute(SESSION_IS_WATCHED)
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
