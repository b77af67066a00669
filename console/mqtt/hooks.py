"""Hooks between paho and aiomqtt, set before connecting, for what neither of them exposes."""

import asyncio
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any

import aiomqtt

from console.mqtt.library import connected_of, lost_of, paho_of, wrap_sockets_with
from console.mqtt.link_errors import HungUpError

CONNECT_TIMEOUT_S = 6.0


@dataclass(slots=True)
class Connack:
    """What the broker's CONNACK contains: `properties` are those of MQTT 5, by paho's names."""

    session_present: bool = False
    properties: dict[str, Any] = field(default_factory=dict)


def close_what_is_refused(client: aiomqtt.Client, host: str, context: ssl.SSLContext) -> None:
    """Do the TLS handshake as paho does, but close the socket on failure: paho leaves it to the collector."""

    def wrapped(plug: socket.socket) -> ssl.SSLSocket:
        secure = context.wrap_socket(plug, server_hostname=host, do_handshake_on_connect=False)
        try:
            secure.settimeout(CONNECT_TIMEOUT_S)
            secure.do_handshake()
        except BaseException:
            secure.close()
            raise
        return secure

    wrap_sockets_with(paho_of(client), wrapped)


def read_connack(client: aiomqtt.Client) -> Connack:
    """Return an object that gets the values of the CONNACK that aiomqtt discards."""
    paho = paho_of(client)
    connack, inner = Connack(), paho.on_connect

    def on_connect(mqtt: Any, userdata: Any, flags: Any, reason: Any, properties: Any = None) -> None:
        connack.session_present = bool(flags.session_present)
        connack.properties = dict(vars(properties)) if properties is not None else {}
        if inner is not None:
            inner(mqtt, userdata, flags, reason, properties)

    paho.on_connect = on_connect
    return connack


def notice_hang_up(client: aiomqtt.Client) -> None:
    """End the wait for a CONNACK at once if the broker hangs up, as brokers of 3.1.1 do on MQTT 5."""
    paho, connected = paho_of(client), connected_of(client)
    inner = paho.on_disconnect

    def hung_up() -> None:
        if not connected.done():
            connected.set_exception(HungUpError("it hung up while connecting"))

    def on_disconnect(*event: Any) -> None:
        hung_up()
        if inner is not None:
            inner(*event)

    def on_broken(broken: asyncio.Future[None]) -> None:
        if not connected.done():  # reached without a disconnect if the CONNACK is malformed
            broken.exception()
            hung_up()

    paho.on_disconnect = on_disconnect
    lost_of(client).add_done_callback(on_broken)
