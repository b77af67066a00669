"""Everything is killed at random for a while; then nothing that was promised is missing.

CONSOLE_TEST_SOAK_S sets the length (default 40 s), CONSOLE_TEST_SEED repeats a run's order of kills.
"""

import asyncio
import contextlib
import json
import os
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path

import aiomqtt
import asyncpg
import pytest

from console.errors import ConsoleError
from console.mqtt.session import BrokerAddress
from console.runtime.wiring import wire_program
from console.store.pool import Access, Database
from console.wire.topics import ack_topic
from tests.brokers import BrokerProcess, start_broker
from tests.faults.postgres import PrivatePostgres
from tests.faults.processes import Running, environment, program
from tests.faults.terminal import Terminal, terminal
from tests.waiting import until, until_listening

SEED = int(os.environ.get("CONSOLE_TEST_SEED") or random.SystemRandom().randrange(10**6))
LENGTH_S = float(os.environ.get("CONSOLE_TEST_SOAK_S", "40"))
BROKERS_LOSS_S = 2.0  # what a broker took this shortly before its kill is the broker's to lose
SENDERS_PACE_S = 0.05
MOST_RSS = 200 * 1_048_576
pytestmark = [pytest.mark.soak, pytest.mark.mosquitto, pytest.mark.timeout(LENGTH_S + 240)]


class Devices:
    """The whole fleet: answers three commands of four, and remembers which answers the broker took, and when."""

    def __init__(self, address: BrokerAddress, chance: random.Random) -> None:
        self._address, self._chance = address, chance
        self.copies: dict[str, int] = {}
        self.acknowledged: dict[str, float] = {}
        self._answers: dict[str, bool] = {}

    async def run(self) -> None:
        while True:
            await until_listening(self._address.host, self._address.port)
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client(
                    self._address.host, self._address.port, identifier="soak-fleet", clean_session=False,
                    protocol=aiomqtt.ProtocolVersion.V311, timeout=5,
                ) as client:  # fmt: skip
                    await client.subscribe("tenant/acme/device/+/commands", qos=1)
                    async for message in client.messages:
                        await self._answer(client, message)

    async def _answer(self, client: aiomqtt.Client, message: aiomqtt.Message) -> None:
        command_id = json.loads(message.payload)["command_id"]
        self.copies[command_id] = self.copies.get(command_id, 0) + 1
        if self._answers.setdefault(command_id, self._chance.random() < 0.75):
            topic = ack_topic("acme", str(message.topic).split("/")[3])
            await client.publish(topic, json.dumps({"command_id": command_id, "status": "ok"}), qos=1)
            self.acknowledged.setdefault(command_id, asyncio.get_running_loop().time())


async def send_for_ever(login_url: str, chance: random.Random, returned: list[str]) -> None:
    """An operator who sends, whatever happens; only what came back counts as sent."""
    database = Database(Access(login_url))
    try:
        await until(partial(opened, database))
        sender = wire_program(database, tenants=("acme",), operator="alice").sender
        while True:
            drafts = [
                sender.draft(
                    f"pump-{chance.randint(1, 5)}", "ping", ttl=timedelta(seconds=chance.choice((5, 10, 25)))
                )
                for _ in range(chance.randint(1, 12))
            ]
            with contextlib.suppress(ConsoleError):
                returned += (await sender.send("acme", drafts)).command_ids
            await asyncio.sleep(SENDERS_PACE_S)  # a load, not a wait: nothing is expected after it
    finally:
        await database.close()


async def opened(database: Database) -> bool:
    with contextlib.suppress(ConsoleError):
        await database.open()
        return True
    return False


class Victims:
    """What is killed, and brought back."""

    def __init__(
        self, stack: AsyncExitStack, env: dict[str, str], postgres: PrivatePostgres, broker: BrokerProcess
    ) -> None:
        self._stack, self._env, self._postgres, self._broker = stack, env, postgres, broker
        self.workers: list[Running] = []
        self.screen: Terminal | None = None
        self.kills: list[str] = []
        self.broker_died_at: list[float] = []
        self.highest_rss = 0

    async def start(self) -> None:
        for _ in range(2):
            self.workers.append(await self._stack.enter_async_context(program(self._env, "--sweeper")))
        await self.open_screen()

    async def _database_answers(self) -> bool:
        with contextlib.suppress(OSError, asyncpg.PostgresError):
            await (await asyncpg.connect(self._postgres.login_url)).close()
            return True
        return False

    async def kill(self, name: str) -> None:
        self.kills.append(name)
        await getattr(self, f"_{name}")()

    async def _database(self) -> None:
        self._postgres.kill()

    async def _worker(self) -> None:
        victim = self.workers.pop(0)
        victim.kill()
        self.workers.append(await self._stack.enter_async_context(program(self._env, "--sweeper")))

    async def _console(self) -> None:
        assert self.screen is not None
        self.screen.kill()
        await self.open_screen()

    async def open_screen(self) -> None:
        """As an operator does: one whose database is just starting leaves with a sentence, so start it again."""
        await until(self._database_answers, 60)
        self.screen = await self._stack.enter_async_context(terminal(self._env))

    async def _broker_crash(self) -> None:
        self.broker_died_at.append(asyncio.get_running_loop().time())
        await asyncio.to_thread(self._broker.kill)
        await asyncio.to_thread(self._broker.start)

    async def _broker_restart(self) -> None:
        await asyncio.to_thread(self._broker.stop)
        await asyncio.to_thread(self._broker.start)

    async def screen_shows(self, text: str) -> None:
        if self.screen is None or not self.screen.alive:  # PostgreSQL was killed while it started
            await self.open_screen()
        assert self.screen is not None
        await self.screen.shows(text)

    def look(self) -> None:
        for worker in self.workers:
            if worker.alive:
                with contextlib.suppress(OSError):
                    self.highest_rss = max(self.highest_rss, worker.rss_bytes)


