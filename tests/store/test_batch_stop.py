"""A stop keeps its word also against a piece that is being committed at that moment."""

import asyncio
import uuid
from datetime import timedelta

import asyncpg

from console.runtime.program import Program
from console.store.batches import BatchStore
from console.store.outbox import OutboxStore
from console.store.pool import Database
from console.store.sql import query
from tests.conftest import Fleet
from tests.waiting import until


async def test_a_stop_takes_back_the_piece_that_was_under_way(
    program: Program, database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the lock on the batch, the stop finds nothing and the piece goes out behind it."""
    devices = ["pump-1", "pump-2"]
    job = program.bulk.job("ping", "{}", timedelta(hours=1), "alice", device_ids=devices, target="pumps")
    await program.bulk.begin("acme", job)
    draft = job.draft
    async with database.tenant_session("acme") as piece:
        added = await piece.fetchval(
            query("batch_insert"), "acme", draft.batch_id, [draft.command_id(d) for d in devices], devices,
            [None, None], "ping", "{}", 3600.0, "alice",
        )  # fmt: skip
        assert added == 2
        stopping = asyncio.create_task(BatchStore(database).stop("acme", draft.batch_id, "bob"))

        async def waits() -> bool:
            return stopping.done() or await owner.fetchval(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')"
            )

        await until(waits)
    assert await stopping == 2
    statuses = await owner.fetch("SELECT DISTINCT status FROM device_commands")
    assert [row["status"] for row in statuses] == ["expired"]
    assert await owner.fetchval("SELECT count(*) FROM device_console.outbox") == 0


async def test_nothing_is_committed_behind_a_stop_that_is_not_committed_yet(
    program: Program, database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the lock on the batch, a piece does not see the stop that comes first."""
    job = program.bulk.job("ping", "{}", timedelta(hours=1), "alice", device_ids=["pump-1"], target="pumps")
    await program.bulk.begin("acme", job)
    async with database.tenant_session("acme") as stop:
        await stop.execute(query("batch_stop"), "acme", job.draft.batch_id, "bob")
        sending = asyncio.create_task(program.bulk.run("acme", job))

        async def waits() -> bool:
            return sending.done() or await owner.fetchval(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')"
            )

        await until(waits)
    await sending
    assert job.committed == 0
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 0


async def test_what_of_a_stopped_batch_is_not_taken_back_yet_is_not_published(
    program: Program, database: Database, fleet: Fleet
) -> None:
    """Without the look at the batch, the dispatcher goes on with it while the stop takes back a thousand at a time."""
    job = program.bulk.job("ping", "{}", timedelta(hours=1), "alice", device_ids=["pump-1"], target="pumps")
    await program.bulk.begin("acme", job)
    await program.bulk.run("acme", job)
    draft = program.sender.draft("pump-2", "ping")
    (other,) = (await program.sender.send("acme", [draft])).command_ids
    async with database.tenant_session("acme") as stop:
        await stop.execute(query("batch_stop"), "acme", job.draft.batch_id, "bob")
    claimed = await OutboxStore(database).claim(uuid.uuid4(), 10, 15.0, 65_536)
    assert [command.command_id for command in claimed] == [other]
    assert await BatchStore(database).stop("acme", job.draft.batch_id, "bob") == 1
