"""One MQTT connection: TLS, protocol fallback, no Nagle delay, and a future that ends with the link.

See docs/decisions/0006-taking-messages-before-connecting.md, docs/decisions/0022-mqtt-5-unless-refused.md
"""

import asyncio
import logging
import socket
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from console.domain.acks import RawAck
from console.errors import BrokerUnreachableError, ConsoleError, Link, RefusedError
from console.mqtt import library
from console.mqtt.address import BrokerAddress
from console.mqtt.hooks import (
    CONNECT_TIMEOUT_S,
    Connack,
    close_what_is_refused,
    notice_hang_up,
    read_connack,
    take_messages,
)
from console.mqtt.lane import Lane, OnPubacks
from console.mqtt.link_errors import (
    ProtocolRefusedError,
    SilentBrokerError,
    UnansweredError,
    connect_error,
)
from console.mqtt.paho_reader import PahoReader

__all__ = ["BrokerAddress", "Session", "SessionKind", "code_of", "connect"]
KEEP_ALIVE_S = 20
PING_EVERY_S = 1.5
SILENT_AFTER_S = 2.0
LOST_AFTER_S = 8.0
MAXIMUM_PACKET_BYTES = 1_048_576
_SOCKET_OPTIONS = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
_spoke_v5: set[str] = set()  # brokers that have used MQTT 5: their hang-ups are not about the version
_log = logging.getLogger("console.mqtt")
_paho_log = logging.getLogger("console.mqtt.paho")
_paho_log.setLevel(logging.CRITICAL)


@dataclass(slots=True)
class Session:
    """A live connection. `lost` ends when the link does."""

    client: aiomqtt.Client
    is_v5: bool
    connack: Connack
    reader: Lane | PahoReader

    @property
    def paho(self) -> Any:
        return library.paho_of(self.client)

    @property
    def lane(self) -> Lane | None:
        """What reads and writes in bulk; None where paho does all of it."""
        return self.reader if isinstance(self.reader, Lane) else None

    @property
    def lost(self) -> asyncio.Future[None]:
        return library.lost_of(self.client)

    @property
    def detail(self) -> str:
        """The protocol as the header shows it."""
        return "v5" if self.is_v5 else "v3.1.1"

    @property
    def silent_s(self) -> float:
        """For how many seconds the broker has owed the answer to a ping; 0 while reading is paused."""
        asked_at = None if self.reader.is_paused else library.pinged_at(self.paho)
        return 0.0 if asked_at is None else time.monotonic() - asked_at

    async def ping(self) -> None:
        """Ping the broker often: the keep-alive alone needs two intervals to notice a lost link.

        Returns when the link ends; it ends the link if the broker has been silent for `LOST_AFTER_S`.
        """
        while not self.lost.done():
            await asyncio.sleep(PING_EVERY_S)
            if self.silent_s >= LOST_AFTER_S and not self.lost.done():
                silence = f"it has answered nothing for {self.silent_s:.0f} s"
                self.lost.set_exception(SilentBrokerError(silence))
            elif self.reader.is_paused:
                continue
            elif library.pinged_at(self.paho) is None:
                library.send_ping(self.paho)


@dataclass(frozen=True, slots=True)
class SessionKind:
    """The differences of the two kinds of connection: the ingest session outlives its connection.

    With `on_messages`, the program sends the PUBACKs. It is set before connecting, because a broker delivers
    the session's remaining messages right after its CONNACK. It or `on_pubacks` gives the connection a lane
    for bulk, except inside of WebSockets, where paho frames every packet itself.
    """

    client_id: str
    persistent_s: int = 0
    receive_maximum: int = 0
    on_messages: Callable[[Sequence[RawAck]], None] | None = None
    on_pubacks: OnPubacks | None = None


@asynccontextmanager
async def connect(address: BrokerAddress, kind: SessionKind) -> AsyncIterator[Session]:
    """Connect with MQTT 5 if the broker supports it, otherwise with 3.1.1; disconnect at the end.

    Raises:
        BrokerUnreachableError: nothing answers, or the link broke while connecting.
        RefusedError: the broker refused the login, or its certificate does not verify.
    """
    session = await _open_any(address.newest, kind)
    try:
        if session.connack.properties.get("MaximumQoS", 1) == 0:
            raise RefusedError(
                f"The broker at {address.label} takes QoS 0 only, but QoS 1 is needed: use another broker.",
                link=Link.BROKER, detail="it takes QoS 0 only",
            )  # fmt: skip
        pinging = asyncio.create_task(session.ping(), name="ping")
        try:
            yield session
        finally:
            pinging.cancel()
    finally:
        await _close(session)


async def _open_any(address: BrokerAddress, kind: SessionKind) -> Session:
    """Connect to the first host that answers; a refusal by one host of a cluster counts for all of them."""
    failure: BrokerUnreachableError | None = None
    for host, port in ((address.host, address.port), *address.others):
        try:
            return await _open(replace(address, host=host, port=port), kind)
        except BrokerUnreachableError as error:
            failure = failure or error
    raise failure or BrokerUnreachableError(f"The broker at {address.label} does not answer.")


