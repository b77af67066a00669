"""Whoever is not alive holds nothing for long, and one that wakes up does no harm."""

import asyncio
import json
import signal
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from console.clock import SystemClock
from console.domain.acks import Acknowledgement, LateAck
from console.domain.events import Problem, ProblemKind
from console.errors import LeaseLostError
from console.mqtt.session import BrokerAddress
from console.runtime.leases import Leases
from console.store.access import Access
from console.store.leases import DISPATCH, SIMULATOR, SWEEP, ingest_role, is_alive, lease_holders
from console.store.pool import Database
from console.store.settlement import SettlementStore
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.devices import device, ok, say, silent
from tests.faults.postgres import through
from tests.faults.processes import Running, environment, program
from tests.faults.proxy import Proxy, proxy
from tests.faults.terminal import Terminal, state, terminal
from tests.rows import add_command, row_of
from tests.waiting import until

INGEST = ingest_role(0)
AGE = "UPDATE device_console.leases SET beat_at = clock_timestamp() - interval '11 seconds' WHERE role = $1"


async def holder_pid(owner: asyncpg.Connection, role: str = INGEST) -> int | None:
    """Which process holds this role and gives signs of life."""
    pid: int | None = await owner.fetchval(
        "SELECT pid FROM device_console.leases WHERE role = $1 AND NOT device_console.is_stale(beat_at)"
        " AND (link <> '' OR role NOT LIKE 'ingest %')",
        role,
    )
    return pid


async def stopped(screen: Terminal) -> None:
    async def is_so() -> bool:
        return screen.process is not None and state(screen.process.pid) == "T"

    await until(is_so)


async def test_a_role_passes_on_when_its_holder_gives_no_sign_of_life(
    access: Access, owner: asyncpg.Connection
) -> None:
    """Without the age of the beat, a stopped process holds its role for ever."""
    one, two = Leases(access, SystemClock(), "one"), Leases(access, SystemClock(), "two")
    try:
        first = await one.take(INGEST)
        assert first is not None
        assert await two.take(INGEST) is None
        await owner.execute(AGE, INGEST)
        second = await two.take(INGEST)
        assert second is not None
        assert second.token > first.token
        assert await one.take(INGEST) is None
        assert not await one.still_holds(first)
        with pytest.raises(LeaseLostError):
            await first.until_lost()
        await two.give(second)
        assert await one.take(INGEST) is not None
    finally:
        await one.close()
        await two.close()
    assert await owner.fetchval("SELECT count(*) FROM device_console.leases") == 0


async def test_a_beat_from_the_future_is_no_sign_of_life(access: Access, owner: asyncpg.Connection) -> None:
    """Without it, a server whose clock was set back keeps a dead holder for as long as that was."""
    one, two = Leases(access, SystemClock(), "one"), Leases(access, SystemClock(), "two")
    try:
        assert await one.take(SIMULATOR) is not None
        await owner.execute(
            "UPDATE device_console.leases SET beat_at = clock_timestamp() + interval '1 hour'"
        )
        assert await two.take(SIMULATOR) is not None
    finally:
        await one.close()
        await two.close()


async def test_a_shared_role_has_any_number_of_holders(access: Access, database: Database) -> None:
    """Without sharing, the second dispatcher would stand by."""
    one, two = Leases(access, SystemClock(), "one"), Leases(access, SystemClock(), "two")
    try:
        async with one.holding(DISPATCH, shared=True), two.holding(DISPATCH, shared=True):
            holders = await lease_holders(database)
            assert [(holder.role, holder.program) for holder in holders] == [
                (DISPATCH, "one"),
                (DISPATCH, "two"),
            ]
            assert is_alive(holders, DISPATCH)
            assert not is_alive(holders, SWEEP)
        assert await lease_holders(database) == ()
    finally:
        await one.close()
        await two.close()


