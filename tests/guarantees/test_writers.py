"""Writers that meet each other, and a sweep that is killed in the middle of a batch."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from console.clock import SystemClock
from console.domain.acks import Acknowledgement, LateAck
from console.domain.dispatch import Confirmed, Returned
from console.domain.reasons import Outcome
from console.services.sweeper import Sweeper
from console.store.access import Access
from console.store.batches import BatchStore
from console.store.commands import CommandStore
from console.store.outbox import OutboxStore
from console.store.pool import Database
from console.store.settlement import BEGINNING, Place, SettlementStore, Swept
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.faults.processes import environment, program
from tests.guarantees.test_lock_order import waiting
from tests.guarantees.test_settling import OVERDUE
from tests.rows import log_settling
from tests.waiting import until

HOLDER = UUID(int=7)
ROWS = 60
Writer = Callable[[Database, Sequence[int]], Awaitable[object]]


async def acknowledge(database: Database, order: Sequence[int]) -> None:
    acks = [
        Acknowledgement("acme", f"pump-{n % 5 + 1}", f"c{n}", '{"status":"ok","details":null}') for n in order
    ]
    await SettlementStore(database).acknowledge(acks, [], LateAck.ACCEPT)


async def mark(database: Database, order: Sequence[int]) -> None:
    await OutboxStore(database).mark(
        HOLDER, [Confirmed("acme", f"c{n}", nobody_listens=False) for n in order]
    )


async def release(database: Database, order: Sequence[int]) -> None:
    await OutboxStore(database).release(
        HOLDER, [Returned("acme", f"c{n}", Outcome.UNKNOWN, "no answer", 0.0) for n in order]
    )


async def sweep(database: Database, order: Sequence[int]) -> None:
    """By deadline, which is the other way round than by key."""
    await SettlementStore(database).sweep(BEGINNING, len(order))


async def claim(database: Database, order: Sequence[int]) -> None:
    await OutboxStore(database).claim(HOLDER, len(order), 0.0, 65_536)


async def cancel(database: Database, order: Sequence[int]) -> None:
    store = CommandStore(database)
    middle = len(order) // 2
    for n in order[middle - 2 : middle + 2]:
        await store.cancel("acme", f"c{n}", "bob", "")


async def stop_the_batch(database: Database, _order: Sequence[int]) -> None:
    await BatchStore(database).stop("acme", "b", "bob")


WRITERS: list[Writer] = [acknowledge, mark, release, sweep, claim, cancel, stop_the_batch]
PAIRS = list(itertools.combinations_with_replacement(WRITERS, 2))
FILL = f"""
TRUNCATE device_commands;
TRUNCATE device_console.outbox, device_console.journal, device_console.batch_members, device_console.batches;
INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, expires_at)
SELECT 'acme', 'c' || n, 'pump-' || n % 5 + 1, 'ping', now() - interval '1 s' * n FROM generate_series(1, {ROWS}) n;
INSERT INTO device_console.outbox (tenant_id, command_id, device_id, holder, leased_until)
SELECT tenant_id, command_id, device_id, '{HOLDER}', now() FROM device_commands;
INSERT INTO device_console.batches (tenant_id, batch_id, command_type, params, ttl_s, target, wanted)
VALUES ('acme', 'b', 'ping', '{{}}', 60, 'all', {ROWS});
INSERT INTO device_console.batch_members (tenant_id, batch_id, command_id) SELECT 'acme', 'b', command_id FROM device_commands;
"""


@pytest.fixture
async def third(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("table", ["device_commands", "device_console.outbox"])
async def test_no_two_writers_in_opposite_orders_deadlock(
    database: Database, owner: asyncpg.Connection, third: asyncpg.Connection, fleet: Fleet, table: str
) -> None:
    """Without one order of locks for all, two of them wait for each other: a third holds a row until they have met."""
    wrong: list[str] = []
    up = sorted(range(1, ROWS + 1), key=lambda n: f"c{n}")
    for first, second in PAIRS:
        await owner.execute(FILL)
        async with third.transaction():
            await third.execute(f"SELECT FROM {table} WHERE command_id = $1 FOR UPDATE", f"c{up[ROWS // 2]}")
            tasks = [
                asyncio.ensure_future(writer(database, order))
                for writer, order in ((first, up), (second, up[::-1]))
            ]

            async def they_have_met(tasks: Sequence[asyncio.Future[object]] = tasks) -> bool:
                left = [task for task in tasks if not task.done()]
                return await waiting(owner) >= len(left)

            await until(they_have_met, 30)
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        wrong += [
            f"{first.__name__} and {second.__name__}: {error}" for error in outcomes if error is not None
        ]
    assert wrong == []


@pytest.mark.slow
@pytest.mark.mosquitto
@pytest.mark.parametrize("killed", ["the worker", "its connection"])
async def test_a_sweep_killed_in_the_middle_of_a_batch_leaves_nothing_half_done(
    owner: asyncpg.Connection, third: asyncpg.Connection, access: Access, fleet: Fleet, mosquitto: BrokerProcess,
    tmp_path: Path, killed: str,
) -> None:  # fmt: skip
    """Without one transaction for each batch, a kill leaves commands settled and still in the outbox."""
    await log_settling(owner)
    await owner.execute(OVERDUE, 300)
    await owner.execute(
        "INSERT INTO device_console.outbox (tenant_id, command_id, device_id, due_at)"
        " SELECT tenant_id, command_id, device_id, 'infinity' FROM device_commands"
    )
    await owner.execute(
        "CREATE FUNCTION public.pause() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " PERFORM pg_advisory_xact_lock_shared(77); RETURN OLD; END $$;"
        "CREATE TRIGGER pause BEFORE DELETE ON device_console.outbox FOR EACH ROW"
        " WHEN (OLD.command_id = 'c150') EXECUTE FUNCTION public.pause()"
    )
    sweeping = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND query LIKE '%sweep%' AND pid <> pg_backend_pid()"
    )
    env = environment(tmp_path, access.url, mosquitto.address)
    async with program(env, "--sweeper") as worker:
        async with third.transaction():  # so that it is killed after the statuses and before the outbox
            await third.execute("SELECT pg_advisory_xact_lock(77)")
            await until(lambda: owner.fetchval(sweeping))
            if killed == "the worker":
                worker.kill()
                await worker.ended()
            else:
                assert await owner.fetchval(f"SELECT pg_terminate_backend(({sweeping} LIMIT 1))")
            assert await owner.fetchval("SELECT count(*) FROM device_commands WHERE status = 'queued'") == 300

        async def all_settled() -> bool:
            return not await owner.fetchval("SELECT count(*) FROM device_commands WHERE status = 'queued'")

        if killed == "the worker":
            await until(lambda: _nobody_is_left(owner, third))
            left = await owner.fetchval("SELECT count(*) FROM device_commands WHERE status = 'queued'")
            assert left in {
                0,
                300,
            }  # the server may have ended the statement, which is a transaction, without us
            assert await owner.fetchval("SELECT count(*) FROM device_console.outbox") == left
            async with program(env, "--sweeper"):
                await until(all_settled)
        else:
            await until(all_settled)
            assert worker.alive
    assert await owner.fetchval("SELECT count(*) FROM device_console.outbox") == 0
    assert await owner.fetchval("SELECT count(*) FROM device_console.journal WHERE kind = 'unsent'") == 300
    assert await owner.fetchrow("SELECT count(*), count(DISTINCT command_id) FROM settled") == (300, 300)


async def _nobody_is_left(owner: asyncpg.Connection, third: asyncpg.Connection) -> bool:
    """The backends of a killed process find out one by one."""
    return not await owner.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> ALL ($1)",
        [owner.get_server_pid(), third.get_server_pid()],
    )


async def test_each_batch_of_a_pass_begins_where_the_last_one_ended() -> None:
    """Without the cursor, every batch reads again past all that the pass has settled, while somebody's snapshot lasts."""
    asked: list[str] = []

    class Full:
        async def trim_problems(self, keep: int) -> int:
            return keep

        async def trim_ended(self, keep: int, age_s: float) -> int:
            return int(keep * age_s)

        async def sweep(self, cursor: Place, limit: int) -> Swept:
            asked.append(cursor.up)
            reached = Place(f"after {len(asked)}") if len(asked) < 3 else None
            return Swept(missed=limit if len(asked) <= 3 else 0, expired=0, cursor=reached, lateness_s=0.0)

    await Sweeper(Full(), BEGINNING, lambda _sweep: None, SystemClock(), batch=10).run_once()
    assert asked == [
        BEGINNING.up,
        "after 1",
        "after 2",
        BEGINNING.up,
    ]  # the last one finds that nothing was left
