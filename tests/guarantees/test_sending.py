"""A command that the operator saw as queued is never lost, never doubled by a retry, and goes out."""

import asyncio
import contextlib
import json
import os
import sys
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import asyncpg
import pytest

from console.domain.events import ProblemKind
from console.errors import ConsoleError
from console.runtime.wiring import wire_program
from console.runtime.workers import WorkerSettings
from console.services.dispatcher import WINDOW, DispatchSettings
from console.store.access import Access
from console.store.pool import Database
from tests.brokers import BrokerProcess, start_broker
from tests.conftest import Fleet
from tests.devices import Device, device, say, silent
from tests.e2e.conftest import OpenChannel
from tests.faults.postgres import PrivatePostgres, through
from tests.faults.processes import REPOSITORY, environment, program
from tests.faults.program import FAILPOINT
from tests.faults.proxy import Proxy
from tests.rows import add_command, add_devices, row_of
from tests.seeds import chance
from tests.waiting import LONG_S, until

SENDER = """
import asyncio, contextlib, sys
from console.errors import ConsoleError
from console.runtime.wiring import wire_program
from console.store.access import Access
from console.store.pool import Database
from tests.waiting import until

async def main():
    database = Database(Access(sys.argv[1]))

    async def opened():
        with contextlib.suppress(ConsoleError):
            await database.open()
            return True

    await until(opened)
    sender = wire_program(database, tenants=("acme",), operator="alice").sender
    while True:
        with contextlib.suppress(ConsoleError):
            receipt = await sender.send("acme", [sender.draft("pump-1", "ping")])
            print(receipt.command_ids[0], flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_a_send_that_returned_is_never_lost(postgres: PrivatePostgres) -> None:
    """Without the commit before the return, a kill of PostgreSQL forgets commands that were reported as queued."""
    kills = chance("kills of PostgreSQL and sender")
    returned: list[str] = []
    for _ in range(3):
        sender = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SENDER, postgres.login_url, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE
        )
        assert sender.stdout is not None
        wanted = len(returned) + kills.randint(30, 120)
        while len(returned) < wanted:
            returned.append((await asyncio.wait_for(sender.stdout.readline(), 30)).decode().strip())
        postgres.kill()
        if kills.random() < 0.5:
            wanted = len(returned) + 20  # it goes on by itself when the server is back
            while len(returned) < wanted:
                returned.append((await asyncio.wait_for(sender.stdout.readline(), 30)).decode().strip())
        sender.kill()
        returned += [line.decode().strip() for line in (await sender.stdout.read()).splitlines(keepends=True)
                     if line.endswith(b"\n")]  # fmt: skip
        await sender.wait()
    owner = await postgres.connect()
    kept = {row["command_id"] for row in await owner.fetch("SELECT command_id FROM device_commands")}
    await owner.close()
    assert len(returned) >= 90
    assert set(returned) - kept == set()


async def test_a_retried_send_never_makes_a_second_command(
    database_proxy: Proxy, access: Access, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the id made before the INSERT, the retry after a lost reply inserts a second command."""
    database = Database(Access(through(access.url, database_proxy.port)))
    await database.open()
    sender = wire_program(database, tenants=("acme",), operator="alice").sender
    draft = sender.draft("pump-1", "reboot")
    for _ in range(2):
        database_proxy.cut_instead_of_reply(b"ACTIVE")  # of the tenant, which the reply says
        receipt = await sender.send("acme", [draft])
        assert receipt.command_ids == (draft.command_id,)
        assert database_proxy.swallowed.is_set()
    await database.close()
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 1
    assert await owner.fetchval("SELECT count(*) FROM device_console.outbox") == 1