@pytest.mark.parametrize("beside", ["nothing", "a problem"])
async def test_a_lost_lease_commits_no_answer(
    access: Access, database: Database, owner: asyncpg.Connection, fleet: Fleet, beside: str
) -> None:
    """Without the fence, a process that wakes up writes beside its successor."""
    await add_command(owner, fleet.acme, "c1", published=True)
    ack = Acknowledgement(fleet.acme, fleet.device, "c1", json.dumps({"status": "ok", "details": None}), ())
    found = [Problem(fleet.acme, ProblemKind.MALFORMED_ACK, "", "", "x")] if beside == "a problem" else []
    one, two = Leases(access, SystemClock(), "one"), Leases(access, SystemClock(), "two")
    try:
        first = await one.take(INGEST)
        assert first is not None
        await owner.execute(AGE, INGEST)
        second = await two.take(INGEST)
        assert second is not None
        with pytest.raises(LeaseLostError):
            await SettlementStore(database, first.token).acknowledge([ack], found, LateAck.ACCEPT)
        assert (await row_of(owner, "c1"))["status"] == "queued"
        await SettlementStore(database, second.token).acknowledge([ack], found, LateAck.ACCEPT)
        assert (await row_of(owner, "c1"))["status"] == "delivered"
    finally:
        await one.close()
        await two.close()


async def test_a_take_over_waits_for_no_commit_that_hangs(
    access: Access, database: Database, owner: asyncpg.Connection
) -> None:
    """Without skipping it, the successor stands in line behind the transaction of a stopped process."""
    one, two = Leases(access, SystemClock(), "one"), Leases(access, SystemClock(), "two")
    try:
        first = await one.take(INGEST)
        assert first is not None
        await owner.execute(AGE, INGEST)
        async with database.fleet_session() as connection:
            await connection.execute("SELECT device_console.fence($1)", first.token)
            async with asyncio.timeout(4):  # less than the time-out of a lock
                assert await two.take(INGEST) is None
        assert await two.take(INGEST) is not None
    finally:
        await one.close()
        await two.close()


async def test_a_transaction_of_a_stopped_process_ends(database: Database, owner: asyncpg.Connection) -> None:
    """Without its time-out, rows that it has locked stay locked for as long as it is stopped."""
    async with database.fleet_session() as connection:
        assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "10s"


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_a_standby_takes_over_from_a_stopped_process(
    mosquitto: BrokerProcess, access: Access, owner: asyncpg.Connection, fleet: Fleet, tmp_path: Path
) -> None:
    """Without leases that go stale, answers wait at the broker until the stopped process goes on."""
    env = environment(tmp_path, access.url, mosquitto.address)
    async with AsyncExitStack() as stack:
        workers: dict[int, Running] = {}
        for _ in range(2):
            running = await stack.enter_async_context(program(env, "--sweeper"))
            await running.ready()
            workers[running.pid] = running

        async def somebody() -> bool:
            return await holder_pid(owner) in workers

        await until(somebody)
        held = await holder_pid(owner)
        assert held is not None
        stopped = workers[held]
        stopped.signal(signal.SIGSTOP)
        began = asyncio.get_running_loop().time()
        await add_command(owner, fleet.acme, "c1", published=True)
        await say(mosquitto.address, "tenant/acme/device/pump-1/commands/ack", ok({"command_id": "c1"}))

        async def answered() -> bool:
            return bool((await row_of(owner, "c1"))["status"] == "delivered")

        await until(answered)
        print(f"taken over after {asyncio.get_running_loop().time() - began:.1f} s")
        successor = next(pid for pid in workers if pid != held)

        async def passed_on() -> bool:
            return await holder_pid(owner) == successor

        await until(passed_on)
        stopped.signal(signal.SIGCONT)

        async def found_out() -> bool:
            return any("stopped, asleep or cut off" in line for line in stopped.message)

        await until(found_out)
        await say(mosquitto.address, "tenant/acme/device/pump-1/commands/ack", ok({"command_id": "c1"}))

        async def heard_again() -> bool:
            return bool(
                await owner.fetchval(
                    "SELECT count(*) FROM device_console.problems WHERE kind = 'duplicate ack'"
                )
            )

        await until(heard_again)
        assert await holder_pid(owner) == successor
        assert (await row_of(owner, "c1"))["status"] == "delivered"


