"""The publisher against real brokers: what goes out, what the answers mean, how a broken link ends."""

import asyncio
import dataclasses
import json
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from console.domain.publication import Puback, Publication
from console.errors import BrokerUnreachableError, RefusedError
from console.mqtt import session as session_module
from console.mqtt.publisher import Publisher, publisher
from console.mqtt.session import BrokerAddress, SessionKind, connect
from tests.brokers import BrokerProcess, free_port, start_broker
from tests.devices import device, silent
from tests.faults.scripted_broker import MAXIMUM_PACKET_SIZE, Script, scripted_broker
from tests.waiting import until

TOPIC = "tenant/acme/device/pump-1/commands"


async def _publish(link: Publisher, topic: str = TOPIC, timeout_s: float = 5.0, expiry_s: int | None = 60):
    return await link.publish(
        topic,
        b'{"command_id":"c1"}',
        answer_to=f"{topic}/ack",
        command_id="c1",
        expiry_s=expiry_s,
        timeout_s=timeout_s,
    )


async def test_a_command_arrives_once_with_qos_1_and_not_retained(any_broker: BrokerProcess) -> None:
    async with device(any_broker.address, answer=silent) as pump, publisher(any_broker.address) as link:
        answer = await _publish(link)
        await asyncio.wait_for(pump.arrived.wait(), 5)
    assert answer.accepted
    (message,) = pump.got
    assert (message.qos, message.retain, json.loads(message.payload)) == (1, False, {"command_id": "c1"})


@pytest.mark.mqtt5
@pytest.mark.mosquitto
async def test_mqtt_5_carries_expiry_correlation_and_where_to_answer(mosquitto: BrokerProcess) -> None:
    async with device(mosquitto.address, answer=silent) as pump, publisher(mosquitto.address) as link:
        assert link.enforces_expiry
        await _publish(link, expiry_s=42)
        await asyncio.wait_for(pump.arrived.wait(), 5)
    properties: Any = pump.got[0].properties  # paho makes its attributes as it reads
    assert properties is not None
    assert 40 <= properties.MessageExpiryInterval <= 42
    assert properties.CorrelationData == b"c1"
    assert properties.ResponseTopic == f"{TOPIC}/ack"


@pytest.mark.mqtt5
@pytest.mark.mosquitto
async def test_nobody_listens_is_told_apart(mosquitto: BrokerProcess) -> None:
    async with publisher(mosquitto.address) as link:
        answer = await _publish(link, "tenant/acme/device/nobody/commands")
    assert answer.accepted
    assert answer.nobody_listens


@pytest.mark.mosquitto
async def test_forced_3_1_1_can_neither_refuse_nor_expire(mosquitto: BrokerProcess) -> None:
    async with publisher(dataclasses.replace(mosquitto.address, force_v3=True)) as link:
        assert (await _publish(link, "tenant/acme/device/nobody/commands")).code == 0
        assert (link.detail, link.enforces_expiry) == ("v3.1.1", False)


async def test_a_3_1_1_broker_is_found_out_by_itself(
    any_broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "CONNECT_TIMEOUT_S", 1.0)
    async with publisher(dataclasses.replace(any_broker.address, force_v3=False)) as link:
        assert link.detail == ("v5" if any_broker.kind == "mosquitto" else "v3.1.1")
        assert (await _publish(link)).accepted


@pytest.fixture
def strict_broker() -> Iterator[BrokerProcess]:
    folder = Path(tempfile.mkdtemp(prefix="dc-acl-"))
    (folder / "acl").write_text("topic read #\ntopic write allowed/#\n")
    with start_broker("mosquitto", f"acl_file {folder}/acl") as running:
        yield running


@pytest.mark.mqtt5
@pytest.mark.mosquitto
async def test_a_refusal_is_not_a_publication(strict_broker: BrokerProcess) -> None:
    """Without the reason code, which aiomqtt hides, a denied publish would count as published."""
    async with publisher(strict_broker.address) as link:
        answer = await _publish(link)
    assert not answer.accepted
    assert answer.reason == "not authorized (0x87)"


@pytest.mark.mosquitto
async def test_no_puback_is_unknown_after_the_timeout(mosquitto: BrokerProcess) -> None:
    async with publisher(mosquitto.address) as link:
        mosquitto.freeze()
        try:
            with pytest.raises(BrokerUnreachableError, match="sent no PUBACK within 0.3 s"):
                await _publish(link, timeout_s=0.3)
        finally:
            mosquitto.thaw()


