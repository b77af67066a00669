"""Hooks between paho and aiomqtt, set before connecting, for what neither of them exposes.

Decided in docs/decisions/0076-inside-of-websockets.md
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiomqtt
from paho.mqtt.client import WebsocketConnectionError

from console.domain.acks import RawAck
from console.mqtt.address import BrokerAddress
from console.mqtt.frames import MOST_CORRELATION
from console.mqtt.library import (
    connected_of,
    lost_of,
    paho_of,
    replace_sockets,
    topic_of,
    wrap_sockets_with,
)
from console.mqtt.link_errors import HungUpError, NoWebSocketsError

CONNECT_TIMEOUT_S = 6.0


@dataclass(slots=True)
class Connack:
    """What the broker's CONNACK contains: `properties` are those of MQTT 5, by paho's names."""

    session_present: bool = False
    properties: dict[str, Any] = field(default_factory=dict)


def close_what_is_refused(client: aiomqtt.Client, address: BrokerAddress) -> None:
    """Open the socket as paho does, but close it if a handshake fails: paho leaves it to the collector."""
    made: list[socket.socket] = []
    context = address.tls

    def connected() -> socket.socket:
        made.append(connect_socket())
        return made[-1]

    def created() -> Any:
        made.clear()
        try:
            return create_socket()
        except BaseException as error:
            for plug in made:
                plug.close()
            if address.websockets and made and _is_no_upgrade(error):
                raise NoWebSocketsError(address.path) from None
            raise

    connect_socket, create_socket = replace_sockets(paho_of(client), connected, created)
    if context is not None:
        wrap_sockets_with(paho_of(client), partial(_wrapped, context, address.host, made))


def _wrapped(
    context: ssl.SSLContext, host: str, made: list[socket.socket], plug: socket.socket
) -> ssl.SSLSocket:
    secure = context.wrap_socket(plug, server_hostname=host, do_handshake_on_connect=False)
    made.append(secure)
    secure.settimeout(CONNECT_TIMEOUT_S)
    secure.do_handshake()
    return secure


def _is_no_upgrade(error: BaseException) -> bool:
    """Return whether what answered does not speak WebSockets: paho trips over some that is not HTTP."""
    if isinstance(error, OSError):
        return isinstance(error, WebsocketConnectionError)
    return isinstance(error, Exception)


def take_messages(client: aiomqtt.Client, on_messages: Callable[[Sequence[RawAck]], None]) -> None:
    """Receive what paho reads itself, one message a time, and send the PUBACKs ourselves."""

    def on_message(_paho: Any, _userdata: Any, message: Any) -> None:
        data = getattr(getattr(message, "properties", None), "CorrelationData", None)
        raw = RawAck(
            topic_of(message), message.payload, message.mid, message.qos, message.retain,
            None if data is None else bytes(data[:MOST_CORRELATION]),
        )  # fmt: skip
        on_messages((raw,))

    paho = paho_of(client)
    paho.manual_ack_set(True)  # PUBACK is sent after the commit
    paho.on_message = on_message  # that of aiomqtt can fail on a topic


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