@pytest.mark.mosquitto
@pytest.mark.soak
@pytest.mark.parametrize(
    "what", ["database cut off", "both cut off", "broker cut off", "stopped with both links"]
)
async def test_a_standby_takes_over_from_one_that_is_cut_off(
    database_proxy: Proxy, mosquitto: BrokerProcess, access: Access, owner: asyncpg.Connection, fleet: Fleet,
    tmp_path: Path, what: str,
) -> None:  # fmt: skip
    """Without leases that go stale and links that are asked, a cut cable keeps the answers where nobody reads them."""
    async with proxy(("127.0.0.1", mosquitto.port)) as broker_proxy, AsyncExitStack() as stack:
        far = environment(
            tmp_path / "far",
            through(access.url, database_proxy.port),
            BrokerAddress("127.0.0.1", broker_proxy.port),
        )
        holder = await stack.enter_async_context(program(far, "--sweeper"))
        await holder.ready()

        async def holds(pid: int) -> bool:
            return await holder_pid(owner) == pid

        await until(lambda: holds(holder.pid))
        near = environment(tmp_path / "near", access.url, mosquitto.address)
        standby = await stack.enter_async_context(program(near, "--sweeper"))
        await standby.ready()
        if "database" in what or "both" in what:
            await database_proxy.become("black hole")
        if "broker" in what or "both" in what:
            await broker_proxy.become("black hole")
        if "stopped" in what:
            holder.signal(signal.SIGSTOP)
        began = asyncio.get_running_loop().time()
        await add_command(owner, fleet.acme, "c1", published=True, ttl=timedelta(seconds=5))
        await say(mosquitto.address, "tenant/acme/device/pump-1/commands/ack", ok({"command_id": "c1"}))

        async def answered() -> bool:
            return bool((await row_of(owner, "c1"))["status"] == "delivered")

        await until(answered)
        print(f"{what}: taken over after {asyncio.get_running_loop().time() - began:.1f} s")
        await until(lambda: holds(standby.pid))
        if what != "broker cut off":  # that one gave the slot back: nobody was silent
            gap = await owner.fetchval(
                "SELECT device_console.ingest_gap_s(expires_at, acked_at) FROM device_commands WHERE command_id = 'c1'"
            )
            assert gap > 5
        await database_proxy.become("pass")
        await broker_proxy.become("pass")
        database_proxy.cut()
        broker_proxy.cut()
        holder.signal(signal.SIGCONT)
        await say(mosquitto.address, "tenant/acme/device/pump-2/commands/ack", ok({"command_id": "c1"}))

        async def forged() -> bool:
            count = await owner.fetchval(
                "SELECT count(*) FROM device_console.problems WHERE kind = 'forged ack'"
            )
            return bool(count == 1)

        await until(forged)
        assert holder.alive
        assert await holds(standby.pid)


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_ctrl_z_gives_every_role_back_first(
    mosquitto: BrokerProcess, access: Access, owner: asyncpg.Connection, fleet: Fleet, tmp_path: Path
) -> None:
    """Without it, a screen that its operator puts to sleep keeps the answers to itself for ten seconds."""
    env = environment(tmp_path, access.url, mosquitto.address)
    async with terminal(env) as screen:
        assert screen.process is not None
        pid = screen.process.pid

        async def holds() -> bool:
            return await holder_pid(owner) == pid

        await until(holds)
        await screen.shows("sweep on")
        screen.type("\x1a")
        await stopped(screen)
        assert await owner.fetchval("SELECT count(*) FROM device_console.leases") == 0
        screen.process.send_signal(signal.SIGCONT)
        await until(holds)
        await screen.shows("sweep on")


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_a_shell_takes_over_from_another_one(
    mosquitto: BrokerProcess, access: Access, owner: asyncpg.Connection, fleet: Fleet, tmp_path: Path
) -> None:
    """Without going on to look, a shell that found the workers of another waits in vain once those have ended."""
    env = environment(tmp_path, access.url, mosquitto.address)

    async def is_published(command_id: str) -> bool:
        row = await owner.fetchrow(
            "SELECT published_at FROM device_commands WHERE command_id = $1", command_id
        )
        return row is not None and row["published_at"] is not None

    async def answer(device_id: str, command_id: str) -> None:
        await say(
            mosquitto.address, f"tenant/acme/device/{device_id}/commands/ack", ok({"command_id": command_id})
        )

    async with (
        device(mosquitto.address, "+", silent),
        program(env, "send", "pump-1", "ping", "--wait", "--ttl", "10m", "--id", "first") as first,
    ):
        await until(lambda: is_published("first"))
        async with program(
            env, "send", "pump-2", "ping", "--wait", "--ttl", "10m", "--id", "second"
        ) as second:
            await until(lambda: is_published("second"))  # by the workers of the first
            await answer("pump-1", "first")
            assert await first.ended() == 0
            await answer("pump-2", "second")  # nobody reads it, until the second looks again
            assert await second.ended() == 0