@pytest.mark.parametrize("kind", [pytest.param("mosquitto", marks=pytest.mark.mosquitto), "nats-server"])
async def test_a_dropped_link_ends_the_wait_at_once(kind: str) -> None:
    """Without watching the link, a publish hangs to its timeout."""
    with start_broker(kind) as broker:
        async with publisher(broker.address) as link:
            broker.freeze()
            waiting = asyncio.create_task(_publish(link, timeout_s=60))
            await asyncio.sleep(0)
            broker.kill()
            with pytest.raises(BrokerUnreachableError, match="broke|not connected"):
                await asyncio.wait_for(waiting, 5)
            with pytest.raises(BrokerUnreachableError):
                await asyncio.wait_for(link.until_lost(), 5)
        broker.start()


async def test_nothing_there_is_one_sentence() -> None:
    address = BrokerAddress("127.0.0.1", free_port())
    with pytest.raises(BrokerUnreachableError, match=r"The broker at 127\.0\.0\.1:\d+ does not answer"):
        async with publisher(address):
            pass


@pytest.mark.mosquitto
async def test_a_refused_login_says_so_and_hides_the_password() -> None:
    with start_broker("mosquitto") as broker:
        config = broker._config.read_text().replace("allow_anonymous true", "allow_anonymous false")
        broker._config.write_text(config)
        broker.stop()
        broker.start()
        address = dataclasses.replace(broker.address, username="alice", password="canary-secret")
        with pytest.raises(RefusedError, match="refused the login") as refused:
            async with publisher(address):
                pass
    assert "canary" not in str(refused.value)


@pytest.mark.mosquitto
async def test_a_thousand_publications_side_by_side_all_get_their_own_answer(
    mosquitto: BrokerProcess,
) -> None:
    async with publisher(mosquitto.address) as link:
        answers = [await asyncio.gather(*(_publish(link) for _ in range(50))) for _ in range(20)]
    assert sum(len(batch) for batch in answers) == 1_000
    assert all(answer.accepted for batch in answers for answer in batch)


def _publications(count: int, topic: str = TOPIC) -> list[Publication]:
    return [
        Publication(topic, b'{"command_id":"c%d"}' % n, f"{topic}/ack", f"c{n}", 60) for n in range(count)
    ]


class Pubacks:
    """What a publisher reports, until as many have come as a test waits for."""

    def __init__(self, link: Publisher) -> None:
        self.got: dict[int, Puback] = {}
        self.calls = 0
        link.on_pubacks = self._take

    def _take(self, pubacks: Sequence[tuple[int, Puback]]) -> None:
        self.calls += 1
        assert not self.got.keys() & {token for token, _ in pubacks}
        self.got.update(pubacks)

    async def reaches(self, count: int) -> None:
        async def there() -> bool:
            return len(self.got) >= count

        await until(there)


@pytest.fixture(params=["lane", "paho"])
async def bulk_link(request: pytest.FixtureRequest, mosquitto: BrokerProcess) -> AsyncIterator[Publisher]:
    """A publisher with the lane, and one without it, as inside of WebSockets."""
    if request.param == "lane":
        async with publisher(mosquitto.address) as link:
            yield link
    else:
        async with connect(mosquitto.address, SessionKind("bulk-by-paho")) as session:
            yield Publisher(mosquitto.address, session)


@pytest.mark.mosquitto
async def test_many_at_once_arrive_in_order_and_each_gets_its_puback(
    bulk_link: Publisher, mosquitto: BrokerProcess
) -> None:
    """Without a token for each, a dispatcher could not tell which of its window was confirmed."""
    async with device(mosquitto.address, answer=silent) as pump:
        pubacks, before = Pubacks(bulk_link), bulk_link.room
        tokens = bulk_link.send(_publications(500))
        assert bulk_link.room == before - 500
        await pubacks.reaches(500)
        await until(lambda: _has(pump, 500))
    assert list(pubacks.got) == tokens
    assert all(answer.accepted for answer in pubacks.got.values())
    assert [message.payload for message in pump.got] == [p.payload for p in _publications(500)]
    assert bulk_link.room == before


async def _has(pump: Any, count: int) -> bool:
    return len(pump.got) >= count


