"""A bound on what a worker publishes: kept at the broker, and it costs no command its place, its lease or its end."""

import asyncio
import json
import signal
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import asyncpg
import pytest

from console.domain.pace import BURST_S
from console.mqtt.address import BrokerAddress
from console.runtime.program import Program
from console.secret import Secret
from console.settings import Settings
from console.shell.doctor.examine import examine
from console.store.access import Access
from console.store.outbox import OutboxStore
from tests.brokers import BrokerProcess, start_broker
from tests.conftest import Fleet
from tests.e2e.conftest import Channel, OpenChannel, fast_settings
from tests.faults.processes import environment
from tests.faults.processes import program as running_program
from tests.waiting import until

pytestmark = pytest.mark.mosquitto
LATE_S = 1.0  # on a busy machine a message is received, or its PUBACK recorded, so much later than the next


@dataclass
class Arrivals:
    """What the broker delivered, and when, in seconds of the monotonic clock."""

    at: list[float] = field(default_factory=list)
    commands: list[tuple[str, str]] = field(default_factory=list)  # tenant and id
    by_device: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    async def reach(self, count: int) -> None:
        async def there() -> bool:
            return len(self.at) >= count

        await until(there)

    def most_in(self, span_s: float) -> int:
        return max(sum(1 for at in self.at if began <= at <= began + span_s) for began in self.at)


