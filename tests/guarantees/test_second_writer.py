"""The platform's own programs work on the same table for a while: each command ends right, ours are never sent twice.

CONSOLE_TEST_SOAK_S sets the length (default 40 s), CONSOLE_TEST_SEED repeats a run's chances.
"""

import asyncio
import contextlib
import json
import random
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiomqtt
import asyncpg
import pytest

from console.mqtt.session import BrokerAddress
from console.store.sql import with_command_rows
from tests.brokers import start_broker
from tests.faults.fleet import ReturningFleet, returning_fleet
from tests.faults.postgres import PrivatePostgres
from tests.faults.processes import Running, environment, program
from tests.guarantees.test_soak import (
    LENGTH_S,
    everything_is_settled,
    everything_was_reported,
    outbox_is_empty,
    send_for_ever,
    wait,
)
from tests.platform.behaviour import (
    http_ack,
    http_poll,
    insert_as_the_api,
    platform_ack,
    platform_sweep,
    write_back,
)
from tests.seeds import chance
from tests.waiting import until

SWEEPS_EVERY_S = 5.0  # 60 there: more of them meet more of our moments
WRITES_BACK_WITHIN_S = 1.0
SENDS_EVERY_S = 0.05
WEB = "pump-5"  # speaks HTTP to the platform, and MQTT to us
pytestmark = [pytest.mark.soak, pytest.mark.mosquitto, pytest.mark.timeout(LENGTH_S + 240)]


@dataclass
class Platform:
    """Its API, its worker and its handler of answers, each on a connection of its own."""

    postgres: PrivatePostgres
    address: BrokerAddress
    choice: random.Random
    whole: set[str] = field(default_factory=set)  # sent as it sends: published and written back
    abandoned: set[str] = field(default_factory=set)  # it died between the insert and the publication
    polled: set[str] = field(default_factory=set)  # answered over HTTP
    closing: asyncio.Event = field(default_factory=asyncio.Event)  # nothing more is asked over HTTP

    async def api(self) -> None:
        """One send after the other is begun; each ends by itself."""
        owner = await self.postgres.connect()
        try:
            async with (
                aiomqtt.Client(self.address.host, self.address.port) as client,
                asyncio.TaskGroup() as group,
            ):
                while True:
                    device, ttl_s = f"pump-{self.choice.randint(1, 5)}", self.choice.choice((15, 20, 40))
                    command_id = await insert_as_the_api(owner, "acme", device, "ping", ttl_s=ttl_s)
                    if self.choice.random() < 0.1:
                        self.abandoned.add(command_id)
                    else:
                        group.create_task(self._publish(client, device, command_id))
                    await asyncio.sleep(SENDS_EVERY_S)  # a load, not a wait: nothing is expected after it
        finally:
            await owner.close()

    async def _publish(self, client: aiomqtt.Client, device: str, command_id: str) -> None:
        payload = json.dumps({"command_id": command_id, "type": "ping", "params": {}})
        await client.publish(f"tenant/acme/device/{device}/commands", payload, qos=1)
        await asyncio.sleep(self.choice.uniform(0, WRITES_BACK_WITHIN_S))  # as long as its API takes
        owner = await self.postgres.connect()
        try:
            await write_back(owner, "acme", command_id)
        finally:
            await owner.close()
        self.whole.add(command_id)

    async def sweeps(self) -> None:
        owner = await self.postgres.connect()
        try:
            while True:
                await asyncio.sleep(SWEEPS_EVERY_S)
                await platform_sweep(owner)
        finally:
            await owner.close()

    async def hears(self) -> None:
        """It takes each answer that we take, too, before us or after us; its bridge adds a key."""
        owner = await self.postgres.connect()
        try:
            async with aiomqtt.Client(self.address.host, self.address.port) as client:
                await client.subscribe("tenant/+/device/+/commands/ack", qos=1)
                async for message in client.messages:
                    assert isinstance(message.payload, bytes)
                    _, tenant, _, device, *_ = str(message.topic).split("/")
                    sentence = json.loads(message.payload)
                    await platform_ack(owner, tenant, device, sentence["command_id"], bridged_at=1.5)
        finally:
            await owner.close()

    async def polls(self) -> None:
        """A device that asks over HTTP, and answers some of what it is given, published or not.

        It ends by itself: cancelled between its commit and its note, the answer would be nobody's.
        """
        owner = await self.postgres.connect()
        try:
            while not self.closing.is_set():
                for command_id in await http_poll(owner, "acme", WEB):
                    if self.choice.random() < 0.3 and await http_ack(owner, "acme", WEB, command_id):
                        self.polled.add(command_id)
                await asyncio.sleep(SENDS_EVERY_S * 4)
        finally:
            await owner.close()


