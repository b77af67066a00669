"""Hints from other processes, by LISTEN on a direct connection; and what names this deployment."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from console.errors import Cause, DatabaseUnreachableError, RefusedError
from console.store.failures import translated
from console.store.pool import Access, Connection, Database, direct_connection
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
    """Names this deployment towards the broker. Slots from `slots` to `slots_ever` are to be emptied."""

    name: str
    slots: int
    slots_ever: int


async def listen(access: Access, on_hint: Callable[[str, str], None], ready: Callable[[], None]) -> None:
    """Call `on_hint` with channel and payload for every hint, until the link breaks.

    Raises:
        DatabaseUnreachableError: the link broke; hints since then are lost, so re-read everything.
    """
    async with direct_connection(access) as connection:
        with translated():
            for channel in CHANNELS:
                await connection.add_listener(channel, lambda *event: on_hint(str(event[2]), str(event[3])))
            ready()
            await _until_closed(connection)


async def digests(database: Database, tenants: Iterable[str]) -> dict[str, str]:
    """The tenants by the words that stand for them in notifications, which others cannot read."""
    found: dict[str, str] = {}
    for tenant_id in tenants:
        async with database.tenant_session(tenant_id) as connection:
            found[await connection.fetchval(query("own_digest"))] = tenant_id
    return found


async def bound_tenants(database: Database) -> tuple[str, ...] | None:
    """The tenants that the map of logins lets this one choose; None where it does not name the login."""
    async with database.tenant_session("") as connection:
        bound = await connection.fetchval(query("bound_tenants"))
    return None if bound is None else tuple(bound)


async def _until_closed(connection: Any) -> None:
    """Wait for the end of a session, or for a switch-over: nothing is announced on it afterwards."""
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
    """This deployment: it names the MQTT sessions, so that two databases never share one."""
    async with database.fleet_session() as connection:
        row = await connection.fetchrow(query("deployment"))
    return Deployment(row["deployment_id"], row["ingest_slots"], row["ingest_slots_ever"])


async def is_same_database(database: Database, connection: Connection) -> bool:
    """Whether another connection reaches the database that the pool uses, and not a copy or a namesake of it.

    Where a provider keeps the identifier of the server to itself, it is believed.
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
    """Seconds for one round trip through the pool.

    Raises:
        DatabaseUnreachableError: no answer.
    """
    started = time.monotonic()
    async with database.login_session() as connection:
        started = time.monotonic()
        await connection.execute("SELECT 1", timeout=_ALIVE_EVERY_S)
    return time.monotonic() - started
