"""Plans that were made while the tables were empty: what answers and the sweep cost a row stays the same as they grow.

A fresh installation meets exactly that: sessions plan their statements once, and nobody analyses before the tables
have grown.
"""

import json
from collections.abc import AsyncIterator

import asyncpg
import pytest

from console.store.batches import BatchStore
from console.store.pool import Database
from console.store.sql import query
from tests.rows import add_devices, add_tenant

BATCH, HISTORY = 50, 6_000
BLOCKS = (
    60.0  # a row: some 20 are needed; the history has 150, and 6,000 rows to be read by an index for a batch
)
SWEPT_BLOCKS = {  # a row, 18, 32, 27 and 46 are needed; reading the table once for a batch takes 7 more
    (True, False): 22.0, (True, True): 40.0, (False, False): BLOCKS, (False, True): BLOCKS,
}  # fmt: skip
KINDS = ("usual", "late", "copies")
GROW = (
    "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, command_params, status, published_at,"
    " acked_at, ack_details, expires_at, created_at)"
    " SELECT 'acme', $1 || md5(n::text), 'pump-1', 'ping', '{\"delay_s\": 5}', $2, now() - interval '1 h',"
    " CASE WHEN $2 = 'delivered' THEN now() END, CASE WHEN $2 = 'delivered' THEN '{\"status\": \"ok\", \"details\": null}'::jsonb END,"
    " now() + $3 * interval '1 h' - n * interval '1 ms', now() - n * interval '1 s' FROM generate_series(1, $4::int) n"
)
QUEUE = (
    "INSERT INTO device_console.outbox (tenant_id, command_id, device_id, outcome, last_error)"
    " SELECT tenant_id, command_id, device_id, 'refused', 'quota' FROM device_commands WHERE status = 'queued'"
)
ACKNOWLEDGE = "SELECT * FROM device_console.acknowledge_fenced(NULL, '500ms', $1, $2, $3, $4, true)"
SWEEP = "SELECT missed FROM device_console.sweep('-infinity', 'infinity', '-infinity', 50)"
DELIVERED = "SELECT count(*) FROM device_commands WHERE status = 'delivered' AND command_id LIKE 'new%'"
ACK = '{"status":"ok","details":null}'
Lists = tuple[list[str], list[str], list[str], list[str]]


@pytest.fixture(params=["new", "known to be empty", "known to be small"])
async def worker(
    request: pytest.FixtureRequest, owner: asyncpg.Connection, database_url: str
) -> AsyncIterator[asyncpg.Connection]:
    """A session that has called both on empty tables, often enough for its plans to be kept."""
    await add_tenant(owner, "acme")
    if request.param == "known to be small":
        await owner.execute(GROW, "few", "delivered", 1, 3)
        await owner.execute(
            "INSERT INTO device_console.outbox (tenant_id, command_id, device_id, due_at)"
            " SELECT tenant_id, command_id, device_id, 'infinity' FROM device_commands"
        )
        await owner.execute(
            "INSERT INTO device_console.journal (tenant_id, command_id, kind)"
            " SELECT tenant_id, command_id, 'progress' FROM device_commands"
        )
    for table in ("public.device_commands", "device_console.outbox", "device_console.journal"):
        await owner.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        if request.param != "new":
            await owner.execute(f"VACUUM ANALYZE {table}")
    connection = await asyncpg.connect(database_url)
    for _ in range(8):
        await connection.fetch(ACKNOWLEDGE, *answers([f"none-{n}" for n in range(20)]))
        await connection.fetch(SWEEP)
    yield connection
    await connection.close()


def answers(commands: list[str]) -> Lists:
    return ["acme"] * len(commands), ["pump-1"] * len(commands), commands, [ACK] * len(commands)