@asynccontextmanager
async def arrivals(address: BrokerAddress) -> AsyncIterator[Arrivals]:
    found = Arrivals()

    async def listen(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            found.at.append(time.monotonic())
            _, tenant, _, device_id, _ = str(message.topic).split("/")
            command_id = json.loads(message.payload)["command_id"]
            found.commands.append((tenant, command_id))
            found.by_device[f"{tenant}/{device_id}"].append(command_id)

    version = aiomqtt.ProtocolVersion.V311 if address.force_v3 else aiomqtt.ProtocolVersion.V5
    async with aiomqtt.Client(address.host, address.port, protocol=version) as client:
        await client.subscribe("tenant/+/device/+/commands", qos=1)
        listening = asyncio.create_task(listen(client))
        try:
            yield found
        finally:
            listening.cancel()
            await asyncio.wait({listening})


async def send_many(
    channel: Channel, count: int, tenant: str = "acme", devices: int = 5, ttl: timedelta = timedelta(hours=1)
) -> list[str]:
    drafts = [
        channel.program.sender.draft(f"pump-{1 + n % devices}", "ping", "{}", ttl, created_by="alice")
        for n in range(count)
    ]
    return list((await channel.program.sender.send(tenant, drafts)).command_ids)


def at_most(per_s: float) -> Any:
    return replace(fast_settings(), publish_rate=per_s)


async def _leased(owner: asyncpg.Connection) -> int:
    return int(await owner.fetchval("SELECT count(*) FROM device_console.outbox WHERE leased_until > now()"))


@pytest.mark.parametrize("per_s", [15.0, 60.0])
async def test_no_span_has_more_than_the_rate_and_a_burst(
    open_channel: OpenChannel, mosquitto: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection, per_s: float
) -> None:
    """Without the bound at the write itself, a queue goes out as fast as the broker takes it."""
    count, leased = int(per_s * 3), 0
    async with (
        arrivals(mosquitto.address) as found,
        open_channel(mosquitto.address, settings=at_most(per_s)) as channel,
    ):
        began = time.monotonic()
        sent = await send_many(channel, count)
        while len(found.at) < count:
            leased = max(leased, await _leased(owner))
            await asyncio.sleep(0.02)
        burst = max(1.0, per_s * BURST_S)
        assert found.at[-1] - began >= (count - burst) / per_s - 0.001
        assert found.at[-1] - began < 3 * count / per_s + 5
        for span_s in (0.2, 0.5):
            assert found.most_in(span_s) <= per_s * (span_s + LATE_S) + burst + 1
    for number in range(5):
        assert found.by_device[f"acme/pump-{1 + number}"] == sent[number::5]
    assert leased <= 2 * burst + per_s * LATE_S, (
        "what cannot go soon is not claimed; some wait for their mark"
    )


async def test_tenants_take_turns_although_few_are_claimed_at_once(
    open_channel: OpenChannel, mosquitto: BrokerProcess, fleet: Fleet
) -> None:
    """Without beginning behind the tenant that was last, a claim of one serves the first tenant only."""
    async with (
        arrivals(mosquitto.address) as found,
        open_channel(mosquitto.address, settings=at_most(8.0)) as channel,
    ):
        await send_many(channel, 60)
        await found.reach(3)
        theirs = await send_many(channel, 4, tenant="rival")
        already = len(found.at)
        await found.reach(already + 12)
    got = [command for tenant, command in found.commands[: already + 12] if tenant == "rival"]
    assert got == theirs


async def test_what_the_rate_leaves_no_time_for_ends_at_its_deadline(
    open_channel: OpenChannel, mosquitto: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without claiming only what can go soon, leases would keep the sweep from what is over."""
    async with (
        arrivals(mosquitto.address) as found,
        open_channel(mosquitto.address, settings=at_most(2.0)) as channel,
    ):
        began = time.monotonic()
        sent = await send_many(channel, 30, ttl=timedelta(seconds=5))

        async def all_ended() -> bool:
            return not await owner.fetchval("SELECT count(*) FROM device_commands WHERE status = 'queued'")

        await until(all_ended)
        took_s = time.monotonic() - began
    rows = await owner.fetch(
        "SELECT command_id, published_at IS NOT NULL AS published, published_at < expires_at AS in_time, status"
        " FROM device_commands"
    )
    published = {row["command_id"] for row in rows if row["published"]}
    assert published == {command for _, command in found.commands}
    assert 2 <= len(published) <= 11
    assert [c for c in sent if c in published] == sent[: len(published)], "those that were first"
    assert all(row["in_time"] for row in rows if row["published"])
    assert {row["status"] for row in rows} == {"missed", "expired"}
    assert took_s < 15


async def test_it_rests_between_two_turns(
    open_channel: OpenChannel, mosquitto: BrokerProcess, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without waiting for room, a bound costs a whole processor and a claim a millisecond."""
    claims: list[float] = []
    inner = OutboxStore.claim

    async def counted(store: OutboxStore, *arguments: Any) -> Any:
        claims.append(time.monotonic())
        return await inner(store, *arguments)

    monkeypatch.setattr(OutboxStore, "claim", counted)
    async with (
        arrivals(mosquitto.address) as found,
        open_channel(mosquitto.address, settings=at_most(4.0)) as channel,
    ):
        await send_many(channel, 30)
        await found.reach(2)
        claims.clear()
        used, began = time.process_time(), time.monotonic()
        await found.reach(10)
        used, took = time.process_time() - used, time.monotonic() - began
    assert len(claims) <= 4.0 * took + 5
    assert used < took / 2


async def test_a_new_link_begins_no_new_burst(
    open_channel: OpenChannel, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without one bucket for all links of a worker, a link that breaks often goes around the bound."""
    with start_broker("mosquitto") as broker:
        async with open_channel(broker.address, settings=at_most(0.25)) as channel:
            first, second = await send_many(channel, 2)
            await channel.reaches(first, "published")
            broker.kill()
            broker.start()
            await channel.reaches(second, "published")
    apart = await owner.fetchval("SELECT max(published_at) - min(published_at) FROM device_commands")
    assert apart > timedelta(seconds=3.9)


async def test_the_end_does_not_wait_for_the_rate(
    access: Access,
    mosquitto: BrokerProcess,
    fleet: Fleet,
    owner: asyncpg.Connection,
    program: Program,
    tmp_path: Path,
) -> None:
    """Without an end to the wait, a worker that is stopped would be killed, and its leases would have to run out."""
    env = environment(tmp_path, access.url, mosquitto.address, CONSOLE_PUBLISH_RATE="0.25")
    async with arrivals(mosquitto.address) as found, running_program(env, "--sweeper") as worker:
        await worker.ready()
        assert any("at most 0.25 commands a second" in line for line in worker.message)
        drafts = [
            program.sender.draft(f"pump-{1 + n % 5}", "ping", "{}", timedelta(hours=1), created_by="alice")
            for n in range(20)
        ]
        await program.sender.send("acme", drafts)
        await found.reach(1)
        began = time.monotonic()
        worker.signal(signal.SIGTERM)
        assert await worker.ended() == 0
        assert time.monotonic() - began < 10
    assert len(found.at) <= 2
    assert await _leased(owner) == 0


async def test_doctor_shows_the_bound(
    access: Access, mosquitto: BrokerProcess, fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it, nobody finds out why commands wait."""
    url = f"mqtt://{mosquitto.address.label}"
    settings = Settings(
        database_url=Secret(access.url), mqtt_url=Secret(url), tenant="acme", publish_rate=50.0
    )
    await examine(settings, as_json=False)
    assert "with these settings a worker publishes at most 50 commands a second" in capsys.readouterr().out
