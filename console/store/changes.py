"""Hints from other processes: LISTEN on a direct connection, and advisory locks on another."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from console.errors import DatabaseUnreachableError
from console.store.failures import translated
from console.store.pool import Access, Database, direct_connection
from console.store.sql import query

COMMANDS_CHANNEL = "device_console"
CHANNELS = (COMMANDS_CHANNEL, "device_state_changed")
_ALIVE_EVERY_S = 5.0


class LockKey(IntEnum):
    """Advisory locks of the console; the first half of a two-part key is the console's own."""

    INGEST = 1
    DISPATCH = 2
    SIMULATOR = 3
    WAITING_FOR_INGEST = 4


_SPACE = 0x64_65_76
_FIRST_SLOT = 100


def slot_key(slot: int) -> int:
    """The lock of one ingest slot; slot 0 is the one that every deployment has."""
    return LockKey.INGEST if slot == 0 else _FIRST_SLOT + slot


@dataclass(frozen=True, slots=True)
class Deployment:
    """Names this deployment towards the broker. Slots from `slots` to `slots_ever` are to be emptied."""

    name: str
    slots: int
    slots_ever: int


async def listen(access: Access, heard: Callable[[str, str], None], ready: Callable[[], None]) -> None:
    """Call `heard` with channel and tenant id for every hint, until the link breaks.

    Raises:
        DatabaseUnreachableError: the link broke; hints since then are lost, so re-read everything.
    """
    async with direct_connection(access) as connection:
        with translated():
            for channel in CHANNELS:
                await connection.add_listener(channel, lambda *event: heard(str(event[2]), str(event[3])))
            ready()
            await _until_closed(connection)


async def _until_closed(connection: Any) -> None:
    closed = asyncio.Event()
    connection.add_termination_listener(lambda _: closed.set())
    while not connection.is_closed():
        try:
            async with asyncio.timeout(_ALIVE_EVERY_S):
                await closed.wait()
        except TimeoutError:
            await connection.fetchval("SELECT 1", timeout=_ALIVE_EVERY_S)
    raise DatabaseUnreachableError("The database link for notifications was closed.")


class HeldLock:
    """An advisory lock on a session of its own."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def until_lost(self) -> None:
        """Watch the session that carries the lock.

        Raises:
            DatabaseUnreachableError: always: the session is gone, and the lock with it.
        """
        with translated():
            await _until_closed(self._connection)


@asynccontextmanager
async def advisory_lock(
    access: Access, key: LockKey, *, shared: bool = False
) -> AsyncIterator[HeldLock | None]:
    """Hold a session lock while the block runs; yields None when another process has it."""
    async with direct_connection(access) as connection:
        function = "pg_try_advisory_lock_shared" if shared else "pg_try_advisory_lock"
        with translated():
            held = await connection.fetchval(f"SELECT {function}($1::integer, $2::integer)", _SPACE, int(key))
        yield HeldLock(connection) if held else None


class Locks:
    """Any number of advisory locks on one session of their own; they go with it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def take(self, key: int, *, shared: bool = False) -> bool:
        """Take a lock without waiting; False when another process has it."""
        function = "pg_try_advisory_lock_shared" if shared else "pg_try_advisory_lock"
        return bool(await self._ask(f"SELECT {function}($1::integer, $2::integer)", key))

    async def give(self, key: int, *, shared: bool = False) -> None:
        """Give a lock back."""
        function = "pg_advisory_unlock_shared" if shared else "pg_advisory_unlock"
        await self._ask(f"SELECT {function}($1::integer, $2::integer)", key)

    async def is_held(self, key: int) -> bool:
        """Whether any process holds this lock."""
        return bool(await self._ask(query("lock_is_held"), key))

    async def check(self) -> None:
        """See that the session lives.

        Raises:
            DatabaseUnreachableError: it is gone, and every lock with it.
        """
        with translated():
            await self._connection.execute("SELECT 1", timeout=_ALIVE_EVERY_S)

    async def _ask(self, sql: str, key: int) -> object:
        with translated():
            return await self._connection.fetchval(sql, _SPACE, int(key), timeout=_ALIVE_EVERY_S)


@asynccontextmanager
async def lock_session(access: Access) -> AsyncIterator[Locks]:
    """A session to hold locks on. It says nothing when it dies, so `check` it."""
    async with direct_connection(access) as connection:
        yield Locks(connection)


async def lock_is_held(database: Database, key: int) -> bool:
    """Whether any process holds this lock: a live dispatcher or ingest exists."""
    async with database.login_session() as connection:
        return bool(await connection.fetchval(query("lock_is_held"), _SPACE, int(key)))


async def deployment(database: Database) -> Deployment:
    """This deployment: it names the MQTT sessions, so that two databases never share one."""
    async with database.fleet_session() as connection:
        row = await connection.fetchrow(query("deployment"))
    return Deployment(row["deployment_id"], row["ingest_slots"], row["ingest_slots_ever"])


async def set_ingest_slots(database: Database, slots: int) -> None:
    """Let up to `slots` processes (1 to 16) share the acknowledgements from now on."""
    async with database.fleet_session() as connection:
        await connection.execute(query("set_ingest_slots"), slots)


async def ping(database: Database) -> float:
    """Seconds for one round trip through the pool.

    Raises:
        DatabaseUnreachableError: no answer.
    """
    started = time.monotonic()
    async with database.login_session() as connection:
        started = time.monotonic()
        await connection.execute("SELECT 1", timeout=_ALIVE_EVERY_S)
    return time.monotonic() - started
