"""A broker of MQTT 5 that does what a script says: refusals, silence, other limits. Raw packets, no library."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from console.mqtt.session import BrokerAddress

CONNECT, PUBLISH, SUBSCRIBE, PINGREQ = 1, 3, 8, 12
MAXIMUM_QOS, RECEIVE_MAXIMUM, SHARED_AVAILABLE, SESSION_EXPIRY, ASSIGNED_ID = 0x24, 0x21, 0x2A, 0x11, 0x12
MAXIMUM_PACKET_SIZE = 0x27


@dataclass
class Script:
    """What the broker answers. `connack` is the reason, `puback` the one for publications; None is silence."""

    connack: int = 0
    properties: bytes = b""
    puback: int | None = 0
    suback: int = 1
    hang_up_with: int | None = (
        None  # a DISCONNECT with this reason, right after the first publication or subscription
    )
    hang_up_silently: bool = False  # the same without a DISCONNECT, as mosquitto before 2.0.15 ends a session
    session_present: bool = False
    connects: list[bytes] = field(default_factory=list)
    published: list[bytes] = field(default_factory=list)


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readexactly(1))[0]
    length = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return head, await reader.readexactly(length)


def _build(head: int, body: bytes) -> bytes:
    assert len(body) < 0x80
    return bytes([head, len(body)]) + body


def _topics(subscribe: bytes) -> int:
    """How many topics a SUBSCRIBE without properties names."""
    place, found = 3, 0
    while place < len(subscribe):
        place += 3 + int.from_bytes(subscribe[place : place + 2], "big")
        found += 1
    return found


class ScriptedBroker:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> BrokerAddress:
        return BrokerAddress("127.0.0.1", self.port)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head, body = await _packet(reader)
                for answer in self._answers(head, body):
                    writer.write(answer)
                await writer.drain()
                if head >> 4 == CONNECT and self.script.connack:
                    break
                if self.script.hang_up_silently and head >> 4 in {PUBLISH, SUBSCRIBE}:
                    break
                if self.script.hang_up_with is not None and head >> 4 in {PUBLISH, SUBSCRIBE}:
                    writer.write(_build(0xE0, bytes([self.script.hang_up_with, 0])))
                    await writer.drain()
                    break
        self._writers.discard(writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        self._serving.discard(task)

    def _answers(self, head: int, body: bytes) -> list[bytes]:
        script = self.script
        if head >> 4 == CONNECT:
            script.connects.append(body)
            flags = bytes([int(script.session_present and not script.connack), script.connack])
            return [_build(0x20, flags + bytes([len(script.properties)]) + script.properties)]
        if head >> 4 == PUBLISH:
            script.published.append(body)
            topic = int.from_bytes(body[:2], "big")
            if script.puback is None or not head & 0x06:
                return []
            return [_build(0x40, body[2 + topic : 4 + topic] + bytes([script.puback, 0]))]
        if head >> 4 == SUBSCRIBE:
            return [_build(0x90, body[:2] + bytes([0, *[script.suback] * _topics(body)]))]
        if head >> 4 == PINGREQ:
            return [b"\xd0\x00"]
        return []

    async def ended(self) -> None:
        """Until no connection is left."""
        if self._serving:
            await asyncio.wait(tuple(self._serving), timeout=5)

    def close(self) -> None:
        for writer in tuple(self._writers):
            writer.transport.abort()


@asynccontextmanager
async def scripted_broker(script: Script) -> AsyncIterator[ScriptedBroker]:
    broker = ScriptedBroker(script)
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    broker.port = server.sockets[0].getsockname()[1]
    try:
        yield broker
    finally:
        server.close()
        broker.close()
        await broker.ended()
