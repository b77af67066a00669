"""Hints from other processes, by LISTEN on a direct connection; and the name of this deployment."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from console.errors import Cause, DatabaseUnreachableError, RefusedError
from console.store.access import Access
from console.store.failures import translated
from console.store.pool import Connection, Database, direct_connection
from console.store.sql import query

COMMANDS_CHANNEL = "device_console"
CHANNELS = (COMMANDS_CHANNEL, "device_state_changed")
_ALIVE_EVERY_S = 5.0
_WHICH = (
    "SELECT oid, datname, (SELECT system_identifier FROM pg_catalog.pg_control_system())"
    " FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()"
)
_IS_STANDBY = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment's name at the broker and its slots: `slots` in use, up to `slots_ever` to be emptied."""

    name: str
    slots: int
    slots_ever: int


async def listen(access: Access, on_hint: Callable[[str, str, int], None], ready: Callable[[], None]) -> None:
    """Call `on_hint` with channel, payload and sender (its server process) until the link breaks.

    Raises:
        DatabaseUnreachableError: the link broke; hints since then are lost, so re-read everything.
    """
    async with direct_connection(access) as connection:
        with translated():
            for channel in CHANNELS:
                await connection.add_listener(
                    channel, lambda *event: on_hint(str(event[2]), str(event[3]), int(event[1]))
                )
            ready()
            await _until_closed(connection)


async def digests(database: Database, tenants: Iterable[str]) -> dict[str, str]:
    """Return the tenants by their digests in notifications, which do not reveal a tenant to others."""
    found: dict[str, str] = {}
    for tenant_id in tenants:
        async with database.tenant_session(tenant_id) as connection:
            found[await connection.fetchval(query("own_digest"))] = tenant_id
    return found


async def bound_tenants(database: Database) -> tuple[str, ...] | None:
    """Return the tenants that the map of logins allows this login; None if the login is not in the map."""
    async with database.tenant_session("") as connection:
        bound = await connection.fetchval(query("bound_tenants"))
    return None if bound is None else tuple(bound)


async def _until_closed(connection: Any) -> None:
    """Wait for the end of a session, or for a switch-over, after which it gets no notifications."""
    closed = asyncio.Event()
    connection.add_termination_listener(lambda _: closed.set())
    was_standby = await connection.fetchval(_IS_STANDBY, timeout=_ALIVE_EVERY_S)
    while not connection.is_closed():
        try:
            async with asyncio.timeout(_ALIVE_EVERY_S):
                await closed.wait()
        except TimeoutError:
            if await connection.fetchval(_IS_STANDBY, timeout=_ALIVE_EVERY_S) != was_standby:
                break
    raise DatabaseUnreachableError("The database link for notifications was closed.", cause=Cause.CLOSED)


async def deployment(database: Database) -> Deployment:
    """Return this deployment; MQTT sessions are named after it, so that two databases never share one."""
    async with database.fleet_session() as connection:
        row = await connection.fetchrow(query("deployment"))
    return Deployment(row["deployment_id"], row["ingest_slots"], row["ingest_slots_ever"])


async def is_same_database(database: Database, connection: Connection) -> bool:
    """Return whether another connection reaches the database of the pool, not a copy or one of the same name.

    If a provider hides the server's identifier, it is assumed to be the same.
    """
    try:
        async with database.login_session() as pooled:
            ours = await pooled.fetchrow(_WHICH)
        async with connection.transaction():
            theirs = await connection.fetchrow(_WHICH)
    except RefusedError:
        return True
    return tuple(ours) == tuple(theirs)


async def set_ingest_slots(database: Database, slots: int) -> None:
    """Let up to `slots` processes (1 to 16) share the acknowledgements from now on."""
    async with database.fleet_session() as connection:
        await connection.execute(query("set_ingest_slots"), slots)


async def ping(database: Database) -> float:
    """Return the seconds of one round trip through the pool.

    Raises:
        DatabaseUnreachableError: no answer.
    """
    started = time.monotonic()
    async with database.login_session() as connection:
        started = time.monotonic()
        await connection.execute("SELECT 1", timeout=_ALIVE_EVERY_S)
    return time.monotonic() - started
