"""Database sessions: the only place of row-level security.

A tenant session assumes the operator role and one tenant; a fleet session assumes the worker role, which
may only call the console's own functions. Both are one transaction, so that they work through a pooler in
transaction mode, too. A single statement of the worker role takes a session that keeps it (`standing.py`);
a single call for a tenant enters role and tenant by itself.
The view that `Database.reading` returns can write nothing, by PostgreSQL's own rule.

Decided in docs/decisions/0065-read-only-in-postgresql.md
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, ClassVar, TypeAlias
from weakref import WeakSet

import asyncpg

from console.errors import Cause, DatabaseUnreachableError, PooledError, ReadOnlyError, UsageError
from console.store.access import Access
from console.store.failures import is_read_only_refusal, is_useless_session, translate, translated
from console.store.links import IS_POOLED, IS_POOLED_TOO, ServerConnection, keeps_session
from console.store.liveness import SESSION_IS_WATCHED
from console.store.opening import CONNECT_TIMEOUT_S, open_connection, patience_s
from console.store.standing import IDLE_S, StandingRole, give_back, nothing_to_reset

COMMAND_TIMEOUT_S = 30.0
LOCK_WAIT = "5s"
_DRIVER_OPTIONS = {"command_timeout": COMMAND_TIMEOUT_S}

_ENTER = (
    "SELECT set_config('role', $1, true), set_config('app.tenant_id', $2, true),"
    " set_config('lock_timeout', $3, true), set_config('idle_in_transaction_session_timeout', '10s', true),"
    " pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS read_only"
)
_ONLY_READS = "This console is read-only, so PostgreSQL refused the change; nothing was written."
Connection: TypeAlias = Any  # asyncpg is untyped; Any stays inside the store


class Database:
    """A lazily connected pool. Every use is one short transaction under an assumed role."""

    only_reads: ClassVar[bool] = False

    def __init__(self, access: Access, *, max_size: int = 8, without_timers: bool = False) -> None:
        """Prepare a pool of at most `max_size` connections.

        `without_timers`: connections and their statements have no end of their own. Such a timer remembers
        the context that it was started in, by which it keeps a whole screen for minutes after its end.
        """
        self.access = access
        self._max_size = max_size
        self._idle_s = 0.0 if without_timers else IDLE_S
        self._options = _DRIVER_OPTIONS | ({"max_cached_statement_lifetime": 0} if without_timers else {})
        self._pool: asyncpg.Pool | None = None
        self._entered: WeakSet[Any] = WeakSet()
        self._newest_is_read_only = False
        self._inherits = True  # the login has the operator's rights without SET ROLE, as far as is known
        self._patience_s = CONNECT_TIMEOUT_S
        self._standing = StandingRole(access.worker_role, LOCK_WAIT, self._connect, **_DRIVER_OPTIONS)
        self.is_direct = False  # whether the newest connection is to the server itself, not to a pooler

    async def open(self) -> None:
        """Connect once, so that a wrong address or password is reported at the start.

        Raises:
            DatabaseUnreachableError: nothing answers there.
            RefusedError: the login or the database name is wrong.
            UsageError: the URL cannot be read.
        """
        self._patience_s = patience_s(self.access.url)
        with translated():
            self._pool = await asyncpg.create_pool(
                min_size=0,
                max_size=self._max_size,
                connect=self._connect,
                reset=nothing_to_reset,
                max_inactive_connection_lifetime=self._idle_s,
                **self._options,
            )
            await self._standing.open()
            await self._pool.execute("SELECT 1")

    async def _connect(self, *_: Any, **options: Any) -> Connection:
        """Open one more connection of the pool, with the current secrets."""
        access = self.access.newest
        link = await open_connection(access.url, access.tls, **options)
        self.is_direct = link.is_direct
        return link

    async def renew(self) -> None:
        """Stop using the connections that exist now for anything new."""
        if self._pool is not None:
            await self._pool.expire_connections()
        await self._standing.expire()

    def reading(self) -> "Database":
        """Return a view of this pool, through which PostgreSQL lets nothing be written."""
        return _ReadingDatabase(self)

    async def close(self) -> None:
        self._standing.close()
        if self._pool is not None:
            pool, self._pool = self._pool, None
            with suppress(Exception):
                pool.terminate()

    @asynccontextmanager
    async def tenant_session(self, tenant_id: str) -> AsyncIterator[Connection]:
        """Run one transaction as the operator role, in which only `tenant_id` is visible."""
        async with self._session(self.access.operator_role, tenant_id) as connection:
            yield connection

    async def tenant_call(self, tenant_id: str, sql: str, *arguments: Any) -> list[Any]:
        """Call one function that enters role and tenant by itself, committed when it returns.

        `sql` takes role, tenant and lock wait before its `arguments`. Behind a pooler, in a session that is
        read-only, and where the login does not inherit the operator's rights, it runs in a tenant session.
        """
        arguments = (self.access.operator_role, tenant_id, LOCK_WAIT, *arguments)
        with translated():
            if self.is_direct and self._inherits:
                try:
                    rows = await self._call(sql, *arguments)
                except asyncpg.ReadOnlySQLTransactionError:
                    rows = None
                except asyncpg.InsufficientPrivilegeError:
                    rows, self._inherits = None, False
                if rows is not None:
                    return rows
            async with self.tenant_session(tenant_id) as connection:
                return list(await connection.fetch(sql, *arguments))

    async def _call(self, sql: str, *arguments: Any) -> list[Any] | None:
        """Run one statement as the login itself; None if the pool gives a connection to a pooler."""
        pool = self._opened()
        connection = await pool.acquire(timeout=self._patience_s)
        useless = False
        try:
            return list(await connection.fetch(sql, *arguments)) if connection.is_direct else None
        except BaseException as error:
            useless = is_useless_session(error) or isinstance(error, TimeoutError)
            if useless:  # its siblings, too
                await self.renew()
            raise
        finally:
            await give_back(pool, connection, dead=useless)

    def _opened(self) -> Any:
        if self._pool is None:
            raise UsageError("The database is not open.")
        return self._pool

    @asynccontextmanager
    async def fleet_session(self, *, lock_wait: str = LOCK_WAIT) -> AsyncIterator[Connection]:
        """Run one transaction as the worker role: only our functions, but for every tenant."""
        async with self._session(self.access.worker_role, "", lock_wait) as connection:
            yield connection

    @asynccontextmanager
    async def fleet_statement(self) -> AsyncIterator[Connection]:
        """Run one statement as the worker role, committed when it returns: one round trip instead of four.

        Only one: a second would be a transaction of its own. Behind a pooler it is a fleet session.
        """
        with translated():
            connection = await self._standing.acquire(self._patience_s) if self.is_direct else None
            if connection is None:
                async with self.fleet_session() as session:
                    yield session
                return
            useless = False
            try:
                yield connection
            except BaseException as error:
                useless = is_useless_session(error) or isinstance(error, TimeoutError)
                if useless:  # and its siblings, as old as it is
                    await self.renew()
                raise
            finally:
                await self._standing.release(connection, dead=useless)

    def owns(self, pid: int) -> bool:
        """Return whether a notification of this server process came from a statement of ours."""
        return self._standing.owns(pid)

    @asynccontextmanager
    async def login_session(self) -> AsyncIterator[Connection]:
        """Run one transaction as the login itself: for start checks and the simulator."""
        async with self._session("none", "") as connection:
            yield connection

    @asynccontextmanager
    async def _session(
        self, role: str, tenant_id: str, lock_wait: str = LOCK_WAIT
    ) -> AsyncIterator[Connection]:
        pool = self._opened()
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
                if self.only_reads and is_read_only_refusal(error):
                    raise ReadOnlyError(_ONLY_READS) from error
                useless = is_useless_session(error)
                if useless:
                    await self.renew()
                raise
            finally:
                await give_back(pool, connection, dead=useless)

    async def _begin(self, pool: Any, role: str, tenant_id: str, lock_wait: str) -> tuple[Connection, Any]:
        """Begin on a connection that works: after a restart of the server, those in the pool may be dead."""
        for attempt in range(1, self._max_size + 2):
            connection = await pool.acquire(timeout=self._patience_s)
            transaction = connection.transaction(readonly=self.only_reads)
            try:
                await transaction.start()
                row = await connection.fetchrow(_ENTER, role, tenant_id, lock_wait)
            except BaseException as error:
                dead = isinstance(translate(error), DatabaseUnreachableError)
                await give_back(pool, connection, dead=dead)
                if not dead or attempt > self._max_size:
                    raise
            else:
                if not self._was_demoted(connection, read_only=row["read_only"]):
                    return connection, transaction
                await pool.expire_connections()
                await give_back(pool, connection, dead=True)
        raise DatabaseUnreachableError("The database does not answer in time.", cause=Cause.NO_ANSWER)

    def _was_demoted(self, connection: Connection, *, read_only: bool) -> bool:
        """Return whether this session is outdated: read-only, although the newest one was not when it began.

        After a switch-over, sessions of the old primary stay read-only, while new ones can write.
        """
        raw = connection._con  # noqa: SLF001 - the pool's proxy is another one at each use
        if raw in self._entered:
            return read_only and not self._newest_is_read_only
        self._entered.add(raw)
        self._newest_is_read_only = read_only
        return False


class _ReadingDatabase(Database):
    """The same pool with all of its state; only what its transactions may do differs."""

    only_reads = True

    def __init__(self, whole: Database) -> None:
        self.__dict__ = whole.__dict__

    async def close(self) -> None:
        """Leave the pool to whoever opened it."""

    async def tenant_call(self, tenant_id: str, sql: str, *arguments: Any) -> list[Any]:
        """Call the function in a read-only transaction: one that writes fails."""
        async with self.tenant_session(tenant_id) as connection:
            return list(
                await connection.fetch(sql, self.access.operator_role, tenant_id, LOCK_WAIT, *arguments)
            )

    @asynccontextmanager
    async def fleet_statement(self) -> AsyncIterator[Connection]:
        """Run one statement in a read-only transaction, which a standing session would not have."""
        async with self.fleet_session() as connection:
            yield connection


@asynccontextmanager
async def direct_connection(access: Access) -> AsyncIterator[ServerConnection]:
    """Open a separate session without a pooler: for LISTEN, advisory locks and migrations.

    The server ends it if this process is suspended; a pooler in session mode has to notice by itself.

    Raises:
        PooledError: a pooler is used that does not keep a session for its client.
    """
    with translated():
        newest = access.newest.past_pooler
        connection = await open_connection(newest.url, newest.tls, **_DRIVER_OPTIONS)
        try:
            if connection.is_direct:
                await connection.execute(SESSION_IS_WATCHED)
            elif not await keeps_session(
                connection, newest.url, lambda: open_connection(newest.url, newest.tls, **_DRIVER_OPTIONS)
            ):
                raise PooledError(IS_POOLED_TOO if access.direct_url else IS_POOLED)
            yield connection
        finally:
            with suppress(Exception):
                await connection.close(timeout=2)
