"""Hooks between paho and aiomqtt, set before connecting, for what neither of them exposes."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiomqtt

from console.domain.acks import RawAck
from console.mqtt.frames import MOST_CORRELATION
from console.mqtt.library import connected_of, lost_of, paho_of, topic_of, wrap_sockets_with
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
