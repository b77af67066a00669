"""The command channel end to end: a real PostgreSQL, both brokers, devices that answer over MQTT."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from console.domain.events import ProblemKind
from console.errors import ConsoleError
from console.store.access import Access
from tests.brokers import BrokerProcess, start_broker
from tests.conftest import Fleet
from tests.devices import device, ok, say, silent
from tests.e2e.conftest import OpenChannel
from tests.rows import add_command, row_of, status_of
from tests.waiting import until

BOTH = [pytest.param("mosquitto", marks=pytest.mark.mosquitto), "nats-server"]
ACK = "tenant/acme/device/{}/commands/ack"


async def test_a_sent_command_reaches_the_device_and_its_answer_the_row(
    open_channel: OpenChannel, any_broker: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    async with device(any_broker.address) as pump, open_channel(any_broker.address) as channel:
        command_id = await channel.send(params_json='{"delay_s": 5}', ttl=timedelta(minutes=1))
        await channel.reaches(command_id, "ok")
    (command,) = pump.commands
    assert set(command) == {"command_id", "type", "params", "expires_at"}
    assert (command["command_id"], command["params"]) == (command_id, {"delay_s": 5})
    row = await row_of(owner, command_id)
    assert json.loads(row["ack_details"]) == {"status": "ok", "details": {"n": 1}}
    assert row["created_at"] <= row["published_at"] <= row["acked_at"] <= row["expires_at"]
    assert await owner.fetchval("SELECT count(*) FROM device_console.outbox") == 0


async def test_what_answers_while_nothing_else_happens_is_counted_soon(
    open_channel: OpenChannel, any_broker: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without the hint that wakes the fold, charts stand still until a command is sent or missed."""
    async with device(any_broker.address), open_channel(any_broker.address) as channel:
        figures = channel.program.figures

        async def counted(sent: int, ok: int) -> bool:
            now = datetime.now(UTC)
            read = await figures.minutes("acme", now - timedelta(hours=1), now + timedelta(hours=1))
            ended = sum(minute.ended.ok for minute in read.value)
            return (sum(minute.sent for minute in read.value), ended) == (sent, ok)

        await channel.reaches(await channel.send(), "ok")
        await until(lambda: counted(1, 1), 10)
        for ok in (2, 3, 4):
            await add_command(owner, "acme", f"c{ok}", published=True)
            await say(any_broker.address, ACK.format("pump-1"), b'{"command_id": "c%d"}' % ok)
            await until(lambda ok=ok: counted(1, ok), 10)  # type: ignore[misc]
        read = await figures.headline("acme")
        assert read.value.sentence == "All well: 4 of 4 answered in the last hour."
        assert (read.freshness.has_worker, read.freshness.is_old) == (True, False)


@pytest.mark.slow
async def test_commands_to_one_device_arrive_in_order(
    open_channel: OpenChannel, any_broker: BrokerProcess, fleet: Fleet
) -> None:
    async with device(any_broker.address) as pump, open_channel(any_broker.address) as channel:
        sent = [await channel.send() for _ in range(20)]
        await channel.reaches(sent[-1], "ok")
    assert [command["command_id"] for command in pump.commands] == sent


