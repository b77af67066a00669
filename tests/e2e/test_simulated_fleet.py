"""Simulated devices on real brokers: they answer, act once, sleep through messages and come back."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta

import aiomqtt
import asyncpg
import pytest

from console.clock import SystemClock
from console.domain.devices import Link
from console.domain.presence import Sighting
from console.mqtt.fleet_link import FleetLinks
from console.mqtt.session import BrokerAddress
from console.simulator.behaviours import Behaviour
from console.simulator.device import ReceivedPublish, SimulatedDevice, Verdict, make_devices
from console.simulator.fleet import Fleet, FleetSettings
from console.simulator.group import DeviceGroup
from console.store.access import Access
from console.store.fleet_state import FleetState
from console.store.pool import Database
from console.wire.payloads import encode_command
from console.wire.topics import ack_filter, command_topic
from tests.brokers import BrokerProcess, start_broker
from tests.waiting import until

BOUND_S = 10.0


class Console:
    """A plain client that publishes commands and reads the answers of one tenant."""

    def __init__(self, client: aiomqtt.Client, tenant_id: str) -> None:
        self.client = client
        self.tenant_id = tenant_id

    async def send(self, device_id: str, command_id: str, kind: str = "ping") -> None:
        payload = encode_command(command_id, kind, "{}", datetime.now(UTC) + timedelta(minutes=5))
        await self.client.publish(command_topic(self.tenant_id, device_id), payload, qos=1)

    async def next_ack(self) -> tuple[str, dict[str, object]]:
        async with asyncio.timeout(BOUND_S):
            message = await anext(self.client.messages)
        return str(message.topic), json.loads(message.payload)


@contextlib.asynccontextmanager
async def console_at(address: BrokerAddress, tenant_id: str) -> AsyncIterator[Console]:
    version = aiomqtt.ProtocolVersion.V311 if address.force_v3 else aiomqtt.ProtocolVersion.V5
    async with aiomqtt.Client(address.host, address.port, protocol=version) as client:
        await client.subscribe(ack_filter(tenant_id), qos=1)
        yield Console(client, tenant_id)


@contextlib.asynccontextmanager
async def running(agent: Fleet | DeviceGroup) -> AsyncIterator[None]:
    task = asyncio.create_task(agent.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def fleet_of(
    devices: Sequence[SimulatedDevice], address: BrokerAddress, states: FleetState | None = None
) -> AsyncIterator[Fleet]:
    settings = FleetSettings(shared_links=2, tick_s=0.05)
    fleet = Fleet(devices, FleetLinks(address), states, SystemClock(), settings)
    async with running(fleet):
        await asyncio.wait_for(fleet.until_online(), BOUND_S)
        yield fleet


@pytest.fixture
def tenant_id() -> str:
    return f"t-{uuid.uuid4().hex[:8]}"


def prompt(tenant_id: str, count: int, on_receipt: Callable[[ReceivedPublish], None] | None = None):
    return [SimulatedDevice(tenant_id, f"pump-{n}", on_receipt=on_receipt) for n in range(count)]


async def test_a_command_is_answered_by_the_device_it_names(
    any_broker: BrokerProcess, tenant_id: str
) -> None:
    devices = prompt(tenant_id, 120)
    async with fleet_of(devices, any_broker.address), console_at(any_broker.address, tenant_id) as console:
        await console.send("pump-117", "c-1")
        topic, ack = await console.next_ack()
    assert topic == f"tenant/{tenant_id}/device/pump-117/commands/ack"
    assert (ack["command_id"], ack["status"]) == ("c-1", "ok")
    assert [len(device.receipts) for device in devices] == [int(n == 117) for n in range(120)]


async def test_a_copy_is_answered_again_and_acted_on_once(any_broker: BrokerProcess, tenant_id: str) -> None:
    (device,) = devices = prompt(tenant_id, 1)
    async with fleet_of(devices, any_broker.address), console_at(any_broker.address, tenant_id) as console:
        await console.send("pump-0", "c-1")
        first = await console.next_ack()
        await console.send("pump-0", "c-1")
        assert await console.next_ack() == first
    assert device.acted == 1
    assert [receipt.verdict for receipt in device.receipts] == [Verdict.ACTED, Verdict.COPY]


async def test_a_whole_fleet_answers_and_its_tempers_show(any_broker: BrokerProcess, tenant_id: str) -> None:
    quick = {Behaviour.PROMPT, Behaviour.FAILING}
    devices = [d for d in make_devices(tenant_id, [f"pump-{n}" for n in range(60)]) if d.behaviour in quick]
    async with fleet_of(devices, any_broker.address), console_at(any_broker.address, tenant_id) as console:
        for device in devices:
            await console.send(device.device_id, f"for-{device.device_id}")
        acks = [(await console.next_ack())[1] for _ in devices]
    assert {ack["command_id"] for ack in acks} == {f"for-{device.device_id}" for device in devices}
    assert {ack["status"] for ack in acks} == {"ok", "error"}


async def test_no_command_can_stop_the_fleet(any_broker: BrokerProcess, tenant_id: str) -> None:
    fine = {"type": "set_interval", "params": {}, "expires_at": "2999-01-01T00:00:00+00:00"}
    deep = b'{"command_id":"deep","type":"set_interval","expires_at":"2999-01-01T00:00:00+00:00","params":{"a":%s}}'
    bad = [b"", b"\xff", b"[]", json.dumps(fine | {"command_id": "\ud800"}).encode()]
    bad += [deep % (b"[" * depth + b"]" * depth) for depth in (900, 980, 985, 990, 995, 5_000)]
    (device,) = devices = prompt(tenant_id, 1)
    async with fleet_of(devices, any_broker.address), console_at(any_broker.address, tenant_id) as console:
        for payload in bad:
            await console.client.publish(device.topic, payload, qos=1)
        await console.send("pump-0", "c-1")
        ack = await console.next_ack()
        while ack[1]["command_id"] != "c-1":
            ack = await console.next_ack()
    assert len(device.receipts) == len(bad) + 1
    assert {receipt.command_id for receipt in device.receipts} <= {"", "deep", "c-1"}


@pytest.mark.mosquitto
async def test_what_is_sent_while_a_flapping_device_is_away_waits_in_its_session(
    mosquitto: BrokerProcess, tenant_id: str
) -> None:
    leave, come_back, gone = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def stay() -> None:
        await leave.wait()
        leave.clear()

    async def away() -> None:
        gone.set()
        await come_back.wait()

    device = SimulatedDevice(tenant_id, "pump-0", Behaviour.FLAPPING)
    group = DeviceGroup(
        [device], FleetLinks(mosquitto.address), SystemClock(),
        session_name=f"simulated-{tenant_id}-pump-0", stay=stay, away=away,
    )  # fmt: skip
    async with running(group), console_at(mosquitto.address, tenant_id) as console:
        await asyncio.wait_for(group.online.wait(), BOUND_S)
        leave.set()
        await asyncio.wait_for(gone.wait(), BOUND_S)
        assert group.silent_s()
        await console.send("pump-0", "c-1")
        assert not device.receipts
        come_back.set()
        _, ack = await console.next_ack()
        assert ack["command_id"] == "c-1"
        assert group.silent_s() == 0
    assert device.acted == 1


@pytest.mark.mosquitto
async def test_the_fleet_comes_back_when_the_broker_does(tenant_id: str) -> None:
    with start_broker("mosquitto") as broker:
        devices = prompt(tenant_id, 5)
        async with fleet_of(devices, broker.address) as fleet:
            broker.kill()
            groups = fleet._groups
            await until(_all_are(groups, online=False), BOUND_S)
            broker.start()
            await until(_all_are(groups, online=True), BOUND_S)
            async with console_at(broker.address, tenant_id) as console:
                await console.send("pump-3", "c-1")
                assert (await console.next_ack())[1]["command_id"] == "c-1"


def _all_are(groups: Sequence[DeviceGroup], *, online: bool):
    async def condition() -> bool:
        return all(group.online.is_set() is online for group in groups)

    return condition


@pytest.mark.mosquitto
async def test_states_are_written_for_registered_active_devices(
    mosquitto: BrokerProcess, database_url: str, owner: asyncpg.Connection, fleet
) -> None:
    await owner.execute("UPDATE device_registry SET status = 'SUSPENDED' WHERE device_id = 'pump-2'")
    await owner.execute("UPDATE device_registry SET decommissioned_at = now() WHERE device_id = 'pump-3'")
    database = Database(Access(database_url))
    await database.open()
    states = FleetState(database)
    ids = tuple(await states.devices(fleet.acme, 2))
    assert ids == ("pump-1", "pump-4")

    async def all_written() -> bool:
        rows = await owner.fetch("SELECT device_id, status, site_id FROM device_state ORDER BY device_id")
        return [tuple(row) for row in rows] == [(d, "ONLINE", "lyon") for d in ids]

    devices = [SimulatedDevice(fleet.acme, device_id) for device_id in ids]
    async with fleet_of(devices, mosquitto.address, states):
        await until(all_written)
    await database.close()


async def test_a_sighting_never_moves_the_last_one_back(
    database_url: str, owner: asyncpg.Connection, fleet
) -> None:
    database = Database(Access(database_url))
    await database.open()
    states = FleetState(database)
    assert await states.write([Sighting(fleet.acme, "pump-1", Link.ONLINE, 0.0)]) == 1
    before = await owner.fetchrow("SELECT last_seen_at, last_state_change_at FROM device_state")
    assert await states.write([Sighting(fleet.acme, "pump-1", Link.ONLINE, 50.0)]) == 0
    assert await states.write([Sighting(fleet.acme, "pump-1", Link.STALE, 50.0)]) == 1
    assert await states.write([Sighting(fleet.acme, "no-such", Link.STALE, 50.0)]) == 0
    after = await owner.fetchrow("SELECT status, last_seen_at, last_state_change_at FROM device_state")
    assert (after["status"], after["last_seen_at"]) == ("STALE", before["last_seen_at"])
    assert after["last_state_change_at"] > before["last_state_change_at"]
    await database.close()
