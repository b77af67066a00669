"""Hints from other processes: LISTEN on a direct connection, and advisory locks on another."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import Any

from console.errors import DatabaseUnreachableError
from console.store.failures import translated
from console.store.pool import Access, direct_connection
from console.store.sql import query

CHANNELS = ("device_console", "device_state_changed")
_ALIVE_EVERY_S = 5.0


class LockKey(IntEnum):
    """Advisory locks of the console; the first half of a two-part key is the console's own."""

    INGEST = 1
    DISPATCH = 2


_SPACE = 0x64_65_76


async def listen(access: Access, heard: Callable[[str], None], ready: Callable[[], None]) -> None:
    """Call `heard` with a tenant id for every hint, until the link breaks.

    Raises:
        DatabaseUnreachableError: the link broke; hints since then are lost, so re-read everything.
    """
    async with direct_connection(access) as connection:
        with translated():
            for channel in CHANNELS:
                await connection.add_listener(channel, lambda *event: heard(str(event[3])))
            ready()
            await _until_closed(connection)


async def _until_closed(connection: Any) -> None:
    closed = asyncio.Event()
    connection.add_termination_listener(lambda _: closed.set())
    while not connection.is_closed():
        try:
            await asyncio.wait_for(closed.wait(), _ALIVE_EVERY_S)
        except TimeoutError:
            await connection.fetchval("SELECT 1", timeout=_ALIVE_EVERY_S)
    raise DatabaseUnreachableError("The database link for notifications was closed.")


@asynccontextmanager
async def advisory_lock(
    access: Access, key: LockKey, *, shared: bool = False
) -> AsyncIterator[Callable[[], bool] | None]:
    """Hold a session lock while the block runs; yields None when another process has it.

    What is yielded tells whether the session that carries the lock still stands.
    """
    async with direct_connection(access) as connection:
        function = "pg_try_advisory_lock_shared" if shared else "pg_try_advisory_lock"
        with translated():
            held = await connection.fetchval(f"SELECT {function}($1::integer, $2::integer)", _SPACE, int(key))
        if not held:
            yield None
            return
        yield lambda: not connection.is_closed()


async def lock_is_held(access: Access, key: LockKey) -> bool:
    """Whether any process holds this lock: a live dispatcher or ingest exists."""
    async with direct_connection(access) as connection:
        with translated():
            return bool(
                await connection.fetchval(
                    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
                    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                    " AND classid = $1::bigint::oid AND objid = $2::bigint::oid)",
                    _SPACE,
                    int(key),
                )  # fmt: skip
            )


async def deployment_id(access: Access) -> str:
    """The id of this deployment: it names the MQTT session, so that two databases never share one."""
    async with direct_connection(access) as connection:
        with translated():
            return str(await connection.fetchval(query("deployment")))
