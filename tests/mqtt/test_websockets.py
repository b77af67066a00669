"""MQTT inside of WebSockets, in clear and over TLS: by the URL alone everything goes as over TCP."""

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from console.domain.publication import Publication
from console.errors import BrokerUnreachableError, RefusedError
from console.mqtt.ack_stream import AckStream, ack_stream
from console.mqtt.address import BrokerAddress
from console.mqtt.publisher import publisher
from console.mqtt.session import SessionKind, connect
from console.runtime.addresses import broker_address
from console.runtime.servers import Servers
from console.secret import Secret
from console.settings import Settings
from console.shell.doctor.broker import broker_findings
from console.store.access import Access
from tests.brokers import SPEAKS_V3, BrokerProcess, free_port, start_broker
from tests.conftest import Fleet
from tests.devices import device, say, silent
from tests.e2e.conftest import OpenChannel
from tests.needs import need
from tests.waiting import until

pytestmark = pytest.mark.mosquitto
TOPIC = "tenant/acme/device/pump-1/commands/ack"


def address_of(url: str, ca: Path | None = None) -> BrokerAddress:
    settings = Settings(mqtt_url=Secret(url), mqtt_ca=ca, mqtt_version="3.1.1" if SPEAKS_V3 else "auto")
    return broker_address(settings, url)


@dataclass(frozen=True)
class Inside:
    """A broker and its address inside of WebSockets."""

    broker: BrokerProcess
    url: str
    ca: Path

    @property
    def address(self) -> BrokerAddress:
        return address_of(self.url, self.ca)


@pytest.fixture(params=["ws", "wss"])
def inside(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Inside]:
    authority, port, lines = trustme.CA(), free_port(), ""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    if request.param == "wss":
        made = authority.issue_cert("localhost")
        made.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
        made.private_key_pem.write_to_path(tmp_path / "server.key")
        lines = f"certfile {tmp_path}/server.pem\nkeyfile {tmp_path}/server.key"
    with start_broker("mosquitto", websocket_port=port, websocket_lines=lines) as broker:
        yield Inside(broker, f"{request.param}://localhost:{port}", tmp_path / "ca.pem")


async def _take(stream: AckStream, count: int) -> list[bytes]:
    taken: list[bytes] = []
    while len(taken) < count:
        batch = await stream.batch(500)
        taken += [message.payload for message in batch]
        await stream.acknowledge(batch)
    return taken


async def test_many_go_and_come_in_order(inside: Inside) -> None:
    """Without reading all that TLS has decrypted, answers would lie about until the next one comes."""
    name = str(uuid.uuid4())
    async with ack_stream(inside.address, name) as stream, publisher(inside.address) as link:
        await stream.subscribe()
        confirmed: dict[int, object] = {}
        link.on_pubacks = confirmed.update
        payloads = [b"%d" % n + b" " * (n % 700) for n in range(500)]
        tokens = link.send([Publication(TOPIC, payload, TOPIC, "c", None) for payload in payloads])
        assert await asyncio.wait_for(_take(stream, 500), 30) == payloads

        async def all_confirmed() -> bool:
            return confirmed.keys() == set(tokens)

        await until(all_confirmed)


async def test_a_killed_broker_ends_the_link_and_what_was_not_confirmed_comes_again(inside: Inside) -> None:
    """Without noticing the end of the stream, no new link would be opened."""
    name = str(uuid.uuid4())
    async with ack_stream(inside.address, name) as stream, publisher(inside.address) as link:
        await stream.subscribe()
        await say(inside.broker.address, TOPIC, b"1", b"2")
        first = await stream.batch(1)
        await stream.acknowledge(first)
        await asyncio.wait_for(stream.batch(1), 10)
        inside.broker.stop()
        with pytest.raises(BrokerUnreachableError, match="broke"):
            await asyncio.wait_for(stream.batch(1), 5)
        with pytest.raises(BrokerUnreachableError):
            await asyncio.wait_for(link.until_lost(), 5)
    inside.broker.start()
    async with ack_stream(inside.address, name) as stream:
        assert stream.session_present
        again: set[bytes] = set()
        async with asyncio.timeout(10):
            while b"2" not in again:  # what was confirmed just before may come first, in a batch of its own
                again |= {message.payload for message in await stream.batch(2)}


async def test_a_command_is_sent_and_answered_and_again_after_the_broker_was_killed(
    inside: Inside, open_channel: OpenChannel, fleet: Fleet
) -> None:
    """Without the path from the URL to the transport, the workers would speak plain MQTT to a web server."""
    async with open_channel(inside.address) as channel:
        async with device(inside.broker.address):
            await channel.reaches(await channel.send(), "ok")
        inside.broker.kill()
        waiting = await channel.send()
        inside.broker.start()
        async with device(inside.broker.address):
            await channel.reaches(waiting, "ok")


