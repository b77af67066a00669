"""What no client library sends: written byte by byte, as whoever reaches the broker could.

The number of a case is its number in the catalogue of hostile inputs.
"""

import asyncio
import os
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from console.errors import ConsoleError
from console.mqtt import ack_stream
from console.mqtt.session import BrokerAddress
from console.store.changes import deployment
from console.store.pool import Database
from console.wire.topics import ack_topic
from tests.brokers import BrokerProcess, start_broker
from tests.conftest import Fleet
from tests.devices import ok, say
from tests.e2e.conftest import Channel, OpenChannel
from tests.rows import add_command
from tests.waiting import until

COPIES = 20_000
MAY_GROW_BYTES = 48 * 1_048_576
TOPIC = ack_topic("acme", "pump-1")
ANSWER = ok({"command_id": "c1"})


def field(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def packet(first: int, body: bytes) -> bytes:
    length, left = b"", len(body)
    while True:
        left, digit = left >> 7, left & 0x7F
        length += bytes([digit | 0x80 if left else digit])
        if not left:
            return bytes([first]) + length + body


def publish(topic: str, payload: bytes, mid: int, *, dup: bool = False) -> bytes:
    """A PUBLISH with QoS 1."""
    return packet(0x3A if dup else 0x32, field(topic.encode()) + struct.pack(">H", mid) + payload)


@asynccontextmanager
async def raw(
    address: BrokerAddress, client_id: str = "raw"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection that has said CONNECT (3.1.1, clean) and was let in."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        hello = field(b"MQTT") + b"\x04\x02" + struct.pack(">H", 60) + field(client_id.encode())
        writer.write(packet(0x10, hello))
        assert (await reader.readexactly(4))[3] == 0
        yield reader, writer
    finally:
        writer.close()


async def throw(address: BrokerAddress, data: bytes) -> None:
    """Write and hang up; the broker may hang up first."""
    async with raw(address) as (reader, writer):
        writer.write(data)
        try:
            await writer.drain()
            writer.write_eof()
            await reader.read()
        except OSError:
            return


async def the_rest_flows(channel: Channel, address: BrokerAddress, owner: asyncpg.Connection) -> None:
    await add_command(owner, "acme", "last", published=True)
    await say(address, TOPIC, ok({"command_id": "last"}))
    await channel.reaches("last", "ok")


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x32\xff\xff\xff\x7f" + field(TOPIC.encode()) + b"\x00\x01" + b"x" * 100_000, id="26-256-MB"),
        pytest.param(publish("$SYS/broker/uptime", ANSWER, 1), id="46-SYS"),
        pytest.param(publish(f"$share/g/{TOPIC}", ANSWER, 1), id="46-share"),
        pytest.param(publish(f"tenant/acme/device/{'x' * 65_460}/commands/ack", ANSWER, 1), id="48-long-topic"),
        pytest.param(packet(0x32, field(b"tenant/acme/device/\xff/commands/ack") + b"\x00\x01" + ANSWER), id="47-no-UTF-8"),
        pytest.param(packet(0x32, field(b"tenant/acme/device/+/commands/ack") + b"\x00\x01" + ANSWER), id="44-wildcard"),
    ],
)  # fmt: skip
async def test_bytes_that_no_library_sends_touch_no_command_and_drop_no_link(
    data: bytes, open_channel: OpenChannel, any_broker: BrokerProcess, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the reader's own error for a topic, the first one that the broker passes on ends the ingest."""
    await add_command(owner, "acme", "c1", published=True)
    drops: list[ConsoleError] = []
    async with open_channel(any_broker.address) as channel:
        channel.health.broker_down = lambda error, *_rest: drops.append(error)  # type: ignore[method-assign]
        await throw(any_broker.address, data)
        await the_rest_flows(channel, any_broker.address, owner)
        assert await channel.phase("c1") == "published"
    assert drops == []


async def test_35_the_same_message_sent_again_with_the_dup_flag_is_one_answer(
    open_channel: OpenChannel, any_broker: BrokerProcess, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the old status in the ACK's WHERE, each copy would be a new answer."""
    await add_command(owner, "acme", "c1", published=True)
    async with open_channel(any_broker.address) as channel:
        async with raw(any_broker.address) as (reader, writer):
            writer.write(publish(TOPIC, ANSWER, 7))
            await channel.reaches("c1", "ok")
            before = await owner.fetchrow("SELECT xmin::text, * FROM device_commands WHERE command_id = 'c1'")
            writer.write(publish(TOPIC, ANSWER, 7, dup=True) * 2)
            assert await reader.readexactly(12) == b"\x40\x02\x00\x07" * 3
        await the_rest_flows(channel, any_broker.address, owner)
    after = await owner.fetchrow("SELECT xmin::text, * FROM device_commands WHERE command_id = 'c1'")
    assert dict(after) == dict(before)
    kinds = await owner.fetch("SELECT DISTINCT kind FROM device_console.problems")
    assert [row["kind"] for row in kinds] == ["duplicate ack"]


@pytest.mark.mosquitto
@pytest.mark.soak
async def test_36_the_same_answer_twenty_thousand_times_is_one_update_and_no_growth(
    open_channel: OpenChannel, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the old status in the ACK's WHERE, there would be an update for each batch of copies."""
    await add_command(owner, "acme", "c1", published=True)
    with start_broker("mosquitto", "persistence false") as broker:  # it would write its file for each copy
        await flooded(open_channel, broker.address, owner)
    kinds = await owner.fetch("SELECT kind, count FROM device_console.problems WHERE kind <> 'link'")
    assert [(row["kind"], row["count"] > 19_000) for row in kinds] == [("duplicate ack", True)]


async def flooded(open_channel: OpenChannel, address: BrokerAddress, owner: asyncpg.Connection) -> None:
    async with open_channel(address) as channel:
        await flood(address, [ANSWER] * 1_000)  # also what a first batch costs in memory
        await channel.reaches("c1", "ok")
        written = await owner.fetchval("SELECT xmin::text FROM device_commands WHERE command_id = 'c1'")
        before = resident_bytes()
        await flood(address, [ANSWER] * (COPIES - 1_000))
        await the_rest_flows(channel, address, owner)
        assert resident_bytes() - before < MAY_GROW_BYTES
    assert await owner.fetchval("SELECT xmin::text FROM device_commands WHERE command_id = 'c1'") == written


async def flood(address: BrokerAddress, payloads: Iterable[bytes]) -> None:
    """Write all at once on one connection, and wait for all the PUBACKs."""
    async with raw(address) as (reader, writer):
        all_of_it = [publish(TOPIC, payload, 1 + n % 60_000) for n, payload in enumerate(payloads)]
        writer.write(b"".join(all_of_it))
        await reader.readexactly(4 * len(all_of_it))


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_49_a_stranger_with_our_client_id_is_told_and_no_war_follows(
    open_channel: OpenChannel,
    mosquitto: BrokerProcess,
    database: Database,
    owner: asyncpg.Connection,
    fleet: Fleet,
) -> None:
    """Without a reason of its own, the operator would look for a fault in the network."""
    client_id = ack_stream._client_id((await deployment(database)).name, 0)
    drops: list[str] = []
    async with open_channel(mosquitto.address) as channel:
        down = channel.health.broker_down

        def broker_down(error: ConsoleError, retry_in_s: float | None = None, part: str = "dispatch") -> None:
            drops.append(str(error))
            down(error, retry_in_s, part)

        channel.health.broker_down = broker_down  # type: ignore[method-assign]

        async def reported() -> bool:
            return bool(drops)

        async with raw(mosquitto.address, client_id):
            await until(reported)
        assert "a second program with" in drops[0]  # from 2.0.15 on mosquitto says 0x8E, before that nothing
        await channel.ready()
        await the_rest_flows(channel, mosquitto.address, owner)
    assert len(drops) == 1
