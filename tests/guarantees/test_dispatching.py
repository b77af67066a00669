"""Between the claim and the PUBACK: what kills, pauses and lost replies may and may not do to a command."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from console.domain.acks import Acknowledgement, LateAck
from console.errors import DatabaseUnreachableError
from console.limits import DEFAULT_TTL
from console.runtime.wiring import wire_program
from console.runtime.workers import WorkerSettings
from console.services.dispatcher import DispatchSettings
from console.store.access import Access
from console.store.pool import Database
from console.store.settlement import SettlementStore
from tests.brokers import BrokerProcess, start_broker
from tests.conftest import Fleet
from tests.devices import device
from tests.e2e.conftest import OpenChannel
from tests.faults.fleet import ReturningFleet, returning_fleet
from tests.faults.postgres import through
from tests.faults.processes import REPOSITORY, environment, program
from tests.faults.proxy import Proxy, proxy
from tests.faults.terminal import state, terminal
from tests.forks.client import start_program
from tests.guarantees.test_sending import queue
from tests.rows import add_command, add_devices, row_of, status_of
from tests.waiting import until

pytestmark = pytest.mark.mosquitto
PUBACK = b"\x40\x02"  # the head of one that says yes


@pytest.fixture
async def broker_proxy(mosquitto: BrokerProcess) -> AsyncIterator[Proxy]:
    async with proxy(("127.0.0.1", mosquitto.port)) as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("taken", [True, False], ids=["it had taken it", "it had not read it"])
async def test_a_broker_killed_in_the_middle_of_a_publish_costs_at_most_one_copy(
    open_channel: OpenChannel, mosquitto: BrokerProcess, broker_proxy: Proxy, fleet: Fleet, owner: asyncpg.Connection,
    taken: bool,
) -> None:  # fmt: skip
    """Without the wait for the PUBACK, what the broker never read counts as published."""
    sent: list[str] = []
    address = replace(mosquitto.address, port=broker_proxy.port)
    async with (
        returning_fleet(mosquitto.address, lambda _id: False) as pumps,
        open_channel(address) as channel,
    ):
        for _ in range(3):
            seen = len(pumps.away)
            if taken:
                broker_proxy.swallowed.clear()
                broker_proxy.cut_instead_of_reply(PUBACK)
                sent.append(await channel.send())
                await asyncio.wait_for(broker_proxy.swallowed.wait(), 30)
            else:
                mosquitto.freeze()
                sent.append(await channel.send())
                await until(lambda: _is_claimed(owner))
            await broker_proxy.become("refuse")
            mosquitto.kill()
            broker_proxy.cut()
            mosquitto.start()
            await until(partial(_is_back, pumps, seen))  # else it would miss the second copy
            await broker_proxy.become("pass")
            await channel.reaches(sent[-1], "published")
        last = await channel.send()

        async def arrived() -> bool:
            return last in pumps.copies

        await until(arrived)
    assert set(pumps.copies) == {*sent, last}
    assert max(pumps.copies.values()) <= 2


async def _is_back(fleet: ReturningFleet, seen: int) -> bool:
    return len(fleet.away) > seen


async def _is_claimed(owner: asyncpg.Connection) -> bool:
    return bool(
        await owner.fetchval("SELECT count(*) FROM device_console.outbox WHERE leased_until > now()")
    )  # fmt: skip


async def test_nothing_of_a_command_is_locked_while_the_broker_is_silent(
    open_channel: OpenChannel, fleet: Fleet, owner: asyncpg.Connection, database: Database
) -> None:
    """Without leases outside of device_commands, an answer waits as long as the broker does."""
    patient = WorkerSettings(dispatch=DispatchSettings(lease_s=60, puback_timeout_s=50))
    with start_broker("mosquitto") as broker:
        async with open_channel(broker.address, settings=patient) as channel:
            broker.freeze()
            try:
                command_id = await channel.send()
                await until(lambda: _is_claimed(owner))
                await until(lambda: _nobody_holds_a_lock(owner), 10)
                async with owner.transaction():
                    await owner.execute("SELECT FROM device_commands FOR UPDATE NOWAIT")
                answer = Acknowledgement("acme", "pump-1", command_id, '{"status":"ok","details":null}')
                settling = SettlementStore(database).acknowledge([answer], [], LateAck.ACCEPT)
                assert [outcome.value for outcome in await asyncio.wait_for(settling, 10)] == ["acked"]
                assert await _is_claimed(owner)  # all of that was while it waited
            finally:
                broker.thaw()


async def _nobody_holds_a_lock(owner: asyncpg.Connection) -> bool:
    held = await owner.fetchval(
        "SELECT count(*) FROM pg_locks WHERE relation = 'device_commands'::regclass AND pid <> pg_backend_pid()"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return not held and await _is_claimed(owner)


@pytest.mark.slow
@pytest.mark.parametrize("lease_s", ["2", "30"], ids=["the lease ended", "the lease lasts"])
async def test_a_dispatcher_that_was_paused_past_a_deadline_publishes_nothing(
    mosquitto: BrokerProcess,
    fleet: Fleet,
    owner: asyncpg.Connection,
    access: Access,
    tmp_path: Path,
    lease_s: str,
) -> None:
    """Without the second look at the deadline, what was claimed in time goes out too late."""
    env = environment(
        tmp_path, access.url, mosquitto.address, failpoint="console.store.outbox:OutboxStore.claim:pause:1",
        CONSOLE_TEST_LEASE_S=lease_s,
    )  # fmt: skip
    async with device(mosquitto.address, "+") as pumps, program(env, "--sweeper") as worker:
        await worker.ready()
        await add_command(owner, "acme", "over", ttl=timedelta(seconds=3))
        await queue(owner, "over")
        await until(lambda: _is_stopped(worker.pid))
        assert await _is_claimed(owner)
        assert await owner.fetchval("SELECT expires_at > now() FROM device_commands")
        await until(lambda: _is_over(owner, "over"))
        worker.signal(signal.SIGCONT)
        await add_command(owner, "acme", "fine", age=timedelta(minutes=1))

        async def settled() -> bool:
            return (await status_of(owner, "over"), await status_of(owner, "fine")) == (
                "expired",
                "delivered",
            )

        await until(settled)
    assert [command["command_id"] for command in pumps.commands] == ["fine"]
    assert (await row_of(owner, "over"))["published_at"] is None


async def _is_stopped(pid: int) -> bool:
    return state(pid) == "T"


async def _is_over(owner: asyncpg.Connection, command_id: str) -> bool:
    sql = "SELECT now() >= expires_at FROM device_commands WHERE command_id = $1"
    return bool(await owner.fetchval(sql, command_id))


async def test_a_bulk_send_whose_replies_are_lost_makes_each_command_once(
    database_proxy: Proxy, access: Access, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without ids that follow from batch and device, each lost reply to a COMMIT doubles a piece."""
    devices = [f"unit-{n}" for n in range(2_500)]
    await add_devices(owner, "acme", devices)
    database = Database(Access(through(access.url, database_proxy.port)))
    await database.open()
    bulk = wire_program(database, tenants=("acme",), operator="alice").bulk
    job = bulk.job("ping", "{}", DEFAULT_TTL, "alice", device_ids=devices, target="all")
    database_proxy.cut_instead_of_reply(b"COMMIT\x00")
    with pytest.raises(DatabaseUnreachableError):
        await bulk.begin("acme", job)
    await bulk.begin("acme", job)
    for piece in (1, 2, 3):
        assert database_proxy.swallowed.is_set()
        database_proxy.swallowed.clear()
        database_proxy.cut_instead_of_reply(b"COMMIT\x00", occurrence=2 if piece == 2 else 1)
        job.done = (piece - 1) * 1_000  # from here on, also over what the run before has done
        await bulk.run("acme", job)
    assert database_proxy.swallowed.is_set()
    await database.close()
    for table in ("device_commands", "device_console.outbox", "device_console.batch_members"):
        assert await owner.fetchval(f"SELECT count(*) FROM {table}") == 2_500, table
    assert await owner.fetchval("SELECT count(DISTINCT device_id) FROM device_commands") == 2_500
    assert await owner.fetchval("SELECT count(*) FROM device_console.batches") == 1


@pytest.mark.mqtt5
async def test_a_refusal_and_its_reason_stand_where_an_operator_looks(
    access: Access, fleet: Fleet, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    """Without the reason in the problems, an operator sees a command that waits for no reason at all."""
    rules = tmp_path / "acl"
    rules.write_text("topic read #\n")
    os.chmod(tmp_path, 0o755)
    await add_command(owner, "acme", "denied", age=timedelta(minutes=1))
    with start_broker("mosquitto", f"acl_file {rules}") as broker:
        env = environment(tmp_path, access.url, broker.address)
        async with terminal(env, columns=160, rows=30) as screen:

            async def reported() -> bool:
                return bool(
                    await owner.fetchval(
                        "SELECT count(*) FROM device_console.problems WHERE command_id = 'denied'"
                    )
                )

            await screen.shows("pump-1")
            await until(reported)
            screen.type("p")
            await screen.shows("the broker refused the command: not authorized")
            await screen.shows("denied")
        for words in (["problems"], ["show", "denied"]):
            process = await start_program(
                "console", *words, env=env, cwd=REPOSITORY, stdout=PIPE, stderr=STDOUT
            )
            message, _ = await process.communicate()
            assert process.returncode == 0, message
            assert b"not authorized (0x87)" in message, words
