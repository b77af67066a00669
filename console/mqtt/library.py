"""Every private name of aiomqtt and paho that we need, and why no public one will do.

aiomqtt sends acknowledgements by itself, hides the reason codes and the properties of a CONNACK, and has no
sign of a lost link; paho tells nobody of its pings and leaves sockets open. A test looks for each of these
names in the versions that are installed, so that a new one that lacks it fails there by name.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import aiomqtt


def paho_of(client: aiomqtt.Client) -> Any:
    """The client beneath: aiomqtt has no acknowledgement of our own, and no callback before its own."""
    return client._client  # noqa: SLF001


def lost_of(client: aiomqtt.Client) -> asyncio.Future[None]:
    """The future that ends with the link: the only sign of it."""
    return client._disconnected  # noqa: SLF001


def connected_of(client: aiomqtt.Client) -> "asyncio.Future[Any]":
    """The future that ends with the CONNACK: what waits for it must end with a hang-up, too."""
    return client._connected  # noqa: SLF001


def pinged_at(paho: Any) -> float | None:
    """When a ping was sent that is not answered, or anything was last heard since; None when none is owed."""
    if not paho._ping_t:  # noqa: SLF001
        return None
    return float(max(paho._ping_t, paho._last_bytes_received))  # noqa: SLF001


def send_ping(paho: Any) -> None:
    """Ask now: the keep-alive alone takes two of its intervals to notice."""
    paho._send_pingreq()  # noqa: SLF001


def close_socket(paho: Any) -> None:
    """Close what aiomqtt leaves half open."""
    paho._sock_close()  # noqa: SLF001


def wrap_sockets_with(paho: Any, wrapped: Callable[[socket.socket], object]) -> None:
    """Shake hands by our own function: paho leaves a refused socket to the collector."""
    paho._ssl_wrap_socket = wrapped  # noqa: SLF001


def topic_of(message: Any) -> bytes:
    """The bytes of a topic: the public property fails on what is no UTF-8."""
    return bytes(message._topic)  # noqa: SLF001