@pytest.mark.slow
async def test_a_crash_between_commit_and_publish_leaves_the_command_to_any_live_process(
    open_channel: OpenChannel, mosquitto: BrokerProcess, fleet: Fleet, access: Access, owner: asyncpg.Connection,
    tmp_path: Path,
) -> None:  # fmt: skip
    """Without the outbox row in the same transaction, nobody knows that the command waits."""
    env = environment(
        tmp_path,
        access.url,
        mosquitto.address,
        failpoint="console.store.commands:CommandStore.insert:after:1",
    )
    async with program(env, "send", "pump-1", "reboot") as sending:
        assert await sending.ended() == -9
    command_id = str(await owner.fetchval("SELECT command_id FROM device_commands WHERE status = 'queued'"))
    never_adopts = WorkerSettings(dispatch=DispatchSettings(adopt_after_s=86_400))
    async with device(mosquitto.address), open_channel(mosquitto.address, settings=never_adopts) as channel:
        await channel.reaches(command_id, "ok")


@pytest.mark.mqtt5
@pytest.mark.mosquitto
async def test_published_means_that_the_broker_took_it(
    open_channel: OpenChannel, fleet: Fleet, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    """Without the PUBACK's reason code, a publication that the broker denied counts as published."""
    rules = tmp_path / "acl"
    rules.write_text("topic read #\ntopic write tenant/acme/device/pump-2/#\n")
    os.chmod(tmp_path, 0o755)
    with start_broker("mosquitto", f"acl_file {rules}") as broker:
        async with open_channel(broker.address) as channel:
            denied, allowed = await channel.send("pump-1"), await channel.send("pump-2")
            await channel.reaches(allowed, "published")

            async def reported() -> bool:
                return bool(await channel.program.history.problems("acme"))

            await until(reported)
            detail = await channel.program.history.command("acme", denied)
            (problem,) = await channel.program.history.problems("acme")
    assert detail is not None
    assert detail.command.published_at is None
    assert detail.command.last_error == "the broker refused it: not authorized (0x87)"
    assert (problem.kind, problem.command_id) == (ProblemKind.REFUSED_PUBLISH, denied)


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_an_unanswered_publish_is_unknown_and_costs_at_most_one_copy(
    open_channel: OpenChannel, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without a new connection after it, every time-out leaves one more copy in the old connection's buffer."""
    with start_broker("mosquitto") as broker:
        async with device(broker.address, answer=silent) as pump, open_channel(broker.address) as channel:
            broker.freeze()
            command_id = await channel.send()

            async def tried(times: int) -> bool:
                row = await owner.fetchrow("SELECT attempt, outcome FROM device_console.outbox")
                return bool(row["attempt"] >= times and row["outcome"] == "unknown")

            await until(lambda: tried(1))
            assert (await row_of(owner, command_id))["published_at"] is None
            with contextlib.suppress(AssertionError):
                await until(lambda: tried(4), 6)
            broker.thaw()
            await channel.reaches(command_id, "published")
            await until(lambda: _settled(owner))
            await say_and_wait(broker, pump)
    copies = [command["command_id"] for command in pump.commands if command["command_id"] != "last"]
    assert 1 <= len(copies) <= 2
    assert set(copies) == {command_id}


async def queue(owner: asyncpg.Connection, *command_ids: str) -> None:
    """Give rows that another writer made their outbox rows at once, instead of waiting for the adoption."""
    await owner.execute(
        "INSERT INTO device_console.outbox (tenant_id, command_id, device_id)"
        " SELECT tenant_id, command_id, device_id FROM device_commands WHERE command_id = ANY ($1::text[])"
        " ORDER BY array_position($1::text[], command_id)",
        list(command_ids),
    )


async def _is_over_by_a_second(owner: asyncpg.Connection, command_id: str) -> bool:
    sql = "SELECT now() > expires_at + interval '1.2 seconds' FROM device_commands WHERE command_id = $1"
    return bool(await owner.fetchval(sql, command_id))


async def _settled(owner: asyncpg.Connection) -> bool:
    return bool(await owner.fetchval("SELECT count(*) FROM device_console.outbox") == 0)


async def say_and_wait(broker: BrokerProcess, pump: Device) -> None:
    """Everything published before this has reached the device when it returns."""
    await say(broker.address, "tenant/acme/device/pump-1/commands", b'{"command_id": "last"}')

    async def arrived() -> bool:
        return any(command["command_id"] == "last" for command in pump.commands)

    await until(arrived, LONG_S)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "kills"),
    [(1_500, 0), (600, 2), *(pytest.param(10_000, kills, marks=pytest.mark.soak) for kills in (0, 3))],
)
async def test_four_dispatchers_publish_each_command_once_and_in_order(
    mosquitto: BrokerProcess, owner: asyncpg.Connection, fleet: Fleet, access: Access, tmp_path: Path,
    rows: int, kills: int,
) -> None:  # fmt: skip
    """Without the lease in the claim, four processes publish four copies; a kill costs at most one more."""
    devices = [f"unit-{n}" for n in range(100)]
    await add_devices(owner, "acme", devices)
    await owner.execute(
        "WITH c AS (INSERT INTO device_commands (tenant_id, command_id, device_id, command_type)"
        " SELECT 'acme', lpad(n::text, 6, '0'), 'unit-' || n % 100, 'ping' FROM generate_series(1, $1::integer) n"
        " RETURNING command_id, device_id) INSERT INTO device_console.outbox (tenant_id, command_id, device_id)"
        " SELECT 'acme', command_id, device_id FROM c ORDER BY command_id",
        rows,
    )
    async with device(mosquitto.address, "+", silent) as pumps, AsyncExitStack() as stack:
        passes = chance("kills of dispatchers")
        running = []
        for number in range(4):
            which = passes.randint(1, 6) if number else 1
            point = f"console.store.outbox:OutboxStore.mark:before:{which}" if number < kills else ""
            env = environment(tmp_path, access.url, mosquitto.address, failpoint=point)
            running.append(await stack.enter_async_context(program(env, "--sweeper")))
            if number == 0 and kills:  # before the others are there to take its work
                await asyncio.wait_for(running[0].process.wait(), LONG_S)
        await until(lambda: _settled(owner), LONG_S)
        killed = sum(not process.alive for process in running)
        print(f"{killed} of {kills} were killed")
        assert min(kills, 1) <= killed <= kills
        await say_and_wait(mosquitto, pumps)
    copies: dict[str, int] = {}
    firsts: dict[str, list[str]] = {}
    for message, command in zip(pumps.got, pumps.commands, strict=True):
        if command["command_id"] == "last":
            continue
        copies[command["command_id"]] = copies.get(command["command_id"], 0) + 1
        if copies[command["command_id"]] == 1:
            firsts.setdefault(str(message.topic), []).append(command["command_id"])
    assert len(copies) == rows
    assert max(copies.values()) <= 1 + kills  # a second kill may hit the copy that the first one cost
    assert sum(copies.values()) <= rows + kills * 2 * WINDOW  # in flight, and confirmed but not marked yet
    assert all(ids == sorted(ids) for ids in firsts.values())
    assert await owner.fetchval("SELECT count(*) FROM device_commands WHERE published_at IS NULL") == 0


