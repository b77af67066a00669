"""Opening one connection: trying the hosts, finding out what is at the other end, what a session may keep.

A pooler in transaction mode gives each transaction any session of the server that is free. State of a
session (prepared statements, LISTEN, settings, locks) then ends up with another client or is lost. So a
link counts as pooled until the server itself is known to be at the other end.

Decided in docs/decisions/0046-who-is-at-the-other-end.md
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import asyncpg

from console.errors import DatabaseUnreachableError
from console.store.liveness import keep_alive, watch_link

Host: TypeAlias = tuple[str, int]
IS_POOLED = (
    "The database is reached through a pooler that shares its sessions (PgBouncer in transaction mode, or "
    "similar): set CONSOLE_DIRECT_DATABASE_URL to the address of the server itself, for `migrate` and to "
    "see changes at once."
)
IS_POOLED_TOO = (
    "CONSOLE_DIRECT_DATABASE_URL leads through a pooler that shares its sessions, too: set it to the address "
    "of the server itself, or of a pooler in session mode."
)
_STATEMENTS = 100
_HEARD_WITHIN_S = 2.0
_CLOCK_TOLERANCE_S = 0.5
_TRIED_AGAIN_AFTER_S = 3_600.0
_shared_until: dict[str, float] = {}  # by URL: until when a pooler is assumed to share sessions
# The simple protocol, since two messages may reach two servers; the result is the number of rows. A server
# sends the number of its own process at the start of a session; a pooler invents one or sends that of a
# session which began before the client connected.
_IS_SERVER = (
    "SELECT 1 FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS own WHERE own.pid = {pid}"
    " AND pg_catalog.clock_timestamp() - own.backend_start < interval '{age_s:.3f} seconds'"
)
_PRIMARY = "NOT pg_catalog.pg_is_in_recovery()"
_WRITABLE = "pg_catalog.current_setting('transaction_read_only') = 'off'"
_TARGETS = {
    "primary": _PRIMARY,
    "standby": f"NOT ({_PRIMARY})",
    "prefer-standby": f"NOT ({_PRIMARY})",
    "read-write": _WRITABLE,
    "read-only": f"NOT ({_WRITABLE})",
}
TARGETS = frozenset({"any", *_TARGETS})
_NEXT_HOST = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.TooManyConnectionsError,
    DatabaseUnreachableError,
)


class ServerConnection(asyncpg.Connection):  # type: ignore[misc] # asyncpg is untyped
    """One connection. `is_direct`: the server itself is at the other end, so the session is only ours."""

    is_direct = False
    began = 0.0


async def open_link(
    url: str, hosts: Sequence[Host], target: str, *, patience_s: float, believe: bool = True, **options: Any
) -> ServerConnection:
    """Connect to the first of the hosts that answers and matches `target` (target_session_attrs).

    Each host has `patience_s` to accept the connection and to be identified. Unless we `believe` the result,
    the link counts as pooled in any case.

    Raises:
        DatabaseUnreachableError: hosts answer, but none matches `target`.
    """
    options |= {
        "statement_cache_size": 0,
        "connection_class": ServerConnection,
        "target_session_attrs": "any",
    }
    options["timeout"] = patience_s
    wanted = [target, "any"] if target == "prefer-standby" else [target]
    failure: BaseException | None = None
    for attribute in wanted:
        for place in hosts or (None,):
            try:
                async with asyncio.timeout(patience_s):
                    link = await _opened(url, place, options)
                    return await _judged(link, _TARGETS.get(attribute), believe=believe)
            except _NEXT_HOST as error:
                failure = _graver(failure, error)
    assert failure is not None  # noqa: S101 - there is at least one place, and each ended in one
    raise failure


def _graver(before: BaseException | None, error: BaseException) -> BaseException:
    """Return the more informative of two hosts' errors: any other than that a host does not answer."""
    return error if before is None or isinstance(before, OSError | TimeoutError) else before


async def _opened(url: str, place: Host | None, options: dict[str, Any]) -> ServerConnection:
    where = {} if place is None else {"host": place[0], "port": place[1]}
    began = time.monotonic()
    link: ServerConnection = await asyncpg.connect(url, **where, **options)
    link.began = began
    return link


async def _judged(link: ServerConnection, condition: str | None, *, believe: bool) -> ServerConnection:
    """Let the session keep statements and settings only if the server itself is at the other end."""
    try:
        if condition is not None and not await _holds(link, condition):
            raise _WrongHostError  # noqa: TRY301 - the link ends for this as for all else
        link.is_direct = believe and await _is_server(link)
        if link.is_direct:
            link._stmt_cache.set_max_size(_STATEMENTS)  # noqa: SLF001 - asyncpg settles it before it connects
            link._stmt_cache_enabled = True  # noqa: SLF001
            await watch_link(link)
        else:
            keep_alive(link)
    except BaseException:
        link.terminate()
        raise
    return link


class _WrongHostError(DatabaseUnreachableError):
    """A host answers but does not match the URL."""

    def __init__(self) -> None:
        super().__init__(
            "No database host that answers matches target_session_attrs in the URL: wait "
            "for the failover to end, or name every host of the cluster.",
            detail="no host matches target_session_attrs",
        )


async def _holds(link: ServerConnection, condition: str) -> bool:
    return bool(await link.execute(f"SELECT 1 WHERE {condition}") == "SELECT 1")


async def _is_server(link: ServerConnection) -> bool:
    age_s = time.monotonic() - link.began + _CLOCK_TOLERANCE_S
    question = _IS_SERVER.format(pid=link.get_server_pid(), age_s=age_s)
    with suppress(asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedFunctionError):
        return bool(await link.execute(question) == "SELECT 1")
    return False


async def keeps_session(
    link: ServerConnection, url: str, another: Callable[[], Awaitable[ServerConnection]]
) -> bool:
    """Return whether a pooler keeps one session for this link, by a NOTIFY of another connection.

    If sessions are shared, the notification goes to the current user of that session, or to nobody. The
    trial then leaves a LISTEN in another client's session: this process does not try the same URL again for
    an hour.
    """
    if time.monotonic() < _shared_until.get(url, 0.0):
        return False
    channel = f"device_console_{uuid.uuid4().hex}"
    arrived = asyncio.Event()
    was_announced = False

    def arrive(*_: object) -> None:
        arrived.set()

    with suppress(TimeoutError):
        async with asyncio.timeout(_HEARD_WITHIN_S):
            await link.add_listener(channel, arrive)
            notifier = await another()
            try:
                await notifier.execute(f"NOTIFY {channel}")
                was_announced = True
            finally:
                notifier.terminate()
            await arrived.wait()
    with suppress(TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        await link.remove_listener(channel, arrive)
    if was_announced and not arrived.is_set():
        _shared_until[url] = time.monotonic() + _TRIED_AGAIN_AFTER_S
    return arrived.is_set()
