"""Connections that keep the worker role: each statement is a transaction of its own, in one round trip.

A transaction with local settings takes four (BEGIN, the settings, the statement, COMMIT). These are only for
sessions of the server itself (`links.py`): behind a pooler the role would end up with another client.

Decided in docs/decisions/0054-a-session-that-keeps-the-workers-role.md
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from weakref import WeakSet

import asyncpg

SIZE = 4  # claims, marks, answers and the sweep of one process
IDLE_S = 60.0  # after that a connection is closed
_ENTER = (
    "SELECT set_config('role', $1, false), set_config('app.tenant_id', '', false),"
    " set_config('lock_timeout', $2, false), set_config('idle_in_transaction_session_timeout', '10s', false)"
)


class _NotOursAloneError(Exception):
    """A pooler is at the other end of the new connection."""


class StandingRole:
    """A pool of connections, each in one role from its first statement to its end."""

    def __init__(
        self, role: str, lock_wait: str, connect: Callable[..., Awaitable[Any]], **driver_options: Any
    ) -> None:
        self._role = role
        self._lock_wait = lock_wait
        self._open_link = connect
        self._driver_options = driver_options
        self._pool: Any = None
        self._links: WeakSet[Any] = WeakSet()
        self._newest_is_read_only = False

    async def open(self) -> None:
        """Get ready; no connection is opened before it is needed."""
        self._pool = await asyncpg.create_pool(
            min_size=0,
            max_size=SIZE,
            connect=self._connect,
            reset=nothing_to_reset,
            max_inactive_connection_lifetime=IDLE_S,
            **self._driver_options,
        )

    async def _connect(self, *_: Any, **options: Any) -> Any:
        link = await self._open_link(**options)
        try:
            if not link.is_direct:
                raise _NotOursAloneError  # noqa: TRY301 - the link ends for this as for all else
            await link.execute(_ENTER, self._role, self._lock_wait)
        except BaseException:
            link.terminate()
            raise
        self._newest_is_read_only = _is_read_only(link)
        self._links.add(link)
        return link

    async def acquire(self, patience_s: float) -> Any:
        """Return a connection to give back; None if there can be none: behind a pooler, or without room.

        After a switch-over, sessions of the old primary stay read-only, while newer ones can write: those
        are left.
        """
        pool = self._pool
        for _ in range(SIZE + 1 if pool else 0):
            try:
                connection = await pool.acquire(timeout=patience_s)
            except (_NotOursAloneError, asyncpg.TooManyConnectionsError):
                return None
            if self._newest_is_read_only or not _is_read_only(connection):
                return connection
            await self.expire()
            await give_back(pool, connection, dead=True)
        return None

    async def release(self, connection: Any, *, dead: bool) -> None:
        """Give a connection back after its statement; a `dead` one is closed."""
        if self._pool is not None:
            await give_back(self._pool, connection, dead=dead)

    def owns(self, pid: int) -> bool:
        """Return whether this process of the server serves one of these connections."""
        return any(not link.is_closed() and link.get_server_pid() == pid for link in self._links)

    async def expire(self) -> None:
        """Stop using the connections that exist now."""
        if self._pool is not None:
            await self._pool.expire_connections()

    def close(self) -> None:
        """End all of them at once."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            with suppress(Exception):
                pool.terminate()


def _is_read_only(connection: Any) -> bool:
    """Return whether the session can only read, as the server reported last; asking costs a round trip."""
    settings = connection.get_settings()
    return (
        getattr(settings, "default_transaction_read_only", "off") == "on"
        or getattr(settings, "in_hot_standby", "off") == "on"
    )


async def nothing_to_reset(connection: Any) -> None:
    """Skip the driver's reset query: no use leaves anything in a session that the next one may not meet."""
    del connection


async def give_back(pool: Any, connection: Any, *, dead: bool = False) -> None:
    """Return a connection to the pool; the pool has already dropped one whose server is gone.

    One whose rollback was cancelled, too, is ended, and its transaction with it.
    """
    with suppress(asyncpg.InterfaceError):
        if dead or connection.is_in_transaction():
            connection.terminate()
        await pool.release(connection)