async def wait(seconds: float, meanwhile: Callable[[], None]) -> None:
    ends = asyncio.get_running_loop().time() + seconds

    async def over() -> bool:
        meanwhile()
        return asyncio.get_running_loop().time() > ends

    await until(over, seconds + 10)


async def test_after_random_kills_of_everything_nothing_that_was_promised_is_missing(
    postgres: PrivatePostgres, tmp_path: Path
) -> None:
    """Without any one of the mechanisms in the table of removals, some run of this ends with a loss."""
    chance = random.Random(SEED)
    print(f"CONSOLE_TEST_SEED={SEED}")
    returned: list[str] = []
    before = await connections(postgres)
    with start_broker("mosquitto") as broker:
        env = environment(tmp_path, postgres.login_url, broker.address)
        devices = Devices(broker.address, chance)
        tasks = [asyncio.create_task(devices.run())]
        async with AsyncExitStack() as stack:
            victims = Victims(stack, env, postgres, broker)
            await victims.start()
            for worker in victims.workers:
                await worker.ready()
            sending = asyncio.create_task(send_for_ever(postgres.login_url, chance, returned))
            started = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() - started < LENGTH_S:
                await wait(chance.uniform(0.5, 3.0), victims.look)
                await victims.kill(
                    chance.choice(
                        ["database", "worker", "worker", "console", "broker_crash", "broker_restart"]
                    )
                )
            await wait(1.0, victims.look)
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending
            for worker in victims.workers:
                await worker.ready()
            await everything_is_settled(postgres)
            await victims.screen_shows("pump-1")
            victims.look()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    owner = await postgres.connect()
    rows = {row["command_id"]: row for row in await owner.fetch("SELECT * FROM device_commands")}
    left = await owner.fetchval("SELECT count(*) FROM device_console.outbox")
    await owner.close()
    brokers = {
        command_id for command_id, at in devices.acknowledged.items()
        if any(0 <= died - at < BROKERS_LOSS_S for died in victims.broker_died_at)
    }  # fmt: skip
    ours = set(devices.acknowledged) - brokers
    lost = {c for c in devices.acknowledged if rows[c]["status"] != "delivered"}
    print(
        f"{len(returned)} sent, {len(devices.acknowledged)} answered, {len(victims.kills)} kills "
        f"({', '.join(f'{victims.kills.count(k)} {k}' for k in sorted(set(victims.kills)))}), "
        f"{len(lost & ours)} of ours lost, {len(lost & brokers)} lost by the broker in its last {BROKERS_LOSS_S:g} s, "
        f"at most {max(devices.copies.values())} copies, worker at most {victims.highest_rss / 1_048_576:.0f} MiB"
    )
    assert len(returned) > 10 * LENGTH_S
    assert set(returned) <= set(rows)
    assert lost & ours == set()
    for command_id, row in rows.items():
        assert row["status"] in {"delivered", "missed", "expired"}
        assert (row["status"] == "delivered") == (row["acked_at"] is not None)
        assert row["status"] != "missed" or row["published_at"] is not None
        assert row["status"] != "expired" or row["published_at"] is None
        assert row["published_at"] is None or command_id in devices.copies or victims.broker_died_at
    assert left == 0
    assert victims.highest_rss < MOST_RSS

    async def connections_are_back() -> bool:
        return await connections(postgres) <= before

    await until(connections_are_back)


async def everything_is_settled(postgres: PrivatePostgres) -> None:
    owner = await postgres.connect()

    async def none_is_queued() -> bool:
        return await owner.fetchval("SELECT count(*) FROM device_commands WHERE status = 'queued'") == 0

    await until(none_is_queued, 60)
    await owner.close()


async def connections(postgres: PrivatePostgres) -> int:
    owner = await postgres.connect()
    try:
        return int(
            await owner.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    finally:
        await owner.close()
