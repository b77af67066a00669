"""The fold costs a command the same however far the tables around it have grown since its plan was made."""

import asyncpg
import pytest

from tests.rows import add_tenant
from tests.store.test_plans import blocks

BATCH = 50
BLOCKS = 60.0  # a command: some 30 are needed; each table that is read whole for each command has hundreds
COMMANDS = (
    "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, status, published_at, acked_at, ack_details)"
    " SELECT 'acme', $1 || md5(n::text), 'pump-' || n, 'ping', CASE WHEN $2 THEN 'expired' ELSE 'delivered' END, now() - interval '1 s',"
    ' CASE WHEN NOT $2 THEN now() END, CASE WHEN NOT $2 THEN \'{"status": "hot"}\'::jsonb END FROM generate_series(1, $3::int) n'
)
EVENT = (
    "INSERT INTO device_console.ended_events (tenant_id, outcome, ended_at, command_ids)"
    " SELECT 'acme', $2, now(), array_agg(command_id) FROM device_commands WHERE command_id LIKE $1 || '%'"
)
GROWTH = (
    "INSERT INTO device_registry (tenant_id, device_id, site_id, model) SELECT 'acme', 'other-' || n, 's', 'm' FROM generate_series(1, 6000) n",
    "INSERT INTO device_console.batch_members SELECT 'acme', 'b', md5(n::text) FROM generate_series(1, 6000) n",
    (
        "INSERT INTO device_console.journal (tenant_id, command_id, kind, outcome) SELECT 'acme', md5(n::text), 'unsent', 'refused'"
        " FROM generate_series(1, 6000) n"
    ),
    (
        "INSERT INTO device_console.hour_groups SELECT 'acme', now() - n * interval '1 hour', k, 'other', '{1,1,1,1,1}'"
        " FROM generate_series(1, 1000) n, unnest(ARRAY['site', 'model', 'type', 'fw', 'sender', 'reason']) k"
    ),
    (
        "INSERT INTO device_console.minute_totals SELECT 'acme', now() - n * interval '1 minute', 1, '{1,1,1,1,1}', '{}'"
        " FROM generate_series(1, 6000) n"
    ),
    "INSERT INTO device_console.type_latency SELECT 'rival', md5(n::text), '', 1, '{1}' FROM generate_series(1, 6000) n",
    (
        "INSERT INTO device_console.recent_ends SELECT 'rival', md5(n::text), now(), 'missed', '', '', '', '', '', '', NULL, ''"
        " FROM generate_series(1, 6000) n"
    ),
)
FOLD = "SELECT * FROM device_console.fold(2000)"


@pytest.mark.parametrize("outcome", ["acked", "late", "expired"])
@pytest.mark.parametrize("analysed", [False, True])
async def test_the_fold_costs_the_same_on_tables_that_grew(
    owner: asyncpg.Connection, database_url: str, outcome: str, *, analysed: bool
) -> None:
    """Without lookups that only a key can answer, the fold of a fresh installation reads whole tables for each command."""
    await add_tenant(owner, "acme")
    if analysed:
        await owner.execute("ANALYZE")
    worker = await asyncpg.connect(database_url)
    for turn in range(6):
        await owner.execute(COMMANDS, f"first{turn}", outcome == "expired", 3)
        await owner.execute(EVENT, f"first{turn}", outcome)
        await worker.fetch(FOLD)
    await owner.execute(COMMANDS, "old", False, 6_000)
    for statement in GROWTH:
        await owner.execute(statement)
    await owner.execute(COMMANDS, "new", outcome == "expired", BATCH)
    if outcome == "late":
        await owner.execute("UPDATE device_commands SET ack_details = NULL WHERE command_id LIKE 'new%'")
    await owner.execute(EVENT, "new", outcome)
    assert await blocks(worker, FOLD) / BATCH < BLOCKS
    counted = "SELECT sum(n) FROM device_console.minute_totals, unnest(ended) n WHERE sent = 0"
    assert await owner.fetchval(counted) == 6 * 3 + BATCH
    await worker.close()
