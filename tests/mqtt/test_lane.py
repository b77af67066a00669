"""The lane beside paho: what it reads and writes, over TCP and TLS, and what is left to paho."""

import asyncio
import dataclasses
import socket
import ssl
import struct
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme

from console.domain.acks import RawAck
from console.domain.publication import Publication
from console.errors import BrokerUnreachableError
from console.mqtt import lane as lane_module
from console.mqtt.ack_stream import AckStream, ack_stream
from console.mqtt.frames import publish_frame
from console.mqtt.lane import PACKETS_A_TURN
from console.mqtt.paho_reader import PahoReader
from console.mqtt.publisher import publisher
from console.mqtt.session import BrokerAddress, Session, SessionKind, connect
from tests.brokers import SPEAKS_V3, BrokerProcess, free_port, start_broker
from tests.devices import say
from tests.waiting import until

TOPIC = "tenant/acme/device/pump-1/commands/ack"
QUIET_S = 0.3
FEW_TURNS = 30  # of the loop in that time, if it rests


def _frames(count: int, payload: bytes = b"", *, v5: bool) -> bytes:
    return b"".join(
        publish_frame(Publication(TOPIC, payload or b"%d" % n, "", "", None), 1 + n, v5=v5)
        for n in range(count)
    )


@dataclass
class RawBroker:
    """Accepts a CONNECT, then sends `greeting` in the same write as its CONNACK, and keeps what it gets."""

    greeting: bytes = b""
    answers_pings: bool = True
    got: bytearray = field(default_factory=bytearray)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    port: int = 0
    trusted: ssl.SSLContext | None = None

    @property
    def address(self) -> BrokerAddress:
        return BrokerAddress("localhost", self.port, force_v3=True, tls=self.trusted)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with suppress(OSError):
            await reader.read(1_000)
            writer.write(b"\x20\x02\x00\x00" + self.greeting)
            while data := await reader.read(65_536):
                if data == b"\xe0\x00":
                    break
                if data != b"\xc0\x00":
                    self.got += data
                elif self.answers_pings:
                    writer.write(b"\xd0\x00")
        writer.close()

    async def gets(self, data: bytes) -> None:
        async def has() -> bool:
            return data in bytes(self.got)

        await until(has)


@asynccontextmanager
async def raw_broker(
    greeting: bytes = b"", *, answers_pings: bool = True, tls: bool = False
) -> AsyncIterator[RawBroker]:
    broker = RawBroker(greeting, answers_pings)
    ours: ssl.SSLContext | None = None
    if tls:
        authority, ours = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(ours)
        broker.trusted = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0, ssl=ours)
    broker.port = server.sockets[0].getsockname()[1]
    try:
        yield broker
    finally:
        server.close()
        for writer in broker.writers:
            writer.transport.abort()
        await asyncio.sleep(0)


@dataclass
class Taker:
    """Takes the messages of one connection."""

    parts: list[Sequence[RawAck]] = field(default_factory=list)
    on_each: Callable[[], object] = lambda: None

    def __call__(self, messages: Sequence[RawAck]) -> None:
        self.parts.append(messages)
        self.on_each()

    @property
    def messages(self) -> list[RawAck]:
        return [message for part in self.parts for message in part]

    async def reaches(self, count: int) -> None:
        async def there() -> bool:
            return len(self.messages) >= count

        await until(there)


@asynccontextmanager
async def taking(address: BrokerAddress, taker: Taker) -> AsyncIterator[Session]:
    kind = SessionKind(f"lane-{uuid.uuid4().hex[:8]}", on_messages=taker)
    async with connect(address, kind) as session:
        yield session


async def _turns_while_quiet() -> int:
    """How often the loop turns while nothing happens: thousands of times if it watches what is always ready."""
    loop: Any = asyncio.get_running_loop()
    inner, turns = loop._selector.select, 0

    def select(timeout: float | None) -> object:
        nonlocal turns
        turns += 1
        return inner(timeout)

    loop._selector.select = select
    try:
        await asyncio.sleep(QUIET_S)
    finally:
        loop._selector.select = inner
    return turns


@pytest.mark.mosquitto
async def test_the_loop_rests_once_pubacks_are_written(mosquitto: BrokerProcess) -> None:
    """Without an end to the watching for room to write, the loop turns at once, again and again: a whole core."""
    async with ack_stream(mosquitto.address, str(uuid.uuid4())) as stream:
        await stream.subscribe()
        for _ in range(3):
            await say(mosquitto.address, TOPIC, b"1", b"2")
            await _acknowledged(stream, 2)
        assert await _turns_while_quiet() < FEW_TURNS


async def _acknowledged(stream: AckStream, count: int) -> None:
    while count:
        batch = await stream.batch(500)
        await stream.acknowledge(batch)
        count -= len(batch)


