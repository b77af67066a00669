"""The ingest session against real brokers: what was not committed comes again, what was does not."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

from console.domain.acks import RawAck
from console.errors import BrokerUnreachableError
from console.mqtt.ack_stream import MAX_WAITING_BYTES, AckStream, ack_stream
from console.mqtt.lane import READ_BYTES
from console.mqtt.session import BrokerAddress
from tests.brokers import BrokerProcess, start_broker
from tests.devices import say
from tests.waiting import PATIENCE_S, until

TOPIC = "tenant/acme/device/pump-1/commands/ack"


def _payloads(count: int) -> list[bytes]:
    return [json.dumps({"command_id": f"c{n}"}).encode() for n in range(count)]


@asynccontextmanager
async def subscribed(address: BrokerAddress, name: str) -> AsyncIterator[AckStream]:
    async with ack_stream(address, name) as stream:
        await stream.subscribe()
        yield stream


async def _take(stream: AckStream, count: int) -> list[str]:
    taken: list[str] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(taken) < count:
            batch = await stream.batch(500)
            taken += [json.loads(message.payload)["command_id"] for message in batch]
            await stream.acknowledge(batch)
    return taken


async def test_answers_arrive_with_their_topic(any_broker: BrokerProcess) -> None:
    async with subscribed(any_broker.address, str(uuid.uuid4())) as stream:
        await say(any_broker.address, TOPIC, *_payloads(3))
        first = await stream.batch(1)
        assert (first[0].topic, first[0].qos) == (TOPIC.encode(), 1)
        await stream.acknowledge(first)
        assert await _take(stream, 2) == ["c1", "c2"]


@pytest.mark.mosquitto
async def test_what_was_not_acknowledged_comes_again(mosquitto: BrokerProcess) -> None:
    """Without manual acknowledgement the broker forgets what we had not committed."""
    name = str(uuid.uuid4())
    async with subscribed(mosquitto.address, name) as stream:
        await say(mosquitto.address, TOPIC, *_payloads(5))
        taken = list(await stream.batch(500))
        while len(taken) < 5:
            taken += await stream.batch(500)
        await stream.acknowledge(taken[:2])
    async with subscribed(mosquitto.address, name) as stream:
        assert await _take(stream, 3) == ["c2", "c3", "c4"]
    async with subscribed(mosquitto.address, name) as stream:
        await say(mosquitto.address, TOPIC, b'{"command_id": "last"}')
        got: list[str] = []
        while "last" not in got:  # a PUBACK may be lost with the link: then its answer is a duplicate
            got += await _take(stream, 1)
        assert not {"c0", "c1"} & set(got)


@pytest.mark.mosquitto
async def test_the_broker_keeps_answers_while_we_are_away_and_over_its_restart() -> None:
    name = str(uuid.uuid4())
    with start_broker("mosquitto") as broker:
        async with subscribed(broker.address, name):
            pass
        await say(broker.address, TOPIC, *_payloads(20))
        broker.stop()
        broker.start()
        async with subscribed(broker.address, name) as stream:
            assert sorted(await _take(stream, 20)) == sorted(f"c{n}" for n in range(20))


@pytest.mark.parametrize("kind", [pytest.param("mosquitto", marks=pytest.mark.mosquitto), "nats-server"])
async def test_a_dropped_link_ends_the_stream(kind: str) -> None:
    with start_broker(kind) as broker:
        async with subscribed(broker.address, str(uuid.uuid4())) as stream:
            broker.kill()
            with pytest.raises(BrokerUnreachableError, match="broke"):
                await asyncio.wait_for(stream.batch(10), 10)
        broker.start()


@pytest.mark.mosquitto
async def test_a_second_client_with_our_id_ends_the_first_stream(mosquitto: BrokerProcess) -> None:
    name = str(uuid.uuid4())
    async with subscribed(mosquitto.address, name) as first, subscribed(mosquitto.address, name):
        with pytest.raises(BrokerUnreachableError, match="broke"):
            await asyncio.wait_for(first.batch(10), 10)


@pytest.mark.parametrize("force_v3", [False, True])
@pytest.mark.mosquitto
async def test_a_backlog_beyond_what_may_wait_is_taken_piece_by_piece(
    force_v3: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the pause in reading it all waits in memory; without taking it meanwhile the SUBACK never comes."""
    limit, size, count = 2 * 1_048_576, 60_000, 80
    monkeypatch.setattr("console.mqtt.ack_stream.MAX_WAITING_BYTES", limit)
    name = str(uuid.uuid4())
    with start_broker(
        "mosquitto", "persistence false"
    ) as broker:  # saving a backlog after each change takes minutes
        address = replace(broker.address, force_v3=force_v3)
        async with subscribed(address, name):
            pass
        await say(address, TOPIC, *[f"{n:010}".encode() + bytes(size - 10) for n in range(count)])
        async with ack_stream(address, name) as stream:
            subscribing = asyncio.create_task(stream.subscribe())
            await until(lambda: _waits(stream, limit))
            assert not subscribing.done()
            assert stream.waiting_bytes <= limit + READ_BYTES + size  # what one read brings
            taken: set[bytes] = set()
            async with asyncio.timeout(PATIENCE_S):
                while len(taken) < count:
                    batch = await stream.batch(10)
                    taken |= {message.payload[:10] for message in batch}
                    await stream.acknowledge(batch)
                await subscribing
            assert stream.waiting_bytes == 0


async def _waits(stream: AckStream, size: int) -> bool:
    return stream.waiting_bytes >= size


@pytest.mark.mosquitto
async def test_a_subscription_that_is_never_confirmed_is_a_lost_link_and_no_crash(
    mosquitto: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.mqtt.ack_stream.SUBACK_TIMEOUT_S", 0.05)
    async with ack_stream(mosquitto.address, str(uuid.uuid4())) as stream:
        mosquitto.freeze()
        with pytest.raises(BrokerUnreachableError, match="did not confirm the subscription"):
            await stream.subscribe()
        mosquitto.thaw()


class _Reader:
    def __init__(self) -> None:
        self.paused = 0

    def pause(self) -> None:
        self.paused += 1


@pytest.mark.parametrize(("topic", "payload"), [(b"t" * 60_000, b""), (b"t", b"p" * 60_000), (b"t", b"")])
async def test_everything_that_a_message_holds_counts_towards_the_pause(topic: bytes, payload: bytes) -> None:
    """Without the topics in the count, 65 kB of each message wait for nothing, and memory has no bound."""
    stream, link = AckStream(BrokerAddress("127.0.0.1", 1)), _Reader()
    stream.attach(SimpleNamespace(reader=link, lost=asyncio.get_running_loop().create_future()))  # type: ignore[arg-type]
    taken = 0
    while not link.paused:
        stream.take([RawAck(topic, payload, 1, 1)])
        taken += 1
        assert taken <= MAX_WAITING_BYTES // 500
    held = taken * (len(topic) + len(payload))
    assert held <= MAX_WAITING_BYTES + 60_000


async def test_a_batch_is_bounded_in_bytes_too() -> None:
    """Without that bound, 500 of the largest answers are read in one go: the loop stands still for seconds."""
    stream = AckStream(BrokerAddress("127.0.0.1", 1))
    stream.attach(SimpleNamespace(lost=asyncio.get_running_loop().create_future()))  # type: ignore[arg-type]
    for _ in range(100):
        stream.take([RawAck(b"t", b"p" * 60_000, 1, 1)])
    assert len(await stream.batch(500)) == 18
    assert stream.waiting_bytes == 82 * (60_000 + 1 + 512)
