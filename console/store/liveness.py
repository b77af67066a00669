"""Links that end when the other side is gone: a host that was cut off leaves no session behind."""

import socket
from contextlib import suppress
from typing import Any

_IDLE_S, _EVERY_S, _TIMES, _UNANSWERED_MS = 5, 3, 3, 10_000
_CLIENT = (
    ("TCP_KEEPIDLE", _IDLE_S),
    ("TCP_KEEPINTVL", _EVERY_S),
    ("TCP_KEEPCNT", _TIMES),
    ("TCP_USER_TIMEOUT", _UNANSWERED_MS),
)
_SERVER = (
    f"SELECT set_config('tcp_keepalives_idle', '{_IDLE_S}', false),"
    f" set_config('tcp_keepalives_interval', '{_EVERY_S}', false),"
    f" set_config('tcp_keepalives_count', '{_TIMES}', false),"
    f" set_config('tcp_user_timeout', '{_UNANSWERED_MS}', false)"
)
# For a session that LISTENs or holds a lock: it ends if its client is stopped and sends nothing.
SESSION_IS_WATCHED = (
    "SELECT set_config('idle_session_timeout', '15s', false),"
    " set_config('idle_in_transaction_session_timeout', '10s', false)"
)


def keep_alive(connection: Any) -> bool:
    """Set keepalives and time-outs on our end; return False for a Unix socket, which needs none."""
    plug = connection._transport.get_extra_info("socket")  # noqa: SLF001 - asyncpg has no socket options
    if plug is None or plug.family not in {socket.AF_INET, socket.AF_INET6}:
        return False
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _CLIENT:
        with suppress(OSError):
            if hasattr(socket, name):  # not every system has all options
                plug.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return True


async def watch_link(connection: Any) -> None:
    """Set them on both ends of a new connection. A pooler's link to the server is not ours to change."""
    if keep_alive(connection):
        await connection.execute(_SERVER)