@pytest.mark.mosquitto
async def test_what_a_socket_does_not_take_at_once_is_written_later_and_the_loop_rests_then() -> None:
    """Without the watching, what did not fit waits for the next packet, or for ever."""
    with start_broker("mosquitto", "persistence false\nmax_inflight_messages 0") as broker:
        async with publisher(broker.address) as link:
            confirmed: set[int] = set()
            link.on_pubacks = lambda pubacks: confirmed.update(token for token, _ in pubacks)
            broker.freeze()
            tokens = link.send([Publication(TOPIC, b"x" * 60_000, TOPIC, "c", None) for _ in range(200)])
            assert await _turns_while_quiet() < FEW_TURNS
            assert not confirmed
            broker.thaw()

            async def are_confirmed() -> bool:
                return confirmed == set(tokens)

            await until(are_confirmed)
            assert await _turns_while_quiet() < FEW_TURNS


async def test_what_comes_with_the_connack_is_taken_and_its_pubacks_are_one_write() -> None:
    """Without reading from the first byte on, the lane would start in the middle of a packet that paho has begun."""
    taker = Taker()
    async with raw_broker(_frames(300, v5=False)) as broker, taking(broker.address, taker) as session:
        await taker.reaches(300)
        assert [message.payload for message in taker.messages] == [b"%d" % n for n in range(300)]
        session.reader.acknowledge(taker.messages)
        await broker.gets(b"".join(b"\x40\x02" + mid.to_bytes(2) for mid in range(1, 301)))


async def test_a_flood_is_taken_a_turn_at_a_time() -> None:
    """Without the bound of a turn, keys and pings wait until all that one read brought has been taken."""
    taker, turns = Taker(), 0
    async with raw_broker(_frames(20_000, v5=False)) as broker:
        others: list[int] = []
        taker.on_each = lambda: asyncio.get_running_loop().call_soon(others.append, len(taker.parts))
        async with taking(broker.address, taker):
            await taker.reaches(20_000)
            turns = len(taker.parts)
    assert max(map(len, taker.parts)) <= PACKETS_A_TURN
    assert turns >= 20
    assert others[:turns] == list(range(1, 1 + len(others[:turns])))  # another callback between any two turns


async def test_a_pause_leaves_messages_where_they_are_and_nothing_is_lost_by_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a look at the pause, what one read brought would be taken although nothing more may wait."""
    monkeypatch.setattr(lane_module, "PACKETS_A_TURN", 10)
    taker, count = Taker(), 50_000
    async with raw_broker(_frames(count, v5=False)) as broker, taking(broker.address, taker) as session:
        taker.on_each = session.reader.pause
        session.reader.pause()
        taken = len(taker.messages)
        assert await _turns_while_quiet() < FEW_TURNS
        assert len(taker.messages) == taken
        assert session.silent_s == 0.0
        while len(taker.messages) < 500:
            before = len(taker.parts)
            session.reader.resume()
            await until(partial(_are_more, taker, before))
            assert len(taker.parts) == before + 1
        taker.on_each = lambda: None
        session.reader.resume()
        await taker.reaches(count)
    assert [message.payload for message in taker.messages] == [b"%d" % n for n in range(count)]


async def _are_more(taker: Taker, parts: int) -> bool:
    return len(taker.parts) > parts


async def test_bytes_that_are_not_mqtt_end_the_link_with_a_reason() -> None:
    async with raw_broker() as broker, ack_stream(broker.address, "deployment") as stream:
        broker.writers[0].write(_frames(1, v5=False) + b"\x32\xff\xff\xff\xff\x7f")
        assert len(await stream.batch(10)) == 1
        with pytest.raises(BrokerUnreachableError, match=r"not MQTT: a length of more than four bytes"):
            await stream.batch(10)


@pytest.mark.parametrize("tls", [False, True])
async def test_a_hang_up_behind_messages_loses_none_of_them(tls: bool) -> None:
    """Without passing on what was read before the end, the last answers before it would come late."""
    async with raw_broker(tls=tls) as broker, ack_stream(broker.address, "deployment") as stream:
        broker.writers[0].write(_frames(3_000, v5=False))
        broker.writers[0].close()
        taken: list[RawAck] = []
        with pytest.raises(BrokerUnreachableError, match="broke"):
            await _take_all(stream, taken)
        assert len(taken) == 3_000


async def _take_all(stream: AckStream, taken: list[RawAck]) -> None:
    while True:
        taken += await stream.batch(500)


async def test_a_link_that_is_reset_ends_as_one_that_is_closed() -> None:
    """Without passing on the error of the socket, a reset looks like silence."""
    async with raw_broker() as broker, ack_stream(broker.address, "deployment") as stream:
        plug = broker.writers[0].get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close by a reset
        broker.writers[0].transport.abort()
        with pytest.raises(BrokerUnreachableError, match="broke"):
            await asyncio.wait_for(stream.batch(1), 5)


async def test_a_bug_where_messages_are_taken_ends_the_link() -> None:
    """Without it, what follows the message would be read on, and its PUBACK never come."""

    def fails(_messages: Sequence[RawAck]) -> None:
        raise ZeroDivisionError("a bug")

    kind = SessionKind("lane-bug", on_messages=fails)
    async with raw_broker() as broker, connect(broker.address, kind) as session:
        broker.writers[0].write(_frames(1, v5=False))
        await asyncio.wait_for(asyncio.wait({session.lost}), 5)
        assert isinstance(session.lost.exception(), ZeroDivisionError)


async def test_a_message_of_qos_2_is_left_to_paho() -> None:
    taker = Taker()
    async with raw_broker() as broker, taking(broker.address, taker) as session:
        broker.writers[0].write(b"\x34\x06\x00\x01t\x00\x07x")
        await broker.gets(b"\x50\x02\x00\x07")
        broker.writers[0].write(b"\x62\x02\x00\x07")
        await taker.reaches(1)
        (message,) = taker.messages
        assert (message.topic, message.payload, message.mid, message.qos) == (b"t", b"x", 7, 2)
        session.reader.acknowledge(taker.messages)
        await broker.gets(b"\x70\x02\x00\x07")


async def test_what_the_lane_reads_is_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, a broker that is busy with answers counts as silent, and its link is dropped."""
    monkeypatch.setattr("console.mqtt.session.PING_EVERY_S", 0.05)
    monkeypatch.setattr("console.mqtt.session.LOST_AFTER_S", 0.4)
    taker = Taker()
    async with raw_broker(answers_pings=False) as broker, taking(broker.address, taker) as session:
        began = time.monotonic()
        while time.monotonic() - began < 1.2:
            broker.writers[0].write(_frames(1, v5=False))
            await asyncio.sleep(0.05)
        assert not session.lost.done()
        await asyncio.wait_for(asyncio.wait({session.lost}), 10)  # without messages it is silent
        assert "has answered nothing" in str(session.lost.exception())