async def kill_workers(
    stack: AsyncExitStack, env: dict[str, str], workers: list[Running], choice: random.Random
) -> int:
    """For the length of the test; return how many."""
    kills, ends = 0, asyncio.get_running_loop().time() + LENGTH_S
    while asyncio.get_running_loop().time() < ends:
        await wait(choice.uniform(1.0, 5.0), lambda: None)
        workers.pop(0).kill()
        workers.append(await stack.enter_async_context(program(env, "--sweeper")))
        kills += 1
    return kills


async def test_beside_the_platforms_own_programs_each_command_ends_right(
    postgres: PrivatePostgres, tmp_path: Path
) -> None:
    """Without acked_at as what counts, or with an eager adoption, answered rows end missed and its commands come twice."""
    answers, returned = chance("answers"), list[str]()
    with start_broker("mosquitto") as broker:
        env = environment(tmp_path, postgres.login_url, broker.address)
        platform = Platform(postgres, broker.address, chance("platform"))
        async with (
            returning_fleet(
                broker.address, lambda _id: answers.random() < 0.75, keeps_session=True
            ) as devices,
            AsyncExitStack() as stack,
        ):
            workers = [await stack.enter_async_context(program(env, "--sweeper")) for _ in range(2)]
            for worker in workers:
                await worker.ready()
            acts = [platform.api(), platform.hears(), platform.sweeps(), platform.polls()]
            running = [asyncio.create_task(act) for act in acts]
            sending = asyncio.create_task(send_for_ever(postgres.login_url, chance("sends"), returned))
            kills = await kill_workers(stack, env, workers, chance("kills"))
            assert [task.exception() for task in (*running, sending) if task.done()] == []
            platform.closing.set()
            await running[3]
            for task in (running[0], sending):
                task.cancel()
            await asyncio.gather(running[0], sending, return_exceptions=True)
            await everything_is_settled(postgres)
            await until(partial(outbox_is_empty, postgres), 60)
            await until(partial(everything_was_reported, devices))
            with contextlib.suppress(AssertionError):  # what is missing then is told below
                await until(partial(all_answers_are_in, postgres, devices), 30)
            for task in running[1:3]:
                task.cancel()
            await asyncio.gather(*running[1:3], return_exceptions=True)
    owner = await postgres.connect()
    rows = await owner.fetch(with_command_rows("SELECT * FROM /*command_rows*/ v"))
    adopted = {
        r["command_id"]
        for r in await owner.fetch("SELECT command_id FROM device_console.journal WHERE kind = 'adopted'")
    }
    await owner.close()
    judge({row["command_id"]: row for row in rows}, adopted, returned, platform, devices, kills)


async def all_answers_are_in(postgres: PrivatePostgres, devices: ReturningFleet) -> bool:
    owner = await postgres.connect()
    answered = await owner.fetch("SELECT command_id FROM device_commands WHERE acked_at IS NOT NULL")
    await owner.close()
    return set(devices.acknowledged) <= {row["command_id"] for row in answered}


def judge(
    rows: dict[str, asyncpg.Record],
    adopted: set[str],
    returned: list[str],
    platform: Platform,
    devices: ReturningFleet,
    kills: int,
) -> None:
    sentence = set(devices.acknowledged) | platform.polled
    lost = [c for c in sentence if rows[c]["acked_at"] is None]
    wrong = [c for c in sentence if rows[c]["phase"] != "ok"]
    called = Counter(rows[c]["status"] for c in sentence)
    twice = [c for c in platform.whole if devices.copies.get(c, 0) > 1 or c in adopted]
    unpublished = [c for c in platform.abandoned if c in adopted and c in devices.copies]
    print(
        f"{len(returned)} of ours, {len(platform.whole)} of the platform's, {len(platform.abandoned)} that it left, of which "
        f"{len(unpublished)} were published by us; {len(sentence)} answered ({len(platform.polled)} over HTTP), stored as "
        f"{dict(called)}; {kills} workers killed; {len(lost)} answers lost, {len(twice)} of the platform's sent twice"
    )
    assert kills > LENGTH_S / 10
    assert len(returned) > 5 * LENGTH_S
    assert len(platform.whole) > 3 * LENGTH_S
    assert platform.polled
    assert unpublished
    assert (lost, wrong, twice) == ([], [], [])
    for command_id, row in rows.items():
        assert row["phase"] in {"ok", "missed", "expired"}
        assert (row["phase"] == "ok") == (row["acked_at"] is not None)
        assert row["phase"] != "expired" or row["published_at"] is None
        assert row["phase"] != "ok" or command_id in sentence