@pytest.mark.mosquitto
async def test_what_is_forgotten_stays_in_flight_until_its_puback(
    bulk_link: Publisher, mosquitto: BrokerProcess
) -> None:
    """Without that, its packet id is used again, and its late PUBACK confirms another command."""
    pubacks, before = Pubacks(bulk_link), bulk_link.room
    mosquitto.freeze()
    try:
        tokens = bulk_link.send(_publications(10))
        bulk_link.forget(tokens[:9])
        bulk_link.forget(tokens[:9])
        assert bulk_link.room == before - 10
        assert bulk_link.silent_s >= 0.0
    finally:
        mosquitto.thaw()
    await pubacks.reaches(1)
    await until(lambda: _has_room(bulk_link, before))
    assert list(pubacks.got) == tokens[9:]


async def _has_room(link: Publisher, room: int) -> bool:
    return link.room == room


@pytest.mark.mosquitto
async def test_a_packet_id_in_flight_is_not_given_twice(mosquitto: BrokerProcess) -> None:
    """Without the look, the 65,536th publication is confirmed by the PUBACK of one that still waits."""
    async with publisher(mosquitto.address) as link:
        mosquitto.freeze()
        try:
            link._last_id = 65_533
            first = link.send(_publications(4))
            link.forget(first[1:2])
            assert first == [65_534, 65_535, 1, 2]
            link._last_id = 65_533
            assert link.send(_publications(2)) == [3, 4]
        finally:
            mosquitto.thaw()
        await until(lambda: _has_room(link, link.receive_maximum))


async def test_each_refusal_is_reported_with_its_reason() -> None:
    """Without the reason of each, one that was refused counts as published."""
    async with scripted_broker(Script(puback=0x97)) as broker, publisher(broker.address) as link:
        pubacks = Pubacks(link)
        tokens = link.send(_publications(3))
        await pubacks.reaches(3)
    assert [pubacks.got[token].reason for token in tokens] == ["quota exceeded (0x97)"] * 3


async def test_what_is_too_large_is_refused_here_and_the_others_go() -> None:
    """Without the look at its size, the broker hangs up, and what is in flight beside it is unknown."""
    script = Script(properties=bytes((MAXIMUM_PACKET_SIZE, 0, 0, 1, 0)))
    async with scripted_broker(script) as broker, publisher(broker.address) as link:
        pubacks = Pubacks(link)
        large = Publication(TOPIC, b"x" * 300, f"{TOPIC}/ack", "large", None)
        tokens = link.send([*_publications(1), large, large, *_publications(1)])
        assert len(set(tokens)) == 4
        await pubacks.reaches(4)
        assert [pubacks.got[token].code for token in tokens] == [0, 0x95, 0x95, 0]
        assert len(script.published) == 2
        puback = await link.publish(
            TOPIC, large.payload, answer_to=large.answer_to, command_id="large", expiry_s=None, timeout_s=5
        )
        assert puback.reason == "packet too large (0x95)"
        again = await asyncio.gather(*(_publish(link, f"{TOPIC}/{'x' * 300}") for _ in range(3)))
        assert [answer.code for answer in again] == [0x95] * 3  # side by side, each its own


@pytest.mark.mosquitto
async def test_without_a_free_packet_id_nothing_is_sent(mosquitto: BrokerProcess) -> None:
    """Without the look, the search for a free one never ends."""
    async with publisher(mosquitto.address) as link:
        mosquitto.freeze()
        try:
            link._waiting = dict.fromkeys(range(1, 65_535), (None, 0.0))
            with pytest.raises(BrokerUnreachableError, match="does not confirm"):
                link.send(_publications(2))
            assert link.send(_publications(1)) == [65_535]
        finally:
            link._waiting.clear()
            mosquitto.thaw()


async def test_before_it_is_connected_a_publisher_sends_nothing() -> None:
    link = Publisher(BrokerAddress("127.0.0.1", 1))
    with pytest.raises(BrokerUnreachableError, match="not connected"):
        link.send(_publications(1))


async def test_pubacks_may_come_in_any_order_and_twice() -> None:
    """Without looking each up by its packet id, an order that the standard allows confuses commands."""
    script = Script(puback=None)
    async with scripted_broker(script) as broker, publisher(broker.address) as link:
        pubacks = Pubacks(link)
        tokens = link.send(_publications(3))
        link.confirm([(tokens[2], 0), (tokens[0], 0x87)])
        link.confirm([(tokens[2], 0x87), (9_999, 0)])
        assert {token: answer.code for token, answer in pubacks.got.items()} == {
            tokens[2]: 0,
            tokens[0]: 0x87,
        }
        assert link.room == link.receive_maximum - 1
