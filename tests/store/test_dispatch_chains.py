"""Several commands of one device in one claim: they stay in order, whatever stands between them."""

import json
import uuid
from datetime import timedelta

import asyncpg
import pytest

from console.domain.dispatch import Confirmed, Returned
from console.domain.reasons import Outcome
from console.store.outbox import OutboxStore
from console.store.pool import Database
from tests.conftest import Fleet

LEASE_S, MAX = 15.0, 65_536


@pytest.fixture
def outbox(database: Database) -> OutboxStore:
    return OutboxStore(database)


async def _queue(owner: asyncpg.Connection, *ids: str, device: str = "pump-1", ttl_s: float = 3600) -> None:
    """Put commands into the outbox, each a microsecond younger than the one before."""
    await owner.execute(
        "WITH made AS (INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, created_at, expires_at)"
        " SELECT 'acme', i.id, $2, 'ping', now() - interval '1 s' + i.n * interval '1 us', now() + make_interval(secs => $3)"
        " FROM unnest($1::text[]) WITH ORDINALITY AS i(id, n) RETURNING *)"
        " INSERT INTO device_console.outbox (tenant_id, command_id, device_id, created_at)"
        " SELECT tenant_id, command_id, device_id, created_at FROM made ORDER BY created_at",
        list(ids), device, ttl_s,
    )  # fmt: skip


async def _claim(
    outbox: OutboxStore, chain: int, limit: int = 100, holder: uuid.UUID | None = None
) -> list[str]:
    return [c.command_id for c in await outbox.claim(holder or uuid.uuid4(), limit, LEASE_S, MAX, chain)]


