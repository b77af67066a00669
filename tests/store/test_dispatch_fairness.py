"""The claim on a real PostgreSQL: no row stops another's, and none overtakes one that was there before."""

import uuid
from datetime import timedelta

import asyncpg
import pytest

from console.runtime.program import Program
from console.store.outbox import OutboxStore
from console.store.pool import Database
from tests.conftest import Fleet
from tests.rows import add_command

LEASE_S, MAX = 15.0, 65_536


@pytest.fixture
def outbox(database: Database) -> OutboxStore:
    return OutboxStore(database)


async def _claim(outbox: OutboxStore) -> list[str]:
    return [c.command_id for c in await outbox.claim(uuid.uuid4(), 100, LEASE_S, MAX)]


async def _send(program: Program, device: str = "pump-1", tenant: str = "acme") -> str:
    draft = program.sender.draft(device, "ping")
    return (await program.sender.send(tenant, [draft])).command_ids[0]


async def _due_now(owner: asyncpg.Connection) -> None:
    await owner.execute(
        "UPDATE device_console.outbox SET due_at = now() WHERE due_at < 'infinity' AND holder IS NULL"
    )


async def test_ids_that_are_alike_once_they_are_cut_are_one_problem_and_stop_nobody(
    program: Program, database: Database, outbox: OutboxStore
) -> None:
    """Without the count of equal problems, two rows of one operator end every worker: PostgreSQL refuses the claim."""
    async with database.tenant_session("acme") as operator:
        for end in ("1", "2"):
            await operator.execute(
                "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type) VALUES ('acme', $1, $2, 'ping')",
                "c" * 300 + end, "d" * 300 + end,
            )  # fmt: skip
            await operator.execute(
                "INSERT INTO device_console.outbox (tenant_id, command_id, device_id) VALUES ('acme', $1, $2)",
                "c" * 300 + end, "d" * 300 + end,
            )  # fmt: skip
    theirs = await _send(program, tenant="rival")
    assert await _claim(outbox) == [theirs]
    (problem,) = await program.history.problems("acme")
    assert (problem.kind, problem.count) == ("unroutable", 2)


async def test_equal_problems_are_counted_in_the_statement_that_finds_them(
    owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the count, the window falls back to one statement for each of its commands, as long as it is."""
    ids = ["c" * 300 + end for end in ("1", "2")]
    for command_id in ids:
        await add_command(owner, fleet.acme, command_id)
        await owner.execute(
            "INSERT INTO device_console.outbox (tenant_id, command_id, device_id) VALUES ('acme', $1, 'pump-1')",
            command_id,
        )
    lease = (
        "SELECT l.* FROM (SELECT array_agg(ctid) AS rows FROM device_console.outbox WHERE command_id = ANY ($1)) o,"
        " device_console.lease(gen_random_uuid(), '15 s', 65536, o.rows) l"
    )
    assert await owner.fetch(lease, ids) == []
    assert await owner.fetchval("SELECT count FROM device_console.problems") == 2


async def test_a_foreign_row_that_was_there_before_is_not_overtaken(
    program: Program, outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    """Without the look at older rows, ours goes out first; without its creation in the outbox, also later."""
    await add_command(owner, "acme", "theirs", age=timedelta(seconds=10))
    await _send(program)
    other = await _send(program, "pump-2")
    assert await _claim(outbox) == [other]
    assert await outbox.adopt(5.0, 100) == 1
    await _due_now(owner)
    assert await _claim(outbox) == ["theirs"]


async def test_a_command_alone_does_not_overtake_a_foreign_row_either(
    program: Program, outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    """Without the same look in the short way, what is sent alone goes out before what another program left."""
    await add_command(owner, "acme", "theirs", age=timedelta(seconds=10))
    ours = await _send(program)
    assert await _claim(outbox) == []
    await owner.execute("UPDATE device_commands SET published_at = now() WHERE command_id = 'theirs'")
    await _due_now(owner)
    assert await _claim(outbox) == [ours]


async def test_the_order_of_what_is_taken_over_is_that_of_its_creation(
    program: Program, outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    """Without its creation in the outbox, what is taken over stands behind what was sent after it."""
    ours = await _send(program)
    await add_command(owner, "acme", "theirs", age=timedelta(seconds=10))
    assert await outbox.adopt(5.0, 100) == 1
    assert await _claim(outbox) == ["theirs"]
    await owner.execute("UPDATE device_commands SET published_at = now() WHERE command_id = 'theirs'")
    await owner.execute("DELETE FROM device_console.outbox WHERE command_id = 'theirs'")
    assert await _claim(outbox) == [ours]


async def test_a_foreign_row_waits_no_longer_than_its_deadline_and_a_newer_one_holds_up_nobody(
    program: Program, outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    await add_command(owner, "acme", "over", age=timedelta(minutes=5), ttl=timedelta(seconds=-1))
    await add_command(owner, "acme", "published", age=timedelta(minutes=5), published=True)
    ours = await _send(program)
    await add_command(owner, "acme", "newer", age=timedelta(seconds=-5))
    assert await _claim(outbox) == [ours]


async def test_a_command_goes_to_the_device_of_its_row_whatever_the_outbox_says(
    database: Database, outbox: OutboxStore, fleet: Fleet
) -> None:
    """Without the row's own device, an operator's insert into the outbox would send it elsewhere."""
    async with database.tenant_session("acme") as operator:
        await operator.execute(
            "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type) VALUES ('acme', 'c1', 'pump-1', 'ping')"
        )
        await operator.execute(
            "INSERT INTO device_console.outbox (tenant_id, command_id, device_id) VALUES ('acme', 'c1', 'pump-2')"
        )
    (claimed,) = await outbox.claim(uuid.uuid4(), 10, LEASE_S, MAX)
    assert claimed.device_id == "pump-1"


async def test_params_of_sixteen_megabytes_are_parked_and_stop_nobody(
    program: Program, outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, command_params, created_at)"
        " SELECT 'acme', 'huge', 'pump-2', 'ping', jsonb_build_object('x', string_agg(md5(n::text), '')),"
        " now() - interval '1 minute' FROM generate_series(1, 500000) n"
    )
    await outbox.adopt(30.0, 10)
    ours = await _send(program)
    assert await _claim(outbox) == [ours]
    (problem,) = await program.history.problems("acme")
    assert (problem.command_id, problem.detail) == ("huge", "params are too large")
