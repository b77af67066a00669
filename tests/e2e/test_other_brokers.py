"""The whole channel on brokers that others run: RabbitMQ, the distribution's nats-server, and mosquitto with a login.

Real workers and shell commands in processes of their own, and devices that speak MQTT 3.1.1.
"""

import asyncio
import json
import signal
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiomqtt
import asyncpg
import pytest

from console.errors import RefusedError
from console.mqtt.session import SessionKind, connect
from console.mqtt.survey import survey
from console.runtime.addresses import broker_address
from console.runtime.servers import Servers
from console.secret import Secret
from console.settings import Settings
from console.shell.doctor.broker import broker_findings
from console.store.access import Access
from console.wire.topics import ack_topic, command_topic
from tests.conftest import Fleet
from tests.devices import device, silent
from tests.e2e.conftest import OpenChannel, fast_settings
from tests.faults.other_brokers import OtherBroker, other_broker
from tests.faults.processes import environment, program
from tests.forks.client import start_program
from tests.rows import add_devices, status_of
from tests.waiting import until

pytestmark = pytest.mark.slow
KINDS = [
    pytest.param("mosquitto", marks=pytest.mark.mosquitto),
    pytest.param("rabbitmq", marks=pytest.mark.rabbitmq),
    pytest.param("nats-server", marks=pytest.mark.debian_nats),
]
PATIENT = replace(
    fast_settings(), dispatch=replace(fast_settings().dispatch, lease_s=15.0, puback_timeout_s=10.0)
)
MANY = 120


@pytest.fixture(scope="module", params=KINDS)
def broker(request: pytest.FixtureRequest) -> Iterator[OtherBroker]:
    with other_broker(request.param) as running:
        yield running


@pytest.fixture
def env(broker: OtherBroker, access: Access, fleet: Fleet, tmp_path: Path) -> dict[str, str]:
    more = {"MQTT_URL": broker.url, "CONSOLE_MQTT_VERSION": "auto", "CONSOLE_TEST_LEASE_S": "15"}
    return environment(tmp_path, access.url, broker.address, **more)