async def blocks(worker: asyncpg.Connection, statement: str, *arguments: object) -> int:
    """How many blocks of shared memory the statement looked at."""
    (row,) = await worker.fetch(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT json) {statement}", *arguments)
    plan = json.loads(row[0])[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def grown(owner: asyncpg.Connection, status: str, expires_h: int) -> list[str]:
    """A history, and a batch of commands of this kind in it, in no order of any index."""
    await owner.execute(GROW, "old", "delivered", 1, HISTORY)
    await owner.execute(GROW, "new", status, expires_h, 4 * BATCH)
    rows = await owner.fetch(
        "SELECT command_id FROM device_commands WHERE command_id LIKE 'new%' LIMIT $1", BATCH
    )
    return [row["command_id"] for row in rows]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_costs_the_same_on_a_table_that_grew(
    owner: asyncpg.Connection, worker: asyncpg.Connection, kind: str
) -> None:
    """Without the pinned plans, each answer of a fresh installation reads the whole table."""
    commands = await grown(owner, "missed" if kind == "late" else "queued", -1 if kind == "late" else 1)
    if kind == "copies":
        await worker.fetch(ACKNOWLEDGE, *answers(commands))
    assert await blocks(worker, ACKNOWLEDGE, *answers(commands)) / BATCH < BLOCKS
    assert await owner.fetchval(DELIVERED) == BATCH


async def test_answers_that_differ_cost_the_same_beside_a_long_journal(
    owner: asyncpg.Connection, worker: asyncpg.Connection
) -> None:
    """Without the pinned plans, each answer that differs reads the whole journal."""
    commands = await grown(owner, "queued", 1)
    await worker.fetch(ACKNOWLEDGE, *answers(commands))
    await owner.execute(
        "INSERT INTO device_console.journal (tenant_id, command_id, kind, detail)"
        " SELECT 'acme', md5(n::text), 'conflict', repeat('x', 300) FROM generate_series(1, 6000) n"
    )
    lists = answers(commands)
    other = (*lists[:3], [ACK.replace("ok", "error")] * BATCH)
    assert await blocks(worker, ACKNOWLEDGE, *other) / BATCH < BLOCKS
    assert (
        await owner.fetchval("SELECT count(*) FROM device_console.journal WHERE command_id LIKE 'new%'")
        == BATCH
    )


@pytest.mark.parametrize("waiting", [False, True])
@pytest.mark.parametrize("is_first", [True, False])
async def test_settling_costs_the_same_on_a_table_that_grew(
    owner: asyncpg.Connection, worker: asyncpg.Connection, *, is_first: bool, waiting: bool
) -> None:
    """Without the pinned plans, the sweep of a fresh installation reads the table for each row, or sorts its backlog."""
    await grown(owner, "queued", -1)
    if waiting:
        await owner.execute(QUEUE)
    async with owner.transaction():
        if not is_first:
            await owner.execute("SELECT device_console.sweep('infinity', 'infinity', NULL, 1)")
        assert await blocks(worker, SWEEP) / BATCH < SWEPT_BLOCKS[is_first, waiting]
    assert await owner.fetchval("SELECT count(*) FROM device_commands WHERE status = 'missed'") >= BATCH


async def test_progress_and_problems_cost_the_same_on_a_table_that_grew(
    owner: asyncpg.Connection, worker: asyncpg.Connection
) -> None:
    """Without the pinned plans, a batch with one progress word or problem in it reads the whole table for each answer."""
    lock, progress = (
        "SELECT device_console.lock_commands($1, $2)",
        "SELECT * FROM device_console.progressed($1, $2, $3, $4)",
    )
    few = answers(["none"])
    for _ in range(8):
        await worker.fetch(lock, few[0], few[2])
        await worker.fetch(progress, *few)
    lists = answers(await grown(owner, "queued", 1))
    assert await blocks(worker, lock, lists[0], lists[2]) / BATCH < BLOCKS
    assert await blocks(worker, progress, *lists) / BATCH < BLOCKS


async def test_a_single_send_and_its_claim_cost_the_same_on_tables_that_grew(
    owner: asyncpg.Connection, worker: asyncpg.Connection
) -> None:
    """Without the pinned plans, the first send after a fleet was registered reads the registry, and its claim the history."""
    for table in ("device_registry", "device_state"):
        await owner.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
    send = (
        "SELECT * FROM device_console.send('pulse_app', 'acme', '5s', ARRAY[$1], ARRAY[$2], ARRAY['ping'],"
        " ARRAY['{}'], ARRAY[3600.0]::float[], ARRAY['bob'], ARRAY[NULL], false)"
    )
    claim = "SELECT * FROM device_console.claim(gen_random_uuid(), 500, '15 s', 65536, 16)"
    await owner.execute(
        "INSERT INTO device_registry (tenant_id, device_id, site_id) VALUES ('acme', 'one', 'lyon')"
    )
    for n in range(8):
        await worker.fetch(send, f"first-{n}", "one")
        assert len(await worker.fetch(claim)) == 1
        await owner.execute(
            "DELETE FROM device_console.outbox; UPDATE device_commands SET status = 'delivered'"
        )
    await owner.execute(
        "INSERT INTO device_registry (tenant_id, device_id, site_id) SELECT 'acme', md5(n::text), 'lyon' FROM generate_series(1, 6000) n;"
        "INSERT INTO device_state (tenant_id, device_id, site_id) SELECT 'acme', md5(n::text), 'lyon' FROM generate_series(1, 6000) n"
    )
    await owner.execute(GROW, "old", "delivered", 1, HISTORY)
    assert await blocks(worker, send, "new", str(await owner.fetchval("SELECT md5('77')"))) < 90
    assert await owner.fetchval("SELECT count(*) FROM device_console.outbox") == 1
    assert await blocks(worker, claim) < 90
    assert await owner.fetchval("SELECT count(*) FROM device_console.outbox WHERE holder IS NOT NULL") == 1


async def test_what_is_left_of_a_bulk_send_is_found_in_one_look_at_what_it_has(
    owner: asyncpg.Connection, database: Database
) -> None:
    """Without it, going on with a bulk send to 4,000 devices takes 10 s on tables that nobody has analysed, and to 40,000 1,000 s."""
    await add_tenant(owner, "acme")
    devices = [f"pump-{n}" for n in range(1_000)]
    await add_devices(owner, "acme", devices)
    await owner.execute(
        "INSERT INTO device_console.batches (tenant_id, batch_id, command_type, params, ttl_s, target, wanted)"
        " VALUES ('acme', 'b', 'ping', '{}', 3600, 'pump', 1000)"
    )
    await owner.execute(
        "INSERT INTO device_console.batch_targets (tenant_id, batch_id, device_ids) VALUES ('acme', 'b', $1)",
        devices,
    )
    await owner.execute(
        "WITH sent AS (INSERT INTO device_commands (tenant_id, command_id, device_id, command_type)"
        " SELECT 'acme', 'c' || n, 'pump-' || n, 'ping' FROM generate_series(500, 999) n RETURNING command_id)"
        " INSERT INTO device_console.batch_members (tenant_id, batch_id, command_id) SELECT 'acme', 'b', command_id FROM sent"
    )
    async with database.tenant_session("acme") as connection:
        looked_at = await blocks(connection, query("batch_rest"), "acme", "b", True)
    assert looked_at / len(devices) < BLOCKS
    assert [device for device, _ in await BatchStore(database).rest("acme", "b")] == devices[:500]
