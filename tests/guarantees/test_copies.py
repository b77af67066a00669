"""A copy of the database beside its original sends nothing a second time."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from console.clock import SystemClock
from console.errors import CopyError
from console.runtime.contest import Contest
from console.runtime.leases import Leases
from console.store.access import Access
from console.store.leases import SWEEP, ingest_role, is_original
from console.store.pool import Database
from tests.brokers import BrokerProcess, start_broker
from tests.conftest import Fleet, with_database
from tests.devices import device, silent
from tests.faults.processes import environment, program
from tests.rows import add_command
from tests.waiting import until

_numbers = itertools.count()
STOPPED = 2


@pytest.fixture
async def copy_access(
    access: Access, database_url: str, server_url: str, owner: asyncpg.Connection, fleet: Fleet
) -> AsyncIterator[Access]:
    """A copy by template of the test's database, in which a worker has run before."""
    original = Database(access)
    await original.open()
    assert await is_original(original)
    await original.close()
    await add_command(owner, fleet.acme, "c1")
    await owner.execute(
        "INSERT INTO device_console.outbox (tenant_id, command_id, device_id) VALUES ('acme', 'c1', 'pump-1')"
    )
    await owner.close()
    name = f"copy_{os.getpid()}_{next(_numbers)}"
    server = await asyncpg.connect(server_url)
    source = database_url.partition("?")[0].rpartition("/")[2]
    await server.execute(f"CREATE DATABASE {name} TEMPLATE {source}")
    yield Access(with_database(access.url, name))
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


async def test_no_worker_takes_a_role_in_a_copy(access: Access, copy_access: Access) -> None:
    """Without the identity, the workers of a restored dump publish the commands of the original once more."""
    leases = Leases(copy_access, SystemClock(), "worker")
    with pytest.raises(CopyError):
        await leases.take(SWEEP, shared=True)
    copy = Database(copy_access)
    await copy.open()
    assert not await is_original(copy)
    assert await is_original(copy, accept=True)
    await copy.close()
    assert await leases.take(SWEEP, shared=True) is not None
    await leases.close()
    original = Leases(access, SystemClock(), "worker")
    assert await original.take(SWEEP, shared=True) is not None
    await original.close()


@pytest.mark.mosquitto
async def test_a_worker_says_that_it_is_in_a_copy_and_goes_on_when_that_is_accepted(
    copy_access: Access, mosquitto: BrokerProcess, tmp_path: Path
) -> None:
    """Without the flag, a database that was really moved would have no workers any more."""
    env = environment(tmp_path, copy_access.url, mosquitto.address)
    async with program(env, "--sweeper") as refused:
        assert await refused.ended() == STOPPED
        assert any("--accept-copy" in line for line in refused.message)
    async with (
        device(mosquitto.address, "pump-1", silent) as pump,
        program(env, "--sweeper", "--accept-copy") as worker,
    ):
        await worker.ready()
        await asyncio.wait_for(pump.arrived.wait(), 60)


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_a_physical_copy_and_its_original_find_each_other_at_the_broker(
    access: Access, copy_access: Access, database_url: str, tmp_path: Path
) -> None:
    """Without counting who takes the session away, both take it from each other for ever and send everything twice."""
    copied = await asyncpg.connect(
        with_database(database_url, copy_access.url.rpartition("/")[2].partition("?")[0])
    )
    await copied.execute("UPDATE device_console.deployment SET identity = device_console.database_identity()")
    await copied.execute(
        "INSERT INTO device_console.leases (role, holder, is_shared, program, host, pid, machine, beat_at)"
        " VALUES ($1, gen_random_uuid(), false, 'sweeper', 'elsewhere', 1, 'another', now() - interval '1 minute')",
        ingest_role(0),
    )
    await copied.close()
    with start_broker("mosquitto") as broker:
        home, other_home = tmp_path / "one", tmp_path / "two"
        env, other = (
            environment(home, access.url, broker.address),
            environment(other_home, copy_access.url, broker.address),
        )
        async with device(broker.address, "pump-1", silent) as pump, program(env, "--sweeper") as original:
            await original.ready()
            await asyncio.wait_for(pump.arrived.wait(), 60)
            async with program(other, "--sweeper") as copy:
                assert await copy.ended(90) == STOPPED
                assert await original.ended(90) == STOPPED
                for running in (original, copy):
                    assert any("copy of the database" in line for line in running.message), running.message
        assert len(pump.got) == 1


@pytest.mark.mosquitto
async def test_a_worker_starts_on_a_server_that_is_read_only_now(
    access: Access, owner: asyncpg.Connection, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path
) -> None:
    """Without reading before writing, a worker ends at once on a standby that is promoted a minute later."""
    name = await owner.fetchval("SELECT current_database()")
    await owner.execute(f"ALTER ROLE console_login IN DATABASE {name} SET default_transaction_read_only = on")
    try:
        async with program(environment(tmp_path, access.url, mosquitto.address), "--sweeper") as worker:

            async def says_so() -> bool:
                assert worker.alive, worker.message
                return any("read-only" in line for line in worker.message)

            await until(says_so)
            await owner.execute(
                f"ALTER ROLE console_login IN DATABASE {name} RESET default_transaction_read_only"
            )
            await worker.ready()
    finally:
        await owner.execute(
            f"ALTER ROLE console_login IN DATABASE {name} RESET default_transaction_read_only"
        )


class Hands:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


async def test_only_what_repeats_within_a_minute_is_a_contest() -> None:
    """Without the minute, a session that is lost twice in a year stops the workers."""
    from console.errors import TakenOverError

    clock = Hands()
    contest = Contest(clock, lambda: 1.0)
    taken = TakenOverError("taken over", is_certain=True)
    await contest.lost(taken, 1.0)
    clock.now += 61
    await contest.lost(taken, 1.0)
    clock.now += 59
    with pytest.raises(CopyError):
        await contest.lost(taken, 1.0)


async def test_a_broker_that_closes_every_connection_is_no_contest() -> None:
    """Without the look at the other connection, a broker that restarts three times stops the workers."""
    from console.errors import TakenOverError

    began = iter(range(100))  # it is back each time, as another connection
    contest = Contest(Hands(), lambda: float(next(began)))
    for _ in range(4):
        await contest.lost(TakenOverError("it hung up", is_certain=False), 1.0)
        contest.held(was_silent=False)
    await until(contest_is_quiet(contest))


def contest_is_quiet(contest: Contest):
    async def quiet() -> bool:
        await contest.until_quiet()
        return True

    return quiet