@pytest.mark.usefixtures("fleet")
async def test_a_chain_has_its_length_and_the_next_one_waits_for_its_end(
    outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    await _queue(owner, "a", "b", "c", "d")
    await _queue(owner, "x", device="pump-2")
    holder = uuid.uuid4()
    assert await _claim(outbox, 3, holder=holder) == ["a", "x", "b", "c"]
    assert await _claim(outbox, 3) == []
    await outbox.mark(holder, [Confirmed("acme", c) for c in "ab"])
    assert await _claim(outbox, 3) == []
    await outbox.mark(holder, [Confirmed("acme", "c")])
    assert await _claim(outbox, 3) == ["d"]


@pytest.mark.usefixtures("fleet")
async def test_a_window_gives_each_device_its_first_before_any_has_a_second(
    outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    await _queue(owner, *(f"a{n}" for n in range(9)))
    await _queue(owner, "x", "y", device="pump-2")
    assert await _claim(outbox, 9, limit=4) == ["a0", "x", "a1", "y"]


@pytest.mark.parametrize("table", ["device_console.outbox", "device_commands"])
@pytest.mark.usefixtures("fleet")
async def test_what_somebody_has_locked_ends_the_chain(
    outbox: OutboxStore, owner: asyncpg.Connection, database_url: str, table: str
) -> None:
    """Without its end there, what stands behind a locked row overtakes it."""
    await _queue(owner, "a", "b", "c")
    other = await asyncpg.connect(database_url)
    try:
        async with other.transaction():
            await other.execute(f"SELECT FROM {table} WHERE command_id = 'b' FOR UPDATE")
            got = await _claim(outbox, 9)
    finally:
        await other.close()
    assert got == (["a"] if table != "device_commands" else ["a", "b", "c"])  # a claim locks no command


@pytest.mark.usefixtures("fleet")
async def test_what_has_to_wait_ends_the_chain(outbox: OutboxStore, owner: asyncpg.Connection) -> None:
    """Without its end there, what stands behind a refused command overtakes it."""
    await _queue(owner, "a", "b", "c")
    holder = uuid.uuid4()
    await owner.execute(
        "UPDATE device_console.outbox SET due_at = now() + interval '1 h' WHERE command_id = 'b'"
    )
    assert await _claim(outbox, 9, holder=holder) == ["a"]


async def test_a_blocked_command_ends_the_chain(
    outbox: OutboxStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without its end there, what stands behind the command of a stopped bulk send overtakes it."""
    await _queue(owner, "a", "b", "c")
    batch = str(uuid.uuid4())
    await owner.execute(
        "INSERT INTO device_console.batches (tenant_id, batch_id, command_type, params, ttl_s, target, wanted, stopped_at)"
        " VALUES ($1, $2, 'ping', '{}', 60, 'all', 1, now())",
        fleet.acme, batch,
    )  # fmt: skip
    await owner.execute(
        "INSERT INTO device_console.batch_members (tenant_id, command_id, batch_id) VALUES ($1, 'b', $2)",
        fleet.acme, batch,
    )  # fmt: skip
    assert await _claim(outbox, 9) == ["a"]


@pytest.mark.usefixtures("fleet")
async def test_what_ends_within_the_lease_is_not_leased_behind_another(
    outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    """Without its end there, the sweep leaves a command alone beyond its deadline, for its lease."""
    await _queue(owner, "a", "b", ttl_s=10)
    holder = uuid.uuid4()
    assert await _claim(outbox, 9, holder=holder) == ["a"]
    await outbox.mark(holder, [Confirmed("acme", "a")])
    assert await _claim(outbox, 9) == ["b"]


@pytest.mark.usefixtures("fleet")
async def test_a_device_whose_wake_up_met_a_lock_goes_on_after_a_second(
    outbox: OutboxStore, owner: asyncpg.Connection, database_url: str
) -> None:
    """Without the second, a device stands still for two minutes: whoever takes a command out passes by what is locked."""
    await _queue(owner, *(f"q{n:03}" for n in range(90)))
    holder = uuid.uuid4()
    assert await _claim(outbox, 2, 2, holder) == ["q000", "q001"]
    assert await _claim(outbox, 2, 2, holder) == []
    other = await asyncpg.connect(database_url)
    try:
        async with other.transaction():
            await other.execute("SELECT FROM device_console.outbox WHERE command_id = 'q002' FOR UPDATE")
            await outbox.mark(holder, [Confirmed("acme", "q000"), Confirmed("acme", "q001")])
    finally:
        await other.close()
    left = await owner.fetchval("SELECT due_at - now() FROM device_console.outbox WHERE command_id = 'q002'")
    assert left <= timedelta(seconds=1)


@pytest.mark.usefixtures("fleet")
async def test_what_was_never_begun_counts_no_attempt(outbox: OutboxStore, owner: asyncpg.Connection) -> None:
    """Without that, a command behind one that is refused three times is taken for one that breaks links."""
    await _queue(owner, "a", "b")
    holder = uuid.uuid4()
    await _claim(outbox, 9, holder=holder)
    await outbox.release(
        holder, [Returned("acme", "a", Outcome.REFUSED, "quota", 0.0), Returned("acme", "b", None, "", 0.0)]
    )
    attempts = await owner.fetch("SELECT command_id, attempt, outcome FROM device_console.outbox ORDER BY 1")
    assert [tuple(row) for row in attempts] == [("a", 1, "refused"), ("b", 0, None)]
    assert await owner.fetchval("SELECT count(*) FROM device_console.journal WHERE command_id = 'b'") == 0


@pytest.mark.usefixtures("fleet")
async def test_what_is_overdue_is_not_the_first_of_its_device(
    outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    """Without leaving it out, a command with little time behind an overdue one waits for another claim."""
    await _queue(owner, "over", ttl_s=-1)
    await _queue(owner, "short", ttl_s=10)
    assert await _claim(outbox, 9) == ["short"]


@pytest.mark.usefixtures("fleet")
async def test_what_waits_hides_nothing_however_much_it_is(
    outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    """Without looking again, a second device of the tenant waits a second for each window of what waits."""
    await _queue(owner, *(f"q{n:05}" for n in range(3_000)))
    await owner.execute(
        "UPDATE device_console.outbox SET due_at = now() + interval '1 h' WHERE command_id = 'q00000'"
    )
    await _queue(owner, "other", device="pump-2")
    assert await _claim(outbox, 16, 100) == ["other"]


@pytest.mark.usefixtures("fleet")
async def test_what_is_parked_wakes_what_was_put_off_behind_it(
    outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    """Without the wake-up, what stands behind many commands that cannot be published waits for two minutes."""
    await _queue(owner, *(f"q{n:05}" for n in range(64)))
    await owner.execute("UPDATE device_commands SET command_params = '[]' WHERE command_id < 'q00048'")
    for _ in range(3):
        assert await _claim(outbox, 16, 32) == []
    assert await _claim(outbox, 16, 32) == [f"q{n:05}" for n in range(48, 64)]


@pytest.mark.usefixtures("fleet")
async def test_what_was_held_back_and_is_refused_waits_for_its_next_attempt(
    outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    """Without the end of being held back, a refused command is published again and again, as fast as the link is."""
    await _queue(owner, "a", "b")
    await owner.execute("UPDATE device_console.outbox SET held_back = true")
    holder = uuid.uuid4()
    assert await _claim(outbox, 16, holder=holder) == ["a", "b"]
    await outbox.release(
        holder, [Returned("acme", "a", Outcome.REFUSED, "quota", 60.0), Returned("acme", "b", None, "", 0.0)]
    )
    assert await _claim(outbox, 16) == []


@pytest.mark.usefixtures("fleet")
async def test_a_claim_says_how_many_commands_of_a_device_wait(
    outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    """Without the number, the dispatcher does not look again when the chain of a device ends early."""
    await _queue(owner, "a", "b", ttl_s=10)
    (claimed,) = await outbox.claim(uuid.uuid4(), 100, LEASE_S, MAX, 16)
    assert (claimed.command_id, claimed.there) == ("a", 2)


async def _blocks(owner: asyncpg.Connection, holder: uuid.UUID, limit: int) -> tuple[int, int]:
    """Claim chains of 16; return the blocks that were read, and the number of commands."""
    return await _plan(owner, f"SELECT * FROM device_console.claim('{holder}', {limit}, '15 s', {MAX}, 16)")


async def _read(owner: asyncpg.Connection, statement: str) -> int:
    blocks, _ = await _plan(owner, statement)
    return blocks


async def _plan(owner: asyncpg.Connection, statement: str) -> tuple[int, int]:
    (plan,) = json.loads(
        await owner.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {statement}")
    )
    return plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"], plan["Plan"]["Actual Rows"]


@pytest.mark.parametrize("empty", ["new", "known to be empty"])
@pytest.mark.usefixtures("fleet")
async def test_a_claim_costs_the_same_however_long_a_queue_is(
    owner: asyncpg.Connection, outbox: OutboxStore, empty: str
) -> None:
    """Without the way from the key to the row, a claim or a mark reads the table for each row: its plan was made when it was empty."""
    holder = uuid.uuid4()
    for table in ("public.device_commands", "device_console.outbox", "device_console.batch_members"):
        await owner.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        if empty != "new":
            await owner.execute(f"VACUUM ANALYZE {table}")
    await owner.execute("SET plan_cache_mode = force_generic_plan")
    for _ in range(8):
        await _blocks(owner, holder, 16)
        await _read(
            owner, f"SELECT * FROM device_console.mark('{holder}', '{{acme}}', '{{none}}', '{{false}}')"
        )
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, status, published_at)"
        " SELECT 'acme', 'old' || md5(n::text), 'pump-3', 'ping', 'missed', now() FROM generate_series(1, 20000) n"
    )
    await _queue(owner, *(f"q{n:05}" for n in range(2_500)))
    await _queue(owner, *(f"p{n:05}" for n in range(2_500)), device="pump-2")
    for _ in range(12):  # until the queues are put off
        await _blocks(owner, holder, 500)
        await owner.execute("UPDATE device_console.outbox SET leased_until = now() WHERE holder IS NOT NULL")
    blocks, got = await _blocks(owner, holder, 500)
    assert got == 32
    assert blocks / got < 150
    held = await owner.fetch("SELECT command_id FROM device_console.outbox WHERE holder = $1", holder)
    ids = "{" + ",".join(row["command_id"] for row in held) + "}"
    marking = f"array_fill('acme'::text, ARRAY[{len(held)}]), '{ids}', array_fill(false, ARRAY[{len(held)}])"
    assert await _read(owner, f"SELECT * FROM device_console.mark('{holder}', {marking})") / len(held) < 70
    assert await owner.fetchval("SELECT count(*) FROM device_console.outbox WHERE holder = $1", holder) == 0