async def shell(env: dict[str, str], *words: str) -> tuple[int, str]:
    process = await start_program("console", *words, env=env, stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, (out + err).decode()


async def sent(env: dict[str, str], device_id: str) -> str:
    code, text = await shell(env, "send", device_id, "ping", "--ttl", "5m", "--json")
    assert code == 0, text
    return str(json.loads(text.splitlines()[0])["command_id"])


@asynccontextmanager
async def sleeper(broker: OtherBroker, device_id: str) -> AsyncIterator[aiomqtt.Client]:
    """A device with a session that the broker keeps while it sleeps."""
    async with aiomqtt.Client(
        broker.address.host, broker.port, username=broker.address.username, password=broker.address.password,
        identifier=f"device-{device_id}", clean_session=False, protocol=aiomqtt.ProtocolVersion.V311,
    ) as client:  # fmt: skip
        await client.subscribe(command_topic("acme", device_id), qos=1)
        yield client


async def answer(client: aiomqtt.Client, device_id: str, command_id: str) -> None:
    text = json.dumps({"command_id": command_id, "status": "ok"})
    await client.publish(ack_topic("acme", device_id), text, qos=1)


def has_status(owner: asyncpg.Connection, command_id: str, status: str) -> Callable[[], Awaitable[bool]]:
    async def has() -> bool:
        return await status_of(owner, command_id) == status

    return has


async def test_a_command_is_sent_and_its_answer_is_shown(broker: OtherBroker, env: dict[str, str]) -> None:
    """Without a broker of each kind, nobody knows which of them the channel works on."""
    took: list[float] = []
    async with program(env, "--sweeper") as worker, device(broker.address):
        await worker.ready()
        for _ in range(3):
            began = time.monotonic()
            code, text = await shell(env, "send", "pump-1", "ping", "--wait", "--ttl", "60s")
            took.append(time.monotonic() - began)
            assert code == 0, text
            assert "ok" in text
        worker.signal(signal.SIGTERM)
        assert await worker.ended() == 0
    print(f"\n{broker.kind}: send --wait took {', '.join(f'{seconds:.2f}' for seconds in took)} s")


async def test_a_sleeping_device_gets_its_command_when_it_wakes_up(
    broker: OtherBroker, env: dict[str, str], owner: asyncpg.Connection
) -> None:
    """Without QoS 1 into a session that the broker keeps, who sleeps gets nothing."""
    async with sleeper(broker, "pump-2"):
        pass
    async with program(env, "--sweeper") as worker:
        await worker.ready()
        command_id = await sent(env, "pump-2")

        async def published() -> bool:
            row = "SELECT published_at IS NOT NULL FROM device_commands WHERE command_id = $1"
            return bool(await owner.fetchval(row, command_id))

        await until(published)
        async with sleeper(broker, "pump-2") as awake:
            message = await anext(aiter(awake.messages))
            assert json.loads(bytes(message.payload))["command_id"] == command_id
            assert not message.retain
            await answer(awake, "pump-2", command_id)
            await until(has_status(owner, command_id, "delivered"))


async def test_an_answer_that_no_worker_was_there_for_is_not_lost(
    broker: OtherBroker, env: dict[str, str], owner: asyncpg.Connection
) -> None:
    """Without a persistent session of the workers, what devices answer during an upgrade is gone."""
    async with sleeper(broker, "pump-3") as pump:
        async with program(env, "--sweeper") as worker:
            await worker.ready()
            command_id = await sent(env, "pump-3")
            await anext(aiter(pump.messages))
            worker.signal(signal.SIGTERM)
            assert await worker.ended() == 0
        await answer(pump, "pump-3", command_id)
        assert await status_of(owner, command_id) == "queued"
        async with program(env, "--sweeper") as worker:
            await worker.ready()
            await until(has_status(owner, command_id, "delivered"))


async def test_many_are_sent_and_answered(
    broker: OtherBroker, open_channel: OpenChannel, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without reading on while answers are unconfirmed, a broker that sends ten at a time would stand still."""
    async with device(broker.address, "+"), open_channel(broker.address, settings=PATIENT) as channel:
        drafts = [
            channel.program.sender.draft(f"pump-{1 + n % 5}", "ping", created_by="alice") for n in range(MANY)
        ]
        began = time.monotonic()
        await channel.program.sender.send("acme", drafts)

        async def all_answered() -> bool:
            count = "SELECT count(*) FROM device_commands WHERE status = 'delivered'"
            return bool(await owner.fetchval(count) == MANY)

        await until(all_answered)
    print(f"\n{broker.kind}: {MANY} commands were answered in {time.monotonic() - began:.2f} s")


async def test_it_works_inside_of_websockets(
    broker: OtherBroker, open_channel: OpenChannel, fleet: Fleet
) -> None:
    """Without the path and the login in the URL, no broker but mosquitto would let us in that way."""
    url = broker.websocket_url
    inside = broker_address(Settings(mqtt_url=Secret(url)), url)
    async with device(broker.address), open_channel(inside, settings=PATIENT) as channel:
        await channel.reaches(await channel.send(), "ok")


async def test_a_wrong_password_is_refused(broker: OtherBroker) -> None:
    with pytest.raises(RefusedError, match="refused the login"):
        async with connect(replace(broker.address, password="wrong"), SessionKind("stranger")):
            pass


async def test_doctor_says_of_each_what_is_so(broker: OtherBroker, access: Access) -> None:
    """Without a look at which broker it is, doctor would have an operator of RabbitMQ look for settings of mosquitto."""
    address = broker_address(Settings(mqtt_url=Secret(broker.url)), broker.url)
    text = "\n".join(f"{f.level}: {f.text}" for f in await broker_findings(Servers(access, address), "acme"))
    is_mosquitto = broker.kind == "mosquitto"
    assert f"answers with MQTT {'5 (mosquitto' if is_mosquitto else '3.1.1'}" in text
    assert "ok: a message on our own topic" in text
    assert "fault: " not in text
    assert ("with MQTT 3.1.1 the broker does not drop stale commands" in text) != is_mosquitto
    assert ("note: it has no shared subscriptions: leave ingest-slots at 1" in text) != is_mosquitto
    assert ("autosave_interval 1 and max_queued_messages 0" in text) == is_mosquitto
    assert ("warning: it refuses or changes topics that have a dot" in text) != is_mosquitto
    assert ("the broker does not say what it is" in text) != is_mosquitto


@pytest.mark.parametrize("odd", ["pump 9", "pump.9"])
async def test_a_topic_that_the_broker_does_not_like_stops_nobody(
    broker: OtherBroker, open_channel: OpenChannel, fleet: Fleet, owner: asyncpg.Connection, odd: str
) -> None:
    """Without publishing alone what broke the link, nats-server would hang up on everybody's commands."""
    await add_devices(owner, "acme", [odd])
    async with (
        device(broker.address, answer=silent),
        open_channel(broker.address, settings=PATIENT) as channel,
    ):
        await channel.send(odd)
        await channel.reaches(await channel.send("pump-1"), "published")


async def test_a_dot_is_a_level_for_rabbitmq(
    broker: OtherBroker, open_channel: OpenChannel, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """docs/brokers.md says so; doctor finds it out on a topic of its own. nats-server hangs up on it."""
    assert (await survey(broker.address)).keeps_dots == (broker.kind == "mosquitto")
    if broker.kind == "nats-server":
        return
    await add_devices(owner, "acme", ["pump.9"])
    async with (
        device(broker.address, "pump.9", answer=silent) as pump,
        open_channel(broker.address, settings=PATIENT) as channel,
    ):
        await channel.reaches(await channel.send("pump.9"), "published")
        await asyncio.wait_for(pump.arrived.wait(), 30)
    name = "pump.9" if broker.kind == "mosquitto" else "pump/9"
    assert str(pump.got[0].topic) == f"tenant/acme/device/{name}/commands"