async def _open(address: BrokerAddress, kind: SessionKind) -> Session:
    if not address.force_v3:
        try:
            session = await _enter_v5(address, kind)
        except ProtocolRefusedError:
            _log.info("the broker at %s speaks MQTT 3.1.1 only", address.label)
        else:
            _spoke_v5.add(address.label)
            return session
    try:
        return await _enter(address, kind, v5=False)
    except ProtocolRefusedError:
        raise BrokerUnreachableError(
            f"The broker at {address.label} speaks neither MQTT 5 nor 3.1.1.",
            detail="it speaks neither MQTT 5 nor 3.1.1",
        ) from None


async def _enter_v5(address: BrokerAddress, kind: SessionKind) -> Session:
    """Connect with MQTT 5, unless the broker does not support it.

    Some brokers of 3.1.1 hang up on MQTT 5 or wait for ever in its CONNECT, as does any that is ending, busy
    or stopped. The protocol is the cause only if 3.1.1 is answered at the same time, twice in a row.

    Raises:
        ProtocolRefusedError: it supports 3.1.1 only.
        BrokerUnreachableError: it does not answer.
    """
    for _ in range(2):
        try:
            return await _enter(address, kind, v5=True)
        except UnansweredError as error:
            if address.label in _spoke_v5 or not await _answers_v3(address):
                raise error.meant from None
    raise ProtocolRefusedError


async def _answers_v3(address: BrokerAddress) -> bool:
    """Return whether the broker accepts a CONNECT of MQTT 3.1.1 now, with a client id that is not in use."""
    name = f"device-console-probe-{uuid.uuid4().hex[:12]}"
    try:
        session = await _enter(address, SessionKind(name), v5=False)
    except (ConsoleError, ProtocolRefusedError):
        return False
    await _close(session)
    return True


async def _enter(address: BrokerAddress, kind: SessionKind, *, v5: bool) -> Session:
    client = _client(address, kind, v5=v5)
    if address.tls is not None or address.websockets:
        close_what_is_refused(client, address)
    if kind.on_messages is not None:
        take_messages(client, kind.on_messages)
    reader: Lane | PahoReader = PahoReader(client)
    if not address.websockets and (kind.on_messages or kind.on_pubacks):
        reader = Lane(
            client, MAXIMUM_PACKET_BYTES, v5=v5, on_messages=kind.on_messages, on_pubacks=kind.on_pubacks
        )
    connack = read_connack(client)
    notice_hang_up(client)
    try:
        await client.__aenter__()
    except BaseException as error:
        library.close_socket(library.paho_of(client))  # aiomqtt leaves a half-open connection behind
        if isinstance(error, aiomqtt.MqttError):
            raise connect_error(error, address.label, tls=address.tls is not None, v5=v5) from None
        raise
    return Session(client, v5, connack, reader)


def _client(address: BrokerAddress, kind: SessionKind, *, v5: bool) -> aiomqtt.Client:
    protocol = aiomqtt.ProtocolVersion.V5 if v5 else aiomqtt.ProtocolVersion.V311
    persistent = kind.persistent_s > 0
    return aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        identifier=kind.client_id,
        protocol=protocol,
        clean_session=None if v5 else not persistent,
        clean_start=(not persistent) if v5 else 3,
        properties=_properties(kind) if v5 else None,
        tls_context=address.tls,
        transport="websockets" if address.websockets else "tcp",
        websocket_path=address.path,
        websocket_headers=_headers(address),
        keepalive=KEEP_ALIVE_S,
        timeout=CONNECT_TIMEOUT_S,
        socket_options=_SOCKET_OPTIONS,
        max_inflight_messages=1_000,
        logger=_paho_log,
    )


def _headers(address: BrokerAddress) -> dict[str, str]:
    """Return headers of WebSockets that replace paho's: it writes no brackets around an IPv6 address."""
    if ":" not in address.host:
        return {}
    host = f"[{address.host}]:{address.port}"
    return {"Host": host, "Origin": f"{'http' if address.tls is None else 'https'}://{host}"}


def _properties(kind: SessionKind) -> Properties:
    connect_properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    connect_properties.SessionExpiryInterval = kind.persistent_s
    connect_properties.MaximumPacketSize = MAXIMUM_PACKET_BYTES
    if kind.receive_maximum:
        connect_properties.ReceiveMaximum = kind.receive_maximum
    return connect_properties


async def _close(session: Session) -> None:
    if session.lost.done():
        session.lost.cancelled() or session.lost.exception()
        library.close_socket(session.paho)  # our side of an abandoned link is still open
    try:
        await session.client.__aexit__(None, None, None)
    except aiomqtt.MqttError:
        _log.debug("the broker was gone before the goodbye")


def code_of(reason: Any) -> int:
    """Return the number of a reason code, which paho passes as an object or as a plain number."""
    return int(getattr(reason, "value", reason) or 0)
