"""Every private name of aiomqtt and paho that is used, and why no public one is enough.

aiomqtt sends acknowledgements by itself, hides the reason codes and the properties of a CONNACK, and does
not report a lost link; paho does not expose its pings, leaves sockets open, reads one packet a turn and
writes one message at a time. A test looks for each of
these names in the installed versions, so that it fails with the name if a new version lacks it.
"""

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any

import aiomqtt

_PUBLISH = 0x30


def paho_of(client: aiomqtt.Client) -> Any:
    """Return the client of paho: aiomqtt allows no manual acknowledgement and no callback before its own."""
    return client._client  # noqa: SLF001


def lost_of(client: aiomqtt.Client) -> asyncio.Future[None]:
    """Return the future that ends with the link: the only sign that it was lost."""
    return client._disconnected  # noqa: SLF001


def connected_of(client: aiomqtt.Client) -> "asyncio.Future[Any]":
    """Return the future that ends with the CONNACK: a hang-up must end it, too."""
    return client._connected  # noqa: SLF001


def pinged_at(paho: Any) -> float | None:
    """Return when an unanswered ping was sent, or data last received since; None without such a ping."""
    if not paho._ping_t:  # noqa: SLF001
        return None
    return float(max(paho._ping_t, paho._last_bytes_received))  # noqa: SLF001


def send_ping(paho: Any) -> None:
    """Send a ping now: the keep-alive alone needs two intervals to notice a lost link."""
    paho._send_pingreq()  # noqa: SLF001


def close_socket(paho: Any) -> None:
    """Close a connection that aiomqtt leaves half open."""
    paho._sock_close()  # noqa: SLF001


def wrap_sockets_with(paho: Any, wrapped: Callable[[socket.socket], object]) -> None:
    """Use our own function for the TLS handshake: paho leaves a refused socket to the collector."""
    paho._ssl_wrap_socket = wrapped  # noqa: SLF001


def replace_sockets(
    paho: Any, connected: Callable[[], socket.socket], created: Callable[[], Any]
) -> tuple[Callable[[], socket.socket], Callable[[], Any]]:
    """Open sockets by functions of our own, and return paho's: one connects, one does all handshakes, too."""
    theirs = paho._create_socket_connection, paho._create_socket  # noqa: SLF001
    paho._create_socket_connection, paho._create_socket = connected, created  # noqa: SLF001
    return theirs


def topic_of(message: Any) -> bytes:
    """Return the bytes of a topic: the public property fails if they are not UTF-8."""
    return bytes(message._topic)  # noqa: SLF001


def read_from(paho: Any, received: Callable[[int], bytes]) -> None:
    """Let paho's own `loop_read` read from a function instead of its socket, at most so many bytes a time."""
    paho._sock_recv = received  # noqa: SLF001


def came_to_life(paho: Any) -> None:
    """Note that the broker has just sent something: paho knows only of what it reads itself."""
    paho._last_bytes_received = time.monotonic()  # noqa: SLF001


def queue_frames(paho: Any, frames: bytes) -> None:
    """Have bytes written behind what waits: paho's public functions write one packet."""
    paho._packet_queue(_PUBLISH, frames, 0, 1)  # noqa: SLF001 - as a publication that nobody waits for
