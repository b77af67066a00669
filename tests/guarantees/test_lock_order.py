"""Writers that meet in the worst order: a third transaction holds the row that makes the meeting certain."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from console.domain.acks import Acknowledgement, LateAck
from console.domain.acks import Outcome as AckOutcome
from console.domain.dispatch import Returned
from console.domain.events import Problem, ProblemKind
from console.domain.reasons import Outcome
from console.store.outbox import OutboxStore
from console.store.pool import Database
from console.store.settlement import BEGINNING, SettlementStore
from tests.conftest import Fleet
from tests.rows import add_command
from tests.waiting import until

HOLDER = UUID(int=7)


@pytest.fixture
async def third(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def waiting(owner: asyncpg.Connection) -> int:
    return int(
        await owner.fetchval(
            "SELECT count(DISTINCT l.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
            " WHERE NOT l.granted AND a.datname = current_database()"
        )
    )


async def test_a_lease_given_back_too_late_never_deadlocks_with_the_sweep(
    database: Database, owner: asyncpg.Connection, third: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without SKIP LOCKED in both, they wait for the third, and for each other's outbox rows."""
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, expires_at)"
        " SELECT 'acme', 'c' || n, 'pump-' || n, 'ping', now() - interval '1 minute' + interval '1 s' * n"
        " FROM generate_series(1, 2) n"
    )
    await owner.execute(
        "INSERT INTO device_console.outbox (tenant_id, command_id, device_id, holder, leased_until)"
        " SELECT tenant_id, command_id, device_id, $1, now() FROM device_commands ORDER BY command_id",
        HOLDER,
    )
    late = [Returned("acme", command_id, Outcome.UNKNOWN, "no answer", 0.0) for command_id in ("c2", "c1")]
    outbox, settlement = OutboxStore(database), SettlementStore(database)
    async with third.transaction():
        await third.execute("SELECT FROM device_console.outbox WHERE command_id = 'c1' FOR UPDATE")
        async with asyncio.TaskGroup() as group:  # neither waits for the third, nor for the other
            group.create_task(outbox.release(HOLDER, late))
            swept = group.create_task(settlement.sweep(BEGINNING, 100))
        assert swept.result().expired == 1
    assert (await settlement.sweep(BEGINNING, 100)).expired == 1
    assert await owner.fetchval("SELECT count(*) FROM device_console.outbox") == 0


async def test_trimming_the_problems_never_deadlocks_with_counting_them(
    database: Database, owner: asyncpg.Connection, third: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without SKIP LOCKED in the trimming, the two wait for each other's rows."""
    settlement = SettlementStore(database)
    first, second = (Problem("acme", ProblemKind.FORGED_ACK, "pump-1", c, "forged") for c in ("c1", "c2"))
    await settlement.record([second])
    await settlement.record([first])
    await owner.execute(
        "UPDATE device_console.problems SET last_at = now() + interval '1 s' * 5 WHERE command_id = 'c2'"
    )
    async with asyncio.TaskGroup() as group, third.transaction():
        await third.execute("SELECT FROM device_console.problems WHERE command_id = 'c1' FOR UPDATE")
        group.create_task(settlement.record([first, second]))

        async def counting_waits() -> bool:
            return await waiting(owner) == 1

        await until(counting_waits)
        trimmed = group.create_task(settlement.trim_problems(0))

        async def trimmed_or_waits() -> bool:
            return trimmed.done() or await waiting(owner) == 2

        await until(trimmed_or_waits)
    assert trimmed.result() == 1
    counts = await owner.fetch("SELECT command_id, count FROM device_console.problems ORDER BY command_id")
    assert [tuple(row) for row in counts] == [("c1", 2), ("c2", 1)]


async def test_a_late_answer_that_waits_holds_no_other_row(
    database: Database, owner: asyncpg.Connection, third: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without giving its rows up first, a batch holds the queued ones while it waits for a settled one before them."""
    await add_command(owner, fleet.acme, "c1", status="missed", ttl=timedelta(seconds=-1), published=True)
    await add_command(owner, fleet.acme, "c2")
    acks = [Acknowledgement("acme", "pump-1", c, '{"status":"ok","details":null}') for c in ("c1", "c2")]
    async with asyncio.TaskGroup() as group, third.transaction():
        await third.execute("SELECT FROM device_commands WHERE command_id = 'c1' FOR UPDATE")
        taken = group.create_task(SettlementStore(database).acknowledge(acks, [], LateAck.ACCEPT))

        async def it_waits() -> bool:
            return await waiting(owner) == 1

        await until(it_waits)
        await third.execute("SELECT FROM device_commands WHERE command_id = 'c2' FOR UPDATE NOWAIT")
    assert taken.result() == (AckOutcome.LATE, AckOutcome.ACKED)