@pytest.mark.slow
async def test_a_device_that_stays_silent_is_missed_and_nobody_there_is_published(
    open_channel: OpenChannel, any_broker: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    async with device(any_broker.address, answer=silent), open_channel(any_broker.address) as channel:
        command_id = await channel.send(ttl=timedelta(seconds=5))
        await channel.reaches(command_id, "published")
        await channel.reaches(command_id, "missed")
    row = await owner.fetchrow("SELECT now() - expires_at AS late FROM device_commands")
    assert row is not None
    assert row["late"] < timedelta(seconds=2)


async def test_an_ack_that_overtakes_our_puback_is_kept(
    open_channel: OpenChannel, any_broker: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Without inferring the publication from the ACK, the row would be delivered and never published."""
    from console.mqtt.publisher import Publisher

    inner = Publisher.confirm
    early: list[tuple[Publisher, Sequence[tuple[int, int]]]] = []
    monkeypatch.setattr(Publisher, "confirm", lambda link, pubacks: early.append((link, pubacks)))
    async with device(any_broker.address), open_channel(any_broker.address) as channel:
        command_id = await channel.send()
        await channel.reaches(command_id, "ok")
        for link, pubacks in early:
            inner(link, pubacks)
        monkeypatch.setattr(Publisher, "confirm", inner)

        async def marked() -> bool:
            return bool(await owner.fetchval("SELECT count(*) FROM device_console.outbox") == 0)

        await until(marked)
    row = await row_of(owner, command_id)
    assert row["status"] == "delivered"
    assert row["published_at"] <= row["acked_at"]


@pytest.mark.mosquitto
async def test_without_a_puback_the_row_stays_unpublished_and_goes_out_again(
    open_channel: OpenChannel, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without waiting for the PUBACK, a frozen broker's command would count as published."""
    with start_broker("mosquitto") as broker:
        async with open_channel(broker.address) as channel:
            broker.freeze()
            command_id = await channel.send()

            async def tried() -> bool:
                return bool(await owner.fetchval("SELECT last_error FROM device_console.outbox"))

            await until(tried, 20)
            assert (await row_of(owner, command_id))["published_at"] is None

            async def noticed() -> bool:
                return not channel.health.view().broker.up

            await until(noticed)
            broker.thaw()
            await channel.reaches(command_id, "published", 20)


@pytest.mark.slow
@pytest.mark.parametrize("kind", BOTH)
async def test_commands_wait_while_the_broker_is_away_and_go_out_when_it_is_back(
    open_channel: OpenChannel, kind: str, fleet: Fleet
) -> None:
    with start_broker(kind) as broker:
        async with open_channel(broker.address) as channel:
            broker.kill()

            async def noticed() -> bool:
                return not channel.health.view().broker.up

            await until(noticed)
            sent = [await channel.send(name) for name in ("pump-1", "pump-2", "pump-1")]
            assert {await channel.phase(command_id) for command_id in sent} == {"waiting"}
            assert (await channel.program.history.outbox("acme")).depth == 3
            broker.start()
            for command_id in sent:  # nobody listens on a broker that has lost its sessions
                await channel.reaches(command_id, "published")
            page = await channel.program.history.commands("acme", device_ids=["pump-1"])
            published = {command.command_id: command.published_at for command in page.commands}
            first, last = published[sent[0]], published[sent[2]]
            assert first is not None
            assert last is not None
            assert first < last


async def test_late_duplicate_conflicting_forged_unknown_and_malformed_answers_are_all_reported(
    open_channel: OpenChannel, any_broker: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    await add_command(owner, "acme", "c1", published=True)
    await add_command(owner, "acme", "c2", ttl=timedelta(seconds=-5), age=timedelta(hours=1), published=True)
    async with open_channel(any_broker.address) as channel:
        await channel.reaches("c2", "missed")
        mine, other = ACK.format("pump-1"), ACK.format("pump-2")
        await say(any_broker.address, other, b'{"command_id": "c1", "status": "forged"}')
        await say(any_broker.address, mine, b'{"command_id": "c1"}', b'{"command_id": "c1"}')
        await say(any_broker.address, mine, b'{"command_id": "c1", "status": "error"}', b"not json", b"")
        await say(any_broker.address, mine, b'{"command_id": "nobody"}', b'{"command_id": "c2"}', qos=0)
        await say(any_broker.address, ACK.format("pump-1").replace("acme", "rival"), b'{"command_id": "c1"}')
        await channel.reaches("c2", "ok")

        async def all_reported() -> bool:
            found = {problem.kind for problem in await channel.program.history.problems("acme")}
            if any_broker.kind == "nats-server":  # it hands QoS 0 on as QoS 1
                found.add(ProblemKind.ODD_ACK)
            return found == {
                ProblemKind.FORGED_ACK, ProblemKind.CONFLICTING_ACK, ProblemKind.MALFORMED_ACK,
                ProblemKind.UNKNOWN_ACK, ProblemKind.LATE_ACK, ProblemKind.DUPLICATE_ACK, ProblemKind.ODD_ACK,
            }  # fmt: skip

        await until(all_reported)

        async def rival_reported() -> bool:
            return [p.kind for p in await channel.program.history.problems("rival")] == [
                ProblemKind.UNKNOWN_ACK
            ]

        await until(rival_reported)
    row = await row_of(owner, "c1")
    assert json.loads(row["ack_details"]) == {"status": "ok", "details": None}


async def test_a_poisonous_message_never_stops_the_flow(
    open_channel: OpenChannel, any_broker: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without the reader's own error for what cannot be read, the first such message ends the ingest."""
    poison = [
        b"\xff\xfe\x00", b"[]", b"5", b"{}", b'{"command_id": 5}', b'{"command_id": "\\ud800"}',
        b'{"command_id":"c1","details":{"a":"\\u0000"}', b'{"command_id":"x","details":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"command_id":"y","details":[NaN,1e400,1e200000]}', b"x" * 70_000,
    ]  # fmt: skip
    await add_command(owner, "acme", "c1", published=True)
    async with open_channel(any_broker.address) as channel:
        await say(any_broker.address, ACK.format("pump-1"), *poison)
        await say(
            any_broker.address, ACK.format("pump-1"), b'{"command_id":"c1","details":{"a":"\\u0000\\ud800"}}'
        )
        await channel.reaches("c1", "ok")
    assert json.loads((await row_of(owner, "c1"))["ack_details"])["details"] == {"a": "\ufffd\ufffd"}


async def test_what_another_writer_left_is_adopted_and_published(
    open_channel: OpenChannel, any_broker: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    async with device(any_broker.address), open_channel(any_broker.address) as channel:
        await add_command(owner, "acme", "foreign", age=timedelta(seconds=2))
        await channel.reaches("foreign", "ok", 20)


@pytest.mark.slow
async def test_two_processes_publish_one_copy_each_and_one_takes_the_answers(
    open_channel: OpenChannel, any_broker: BrokerProcess, fleet: Fleet
) -> None:
    """Without leases both dispatchers would publish every row."""
    async with (
        device(any_broker.address, "+") as pumps,
        open_channel(any_broker.address) as one,
        open_channel(any_broker.address) as two,
    ):
        assert sorted([one.health.ingest, two.health.ingest]) == ["on", "standby"]
        sent = [await channel.send(f"pump-{n % 5 + 1}") for n in range(30) for channel in (one, two)]
        for command_id in sent:
            await one.reaches(command_id, "ok")
    got = [command["command_id"] for command in pumps.commands]
    assert sorted(got) == sorted(sent)


@pytest.mark.mosquitto
async def test_a_standby_takes_the_answers_over_within_seconds(
    open_channel: OpenChannel, mosquitto: BrokerProcess, fleet: Fleet
) -> None:
    async with device(mosquitto.address), open_channel(mosquitto.address) as second_to_leave:
        async with open_channel(mosquitto.address) as channel:
            assert channel.health.ingest == "standby"
            await second_to_leave.send()
        command_id = await second_to_leave.send()
        await second_to_leave.reaches(command_id, "ok")


KILLED_BEFORE_THE_MARK = """
import asyncio, os, signal, sys
from console.clock import SystemClock
from console.mqtt.publisher import Publisher
from console.mqtt.session import BrokerAddress
from console.runtime.supervisor import Supervisor
from console.runtime.jobs import running
from console.runtime.workers import Workers
from console.services.feed import Feed
from console.services.health import Health
from console.store.access import Access
from console.store.pool import Database
from tests.e2e.conftest import fast_settings

Publisher.confirm = lambda *_: os.kill(os.getpid(), signal.SIGKILL)

async def main():
    database = Database(Access(sys.argv[1])); await database.open()
    clock = SystemClock(); health = Health(clock)
    address = BrokerAddress("127.0.0.1", int(sys.argv[2]), force_v3=sys.argv[3] == "nats-server")
    workers = Workers(database, address, Feed(), health, clock, fast_settings())
    async with running(workers, Supervisor(health), jobs=True):
        await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.slow
async def test_a_process_killed_between_publish_and_mark_costs_one_copy_and_loses_nothing(
    open_channel: OpenChannel,
    any_broker: BrokerProcess,
    fleet: Fleet,
    access: Access,
    owner: asyncpg.Connection,
) -> None:
    """Without the outbox row outliving the process, the command would never be marked or published again."""
    async with device(any_broker.address, answer=silent) as pump:
        await add_command(owner, "acme", "c1", age=timedelta(minutes=1))
        argv = [
            sys.executable,
            "-c",
            KILLED_BEFORE_THE_MARK,
            access.url,
            str(any_broker.port),
            any_broker.kind,
        ]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        child = await asyncio.create_subprocess_exec(*argv, env=environment)
        assert await asyncio.wait_for(child.wait(), 30) == -signal.SIGKILL
        assert (await row_of(owner, "c1"))["published_at"] is None
        async with open_channel(any_broker.address) as channel:
            await channel.reaches("c1", "published")
    assert [command["command_id"] for command in pump.commands] == ["c1", "c1"]


async def test_a_restart_settles_rows_of_every_state(
    open_channel: OpenChannel, any_broker: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    hour = timedelta(hours=1)
    await add_command(owner, "acme", "waiting", age=hour)
    await add_command(owner, "acme", "published", "pump-2", age=hour, published=True)
    await add_command(owner, "acme", "overdue", "pump-3", age=hour, ttl=timedelta(seconds=-1))
    await add_command(
        owner, "acme", "overdue published", "pump-3", age=hour, ttl=timedelta(seconds=-1), published=True
    )
    await add_command(owner, "acme", "leased", "pump-4", age=hour)
    await add_command(
        owner,
        "acme",
        "missed",
        "pump-5",
        age=hour,
        ttl=timedelta(seconds=-1),
        status="missed",
        published=True,
    )
    await owner.execute(
        "INSERT INTO device_console.outbox (tenant_id, command_id, device_id, holder, leased_until, attempt)"
        " VALUES ('acme', 'leased', 'pump-4', gen_random_uuid(), now() + interval '1 second', 1)"
    )
    async with (
        device(any_broker.address, "+", lambda c: ok(c) if c["command_id"] != "leased" else None),
        open_channel(any_broker.address) as channel,
    ):
        await channel.reaches("waiting", "ok")
        await channel.reaches("overdue", "expired")
        await channel.reaches("overdue published", "missed")
        await channel.reaches("leased", "published")
        assert await status_of(owner, "missed") == "missed"
        assert await channel.phase("published") == "published"


async def test_a_lost_database_link_is_survived(
    open_channel: OpenChannel, any_broker: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    async with device(any_broker.address), open_channel(any_broker.address) as channel:
        await channel.reaches(await channel.send(), "ok")
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        if any_broker.kind == "mosquitto":
            await channel.reaches(await channel.send(), "ok", 30)
            return

        async def one_is_answered() -> (
            bool
        ):  # a broker may drop an answer that comes while our session is away
            with contextlib.suppress(AssertionError, ConsoleError):
                await channel.reaches(await channel.send(), "ok", 3)
                return True
            return False

        await until(one_is_answered)