@pytest.mark.mqtt5
async def test_a_publication_has_what_mqtt_5_adds(inside: Inside) -> None:
    async with device(inside.broker.address, answer=silent) as pump, publisher(inside.address) as link:
        await link.publish(
            "tenant/acme/device/pump-1/commands",
            b"{}",
            answer_to=TOPIC,
            command_id="c1",
            expiry_s=42,
            timeout_s=5,
        )
        await asyncio.wait_for(pump.arrived.wait(), 5)
    sent: Any = pump.got[0].properties  # paho makes its attributes as it reads
    assert (sent.ResponseTopic, sent.CorrelationData) == (TOPIC, b"c1")
    assert 40 <= sent.MessageExpiryInterval <= 42


async def test_doctor_looks_over_websockets(inside: Inside, access: Access) -> None:
    """Without it, doctor would pass a set-up of which nobody knows whether the broker is reached that way."""
    found = await broker_findings(Servers(access, inside.address))
    assert found[0].level == "ok"
    assert f"MQTT {'3.1.1' if SPEAKS_V3 else '5'} over WebSockets (mosquitto" in found[0].text


@pytest.mark.parametrize("inside", ["wss"], indirect=True)
async def test_the_broker_is_verified(inside: Inside) -> None:
    """Without the verification any machine on the way may be the broker."""
    with pytest.raises(RefusedError, match="does not verify"):
        async with connect(address_of(inside.url), SessionKind("x")):
            pass
    elsewhere = inside.url.replace("localhost", "127.0.0.1")
    with pytest.raises(RefusedError, match="does not verify"):
        async with connect(address_of(elsewhere, inside.ca), SessionKind("x")):
            pass


@dataclass
class WebServer:
    """Answers each request with the same bytes."""

    answer: bytes
    lingers: bool
    port: int = 0
    got: bytearray = field(default_factory=bytearray)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            self.got += await reader.readuntil(b"\r\n\r\n")
            writer.write(self.answer)
            if self.lingers:
                await reader.read()
                self.hung_up.set()
        writer.close()


@asynccontextmanager
async def web_server(
    answer: bytes, host: str = "127.0.0.1", *, lingers: bool = False
) -> AsyncIterator[WebServer]:
    web = WebServer(answer, lingers)
    server = await asyncio.start_server(web.serve, host, 0)
    web.port = server.sockets[0].getsockname()[1]
    try:
        yield web
    finally:
        server.close()


UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
        UPGRADED + b"Sec-WebSocket-Accept: bm8=\r\n\r\n",
        UPGRADED + b"Sec-WebSocket-Accept:\xff\r\n\r\n",
    ],
)
async def test_what_opens_no_websocket_is_reported_with_the_path(answer: bytes) -> None:
    """Without a sentence of ours, whoever has mistyped the path would see a traceback or a lost connection."""
    async with web_server(answer) as server:
        address = address_of(f"ws://127.0.0.1:{server.port}/mgtt?token=canary")
        with pytest.raises(BrokerUnreachableError) as failure:
            async with connect(address, SessionKind("x")):
                pass
    assert "opens no WebSocket at /mgtt: check the port, and the path in MQTT_URL" in str(failure.value)
    assert "canary" not in str(failure.value)
    assert server.got.startswith(b"GET /mgtt?token=canary HTTP/1.1\r\n")


async def test_what_opens_no_websocket_leaves_no_socket_behind() -> None:
    """Without an end by us, a wrong path leaves a socket open for as long as its error is kept."""
    async with web_server(b"HTTP/1.1 404 Not Found\r\n\r\n", lingers=True) as server:
        address = address_of(f"ws://127.0.0.1:{server.port}")
        with pytest.raises(BrokerUnreachableError) as failure:
            async with connect(address, SessionKind("x")):
                pass
        await asyncio.wait_for(server.hung_up.wait(), 5)
        assert failure.value.__context__ is not None


async def test_a_server_that_answers_nothing_ends_the_attempt() -> None:
    """Without a limit, a port that swallows everything would hold the worker for ever."""
    async with web_server(b"", lingers=True) as server:
        address = address_of(f"ws://127.0.0.1:{server.port}")
        with pytest.raises(BrokerUnreachableError, match="in time"):
            async with asyncio.timeout(30), connect(address, SessionKind("x")):
                pass


def _has_ipv6() -> bool:
    with suppress(OSError), socket.socket(socket.AF_INET6) as plug:
        plug.bind(("::1", 0))
        return True
    return False


async def test_an_ipv6_address_has_its_brackets_in_the_request() -> None:
    """Without them, the port looks like a part of the address, and a proxy refuses the request."""
    need("IPv6", _has_ipv6())
    async with web_server(b"", "::1") as server:
        with pytest.raises(BrokerUnreachableError):
            async with connect(address_of(f"ws://[::1]:{server.port}"), SessionKind("x")):
                pass
    assert f"Host: [::1]:{server.port}\r\n".encode() in server.got
    assert f"Origin: http://[::1]:{server.port}\r\n".encode() in server.got