@pytest.fixture
def tls_broker(tmp_path: Path) -> Iterator[tuple[BrokerProcess, BrokerAddress]]:
    authority = trustme.CA()
    made = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    made.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    made.private_key_pem.write_to_path(tmp_path / "server.key")
    tmp_path.chmod(0o755)
    context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    files = f"certfile {tmp_path}/server.pem\nkeyfile {tmp_path}/server.key\npersistence false"
    with start_broker("mosquitto", files) as broker:
        yield broker, dataclasses.replace(broker.address, host="localhost", tls=context)


@pytest.mark.mosquitto
@pytest.mark.parametrize("force_v3", [False, True])
async def test_over_tls_nothing_is_lost_and_a_killed_broker_is_noticed_at_once(
    tls_broker: tuple[BrokerProcess, BrokerAddress], force_v3: bool
) -> None:
    """Without a look at what TLS has decrypted, the rest of a record waits for the next one."""
    broker, address = tls_broker
    address = dataclasses.replace(address, force_v3=force_v3 or SPEAKS_V3)
    count, size = 3_000, 700
    async with ack_stream(address, str(uuid.uuid4())) as stream, publisher(address) as link:
        await stream.subscribe()
        taken: list[bytes] = []
        for start in range(0, count, 500):
            link.send(
                [
                    Publication(TOPIC, b"%d" % n + b" " * size, TOPIC, "c", None)
                    for n in range(start, start + 500)
                ]
            )
            while len(taken) < start + 500:
                batch = await stream.batch(500)
                taken += [message.payload.strip() for message in batch]
                await stream.acknowledge(batch)
        assert taken == [b"%d" % n for n in range(count)]
        assert await _turns_while_quiet() < FEW_TURNS
        broker.kill()
        with pytest.raises(BrokerUnreachableError, match="broke"):
            await asyncio.wait_for(stream.batch(1), 2)
        with pytest.raises(BrokerUnreachableError):
            await asyncio.wait_for(link.until_lost(), 2)
        with pytest.raises(BrokerUnreachableError):
            link.send([Publication(TOPIC, b"", TOPIC, "c", None)])


async def test_inside_of_websockets_paho_does_all_of_it() -> None:
    """Without the value, the lane would read from a wrapper of paho's that was made for reads of a few bytes."""
    port = free_port()
    with start_broker("nats-server", websocket_port=port) as broker:
        address = dataclasses.replace(broker.address, port=port, websockets=True)
        async with ack_stream(address, str(uuid.uuid4())) as stream, publisher(address) as link:
            assert isinstance(stream._session.reader, PahoReader)
            await stream.subscribe()
            stream._session.reader.pause()
            assert stream.silent_s == 0.0
            stream._session.reader.resume()
            confirmed: dict[int, object] = {}
            link.on_pubacks = confirmed.update
            tokens = link.send([Publication(TOPIC, b"%d" % n, TOPIC, "c", None) for n in range(50)])
            taken: list[bytes] = []
            while len(taken) < 50:
                batch = await stream.batch(500)
                taken += [message.payload for message in batch]
                await stream.acknowledge(batch)
            await until(lambda: _is(confirmed.keys() == set(tokens)))
        assert taken == [b"%d" % n for n in range(50)]


async def _is(value: bool) -> bool:
    return value