@pytest.mark.mqtt5
@pytest.mark.mosquitto
async def test_a_sleeping_device_gets_no_stale_command(
    open_channel: OpenChannel, mosquitto: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without the Message Expiry Interval, the broker hands a device a reboot whose deadline is long over."""
    topic = "tenant/acme/device/pump-1/commands"

    def sleeper() -> aiomqtt.Client:
        return aiomqtt.Client(
            mosquitto.address.host, mosquitto.port, identifier="sleeper", protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=False,
        )  # fmt: skip

    async with sleeper() as asleep:
        await asleep.subscribe(topic, qos=1)
    async with open_channel(mosquitto.address) as channel:
        await add_command(owner, "acme", "stale", ttl=timedelta(seconds=3))
        await queue(owner, "stale")
        await channel.reaches("stale", "published")
        fresh = await channel.send()
        await channel.reaches(fresh, "published")
        await channel.reaches("stale", "missed")
        await until(lambda: _is_over_by_a_second(owner, "stale"))  # brokers count in whole seconds
    async with sleeper() as awake:
        message = await asyncio.wait_for(anext(aiter(awake.messages)), 10)
    assert json.loads(message.payload)["command_id"] == fresh


async def test_nothing_is_published_at_or_after_its_deadline(
    open_channel: OpenChannel, any_broker: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without the look at the clock in the claim, a command that waited too long goes out all the same."""
    await add_command(owner, "acme", "over", ttl=timedelta(seconds=0.8))
    await add_command(owner, "acme", "fine", "pump-2")
    await queue(owner, "over", "fine")
    async with device(any_broker.address, "+") as pumps, open_channel(any_broker.address) as channel:
        await channel.reaches("fine", "ok")
        await channel.reaches("over", "expired")
    assert [command["command_id"] for command in pumps.commands] == ["fine"]


HOSTILE_IDS = [
    "a\nb",
    "x/y",
    "+",
    "#",
    "a\x1b[2J",
    "\x7f",
    "\u0085",
    "\u00a0pump",
    "pump\u2028",
    "\u3000",
    "d" * 129,
    " ",
]


async def test_a_row_that_cannot_be_routed_blocks_nobody_and_drops_no_link(
    open_channel: OpenChannel, any_broker: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without the check of the ids in the claim, one row in the table takes the link or the worker down for all."""
    for number, device_id in enumerate(HOSTILE_IDS):
        await add_command(owner, "acme", f"hostile {number}", device_id, age=timedelta(minutes=2))
        await add_command(owner, "acme", f"hostile\n{number}", "pump-5", age=timedelta(minutes=2))
    await add_command(owner, "acme", "fine", age=timedelta(minutes=1))
    drops: list[ConsoleError] = []
    async with device(any_broker.address, "+") as pumps, open_channel(any_broker.address) as channel:
        channel.health.broker_down = lambda error, *_rest: drops.append(error)  # type: ignore[method-assign]
        await channel.reaches("fine", "ok")
        await channel.reaches(await channel.send("pump-2"), "ok")

        async def reported() -> bool:
            found = await channel.program.history.problems("acme")
            return {p.device_id[:128] for p in found} >= {d[:128] for d in HOSTILE_IDS}

        await until(reported)
    assert len(pumps.commands) == 2
    assert drops == []
    assert await owner.fetchval("SELECT count(*) FROM device_commands WHERE status = 'queued'") == 2 * len(
        HOSTILE_IDS
    )


@pytest.mark.slow
@pytest.mark.mqtt5
@pytest.mark.mosquitto
async def test_every_copy_is_the_same_message_so_that_a_device_can_act_once(
    mosquitto: BrokerProcess, owner: asyncpg.Connection, fleet: Fleet, access: Access, tmp_path: Path
) -> None:
    """Without the command id in Correlation Data, a device that reads MQTT 5 headers acts twice on two copies."""
    await add_command(owner, "acme", "c1", age=timedelta(minutes=1))
    async with device(mosquitto.address, answer=silent) as pump:
        env = environment(
            tmp_path,
            access.url,
            mosquitto.address,
            failpoint="console.store.outbox:OutboxStore.mark:before:1",
        )
        async with program(env, "--sweeper") as dying:
            assert await dying.ended() == -9
        async with program({**env, FAILPOINT: ""}, "--sweeper"):

            async def twice() -> bool:
                return len(pump.got) == 2

            await until(twice)
        async with device(mosquitto.address, answer=silent) as newcomer:
            await say_and_wait(mosquitto, newcomer)
    assert len(newcomer.got) == 1  # nothing was retained
    first, second, _ = pump.got
    assert first.payload == second.payload
    for copy in (first, second):
        properties: Any = copy.properties  # paho makes its attributes as it reads
        assert properties is not None
        assert properties.CorrelationData == b"c1"
        assert properties.ResponseTopic == f"{copy.topic}/ack"
        assert (copy.qos, copy.retain) == (1, False)
