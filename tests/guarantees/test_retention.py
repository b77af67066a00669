"""Retention on a real PostgreSQL: what is deleted, what never is, and who has to wait for it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from console.clock import SystemClock
from console.domain.acks import Acknowledgement, LateAck, Outcome
from console.domain.batches import BatchDraft, member_id
from console.domain.retention import Retention
from console.errors import ConflictError, NotFoundError, RefusedError
from console.runtime.program import Program
from console.services.pruner import BLOCKS, Pruner, period
from console.store.access import Access
from console.store.batches import BatchStore
from console.store.outbox import OutboxStore
from console.store.pool import Database
from console.store.retention import PrunedRange, RetentionStore, retention, set_retention
from console.store.schema.migrate import migrate
from console.store.settlement import BEGINNING, SettlementStore
from tests.conftest import Fleet
from tests.platform import PlatformUrls, let_work
from tests.rows import add_command, add_tenant

KEEP = timedelta(days=40)
STATUSES = ("queued", "delivered", "missed", "expired")
LEFT = "SELECT command_id FROM device_commands ORDER BY command_id"
BESIDE = ("journal", "batch_members", "outbox", "kept_answers")
Left = set[str]


@pytest.fixture
def old(database: Database) -> RetentionStore:
    return RetentionStore(database)


@pytest.fixture
async def third(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def keep_for(owner: asyncpg.Connection, keep: timedelta | None) -> None:
    seconds = None if keep is None else int(keep.total_seconds())
    await owner.execute("UPDATE device_console.deployment SET keep_s = $1", seconds)


async def ended(owner: asyncpg.Connection, command_id: str, days: float, status: str = "delivered") -> None:
    """A command whose deadline was so many days ago."""
    ago = timedelta(days=days)
    await add_command(owner, "acme", command_id, status=status, ttl=-ago, age=ago + timedelta(hours=1))


async def waiting(owner: asyncpg.Connection) -> int:
    """How many sessions of this database wait for a lock."""
    return int(
        await owner.fetchval(
            "SELECT count(DISTINCT l.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
            " WHERE NOT l.granted AND a.datname = current_database()"
        )
    )


async def whole_pass(old: RetentionStore, blocks: int = BLOCKS) -> int:
    block: int | None = 0
    pruned = 0
    while block is not None:
        done = await old.prune(block, blocks)
        assert done.refused is None
        pruned, block = pruned + done.pruned, done.next_block
    return pruned


async def left(owner: asyncpg.Connection) -> Left:
    return {row["command_id"] for row in await owner.fetch(LEFT)}


@dataclass(frozen=True)
class Row:
    """One command of the model. `days` since its deadline are never near to the setting's."""

    tenant: str
    status: str
    days: float
    beside: frozenset[str]
    batch: int | None

    def goes(self, keep: int | None) -> bool:
        stays = self.beside & {"outbox", "kept_answers"}
        return keep is not None and self.status != "queued" and self.days > keep and not stays


rows = st.builds(
    Row,
    st.sampled_from(("acme", "rival")),
    st.sampled_from(STATUSES),
    st.one_of(st.sampled_from((-1.0, 0.0)), st.integers(0, 60).map(lambda days: days + 0.5)),
    st.frozensets(st.sampled_from(("journal", "outbox", "kept_answers")), max_size=2),
    st.one_of(st.none(), st.integers(0, 2)),
)


# what each protection is about, so that none depends on what Hypothesis finds
EACH = [
    Row("acme", "queued", 50.5, frozenset(), None),
    Row("acme", "delivered", 30.5, frozenset(), None),
    Row("acme", "delivered", 50.5, frozenset({"outbox"}), None),
    Row("rival", "missed", 50.5, frozenset({"kept_answers"}), 0),
    Row("acme", "expired", 50.5, frozenset({"journal"}), 1),
    Row("acme", "delivered", 30.5, frozenset({"journal"}), 1),
    Row("rival", "delivered", 50.5, frozenset(), 2),
]


async def write(owner: asyncpg.Connection, written: Sequence[Row]) -> None:
    for n, row in enumerate(written):
        name = f"c{n:02}"
        ago = timedelta(days=row.days)
        await add_command(owner, row.tenant, name, status=row.status, ttl=-ago, age=max(ago, timedelta(0)))
        if "journal" in row.beside:
            await owner.execute(
                "INSERT INTO device_console.journal (tenant_id, command_id, kind)"
                " SELECT $1, $2, 'progress' FROM generate_series(1, 2)", row.tenant, name,
            )  # fmt: skip
        if "outbox" in row.beside:
            await owner.execute(
                "INSERT INTO device_console.outbox (tenant_id, command_id, device_id) VALUES ($1, $2, 'pump-1')",
                row.tenant, name,
            )  # fmt: skip
        if "kept_answers" in row.beside:
            await owner.execute(
                "INSERT INTO device_console.kept_answers (tenant_id, device_id, command_id, ack)"
                " VALUES ($1, 'pump-1', $2, '{}')", row.tenant, name,
            )  # fmt: skip
        if row.batch is not None:
            await owner.execute(
                "INSERT INTO device_console.batches (tenant_id, batch_id, command_type, params, ttl_s, target, wanted)"
                " VALUES ($1, $2, 'ping', '{}', 60, 'all', 9) ON CONFLICT DO NOTHING", row.tenant, f"b{row.batch}",
            )  # fmt: skip
            await owner.execute(
                "INSERT INTO device_console.batch_targets (tenant_id, batch_id, device_ids)"
                " VALUES ($1, $2, '{pump-1}') ON CONFLICT DO NOTHING", row.tenant, f"b{row.batch}",
            )  # fmt: skip
            await owner.execute(
                "INSERT INTO device_console.batch_members (tenant_id, batch_id, command_id) VALUES ($1, $2, $3)",
                row.tenant, f"b{row.batch}", name,
            )  # fmt: skip


async def compare(owner: asyncpg.Connection, written: Sequence[Row], keep: int | None) -> None:
    """The tables against the model: commands, what is beside them, and bulk sends."""
    there = {f"c{n:02}": row for n, row in enumerate(written)}
    stays = {name: row for name, row in there.items() if not row.goes(keep)}
    assert await left(owner) == set(stays)
    for table, wanted in (
        *(
            (table, {n for n, row in stays.items() if table in row.beside})
            for table in ("journal", "outbox", "kept_answers")
        ),
        ("batch_members", {n for n, row in stays.items() if row.batch is not None}),
    ):
        found = await owner.fetch(f"SELECT DISTINCT command_id FROM device_console.{table}")
        assert {row["command_id"] for row in found} == wanted, table
    batches = {(row.tenant, f"b{row.batch}") for row in stays.values() if row.batch is not None}
    stopped = {
        (r.tenant, f"b{r.batch}") for r in there.values() if r.batch is not None and r.goes(keep)
    } & batches
    found = await owner.fetch("SELECT tenant_id, batch_id, stopped_by FROM device_console.batches")
    assert {(b["tenant_id"], b["batch_id"]) for b in found} == batches
    assert {(b["tenant_id"], b["batch_id"]) for b in found if b["stopped_by"] == "retention"} == stopped
    targets = await owner.fetch("SELECT tenant_id, batch_id FROM device_console.batch_targets")
    assert {(t["tenant_id"], t["batch_id"]) for t in targets} == batches


@example(written=EACH, keep=40, blocks=1)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    written=st.lists(rows, max_size=12),
    keep=st.one_of(st.none(), st.integers(1, 60)),
    blocks=st.integers(1, 3),
)
def test_random_rows_and_settings_leave_what_the_model_leaves(
    database_url: str, written: list[Row], keep: int | None, blocks: int
) -> None:
    """Without the status or the deadline in the WHERE, or the tables beside it, rows go that are needed, or stay behind."""

    async def one() -> None:
        owner = await asyncpg.connect(database_url)
        database = Database(Access(database_url))
        await database.open()
        try:
            await owner.execute(
                "TRUNCATE tenants, device_registry, device_commands, device_console.journal, device_console.outbox,"
                " device_console.kept_answers, device_console.batches, device_console.batch_members,"
                " device_console.batch_targets CASCADE"
            )
            for tenant in ("acme", "rival"):
                await add_tenant(owner, tenant)
            await write(owner, written)
            await keep_for(owner, None if keep is None else timedelta(days=keep))
            went = await whole_pass(RetentionStore(database), blocks)
            assert went == sum(row.goes(keep) for row in written)
            await compare(owner, written, keep)
        finally:
            await database.close()
            await owner.close()

    asyncio.run(one())


async def test_the_records_of_ends_and_the_problems_are_not_its_business(
    old: RetentionStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without leaving them alone, what counts the ends by the minute loses some."""
    await ended(owner, "c1", 50)
    await owner.execute(
        "INSERT INTO device_console.ended_events (tenant_id, outcome, ended_at, command_ids)"
        " VALUES ('acme', 'acked', now(), '{c1}')"
    )
    await owner.execute(
        "INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail)"
        " VALUES ('acme', 'forged ack', 'pump-1', 'c1', 'x')"
    )
    await keep_for(owner, KEEP)
    assert await whole_pass(old) == 1
    assert await owner.fetchval("SELECT count(*) FROM device_console.ended_events") == 1
    assert await owner.fetchval("SELECT count(*) FROM device_console.problems") == 1


async def test_it_goes_through_the_whole_table_in_ranges(
    old: RetentionStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the next block, or with a range that is too long, rows stay or one transaction deletes all."""
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, status, expires_at)"
        " SELECT 'acme', 'c' || n, 'pump-1', 'ping', 'missed', now() - interval '41 days'"
        " FROM generate_series(1, 20000) n"
    )
    blocks = await owner.fetchval("SELECT pg_relation_size('device_commands') / 8192")
    assert blocks > 2 * BLOCKS
    await keep_for(owner, KEEP)
    first = await old.prune(0, BLOCKS)
    assert 0 < first.pruned < 20_000 / 2
    assert first.next_block == BLOCKS
    assert await whole_pass(old) == 20_000 - first.pruned
    assert await left(owner) == set()
    assert await old.prune(blocks, BLOCKS) == PrunedRange(0, None)


async def test_an_index_on_deadlines_is_not_read_for_each_range(
    owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the pinned plan, a platform's index is read from its beginning for each range."""
    await owner.execute("CREATE INDEX theirs ON device_commands (expires_at)")
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, status, expires_at)"
        " SELECT 'acme', 'c' || n, 'pump-1', 'ping', 'missed',"
        " now() - CASE WHEN n % 1000 = 0 THEN interval '41 days' ELSE interval '1 hour' END"
        " FROM generate_series(1, 20000) n"
    )
    await owner.execute("ANALYZE device_commands")
    await keep_for(owner, KEEP)
    for block in range(0, 8 * 8, 8):
        await owner.execute("SELECT device_console.prune_settled($1, 8)", block)
    await owner.execute("SELECT pg_stat_force_next_flush()")
    assert (
        await owner.fetchval("SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'theirs'")
        == 0
    )


async def test_what_another_session_has_locked_is_passed_by(
    old: RetentionStore, owner: asyncpg.Connection, third: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without SKIP LOCKED, a forgotten transaction holds up the deletion of everything."""
    for name in ("c1", "c2"):
        await ended(owner, name, 50)
    await keep_for(owner, KEEP)
    async with third.transaction():
        await third.execute("SELECT FROM device_commands WHERE command_id = 'c1' FOR UPDATE")
        assert await whole_pass(old) == 1
    assert await left(owner) == {"c1"}
    assert await whole_pass(old) == 1


async def test_a_row_beside_it_that_is_locked_is_waited_for_a_moment_only(
    old: RetentionStore, owner: asyncpg.Connection, third: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the short wait, whoever holds the journal's row and then wants the command's waits for us for ever."""
    await ended(owner, "c1", 50)
    await owner.execute(
        "INSERT INTO device_console.journal (tenant_id, command_id, kind) VALUES ('acme', 'c1', 'progress')"
    )
    await keep_for(owner, KEEP)
    async with third.transaction(), asyncio.timeout(3):
        await third.execute("SELECT FROM device_console.journal FOR UPDATE")
        pruning = asyncio.create_task(old.prune(0, BLOCKS))
        waits = 0
        while not pruning.done() and not waits:
            waits = await waiting(owner)
        await third.execute("SELECT FROM device_commands WHERE command_id = 'c1' FOR UPDATE")
        assert await pruning == PrunedRange(0, None)
    assert await whole_pass(old) == 1
    assert await owner.fetchval("SELECT count(*) FROM device_console.journal") == 0


async def test_a_bulk_send_that_lost_a_command_is_not_gone_on_with(
    old: RetentionStore, program: Program, database: Database, owner: asyncpg.Connection
) -> None:
    """Without the stop, `resume` sends a second time what was deleted."""
    store = BatchStore(database)
    batch = "5d1f6c7e-0000-4000-8000-000000000001"
    draft = BatchDraft(batch, "ping", "{}", timedelta(minutes=5), "all", 3, "alice")
    devices = ["pump-1", "pump-2", "pump-3"]
    await store.begin("acme", draft, devices, [None] * 3)
    assert await store.insert("acme", draft, devices[:2], [None, None]) == 2
    await owner.execute("DELETE FROM device_console.outbox")
    await owner.execute(
        "UPDATE device_commands SET status = 'missed', expires_at = now() - interval '50 days' WHERE device_id = 'pump-1'"
    )
    await keep_for(owner, KEEP)
    assert await whole_pass(old) == 1
    with pytest.raises(ConflictError, match="was stopped by retention"):
        await program.bulk.resume("acme", batch, "alice")
    assert await store.insert("acme", draft, devices, [None] * 3) <= 1
    assert await left(owner) == {member_id(batch, "pump-2")}
    await owner.execute(
        "UPDATE device_commands SET status = 'missed', expires_at = now() - interval '50 days'"
    )
    assert await whole_pass(old) == 1
    with pytest.raises(NotFoundError):
        await program.bulk.resume("acme", batch, "alice")


async def test_a_bulk_send_that_is_being_committed_is_left_for_the_next_pass(
    old: RetentionStore, owner: asyncpg.Connection, third: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without SKIP LOCKED, the two wait for each other: for the bulk send, and for its command's id."""
    await write(owner, [Row("acme", "missed", 50.5, frozenset(), 0)])
    await keep_for(owner, KEEP)
    async with third.transaction():
        await third.execute("SELECT FROM device_console.batches FOR SHARE")
        passing = asyncio.create_task(whole_pass(old))
        waits = 0
        while not passing.done():
            waits += await waiting(owner)
        assert (passing.result(), waits) == (0, 0)
    assert await whole_pass(old) == 1


async def test_beside_answers_sweep_and_claims_nobody_deadlocks_and_all_is_done(
    old: RetentionStore, database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without passing by what is locked, writers of the same rows end each other's transactions."""
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, status, published_at, expires_at)"
        " SELECT 'acme', 'c' || n, 'pump-1', 'ping', CASE WHEN n % 2 = 0 THEN 'missed' ELSE 'queued' END, now(),"
        " now() - interval '41 days' FROM generate_series(1, 3000) n"
    )
    await owner.execute(
        "INSERT INTO device_console.outbox (tenant_id, command_id, device_id)"
        " SELECT tenant_id, command_id, device_id FROM device_commands WHERE command_id LIKE '%9' AND status = 'queued'"
    )
    await keep_for(owner, KEEP)
    settlement, outbox = SettlementStore(database), OutboxStore(database)
    over = asyncio.Event()

    async def answer() -> None:
        for begin in range(3_000, 0, -100):
            acks = [
                Acknowledgement("acme", "pump-1", f"c{n}", '{"status":"ok","details":null}')
                for n in range(begin, begin - 100, -1)
            ]
            outcomes = await settlement.acknowledge(acks, [], LateAck.ACCEPT)
            assert set(outcomes) <= {Outcome.LATE, Outcome.ACKED, Outcome.UNKNOWN, Outcome.DUPLICATE}
        over.set()

    async def sweep() -> None:
        while not over.is_set():
            await settlement.sweep(BEGINNING, 200)

    async def claim() -> None:
        while not over.is_set():
            await outbox.claim(UUID(int=7), 50, 1, 65_536)

    async def prune() -> None:
        while not over.is_set():
            await whole_pass(old, 4)

    async with asyncio.TaskGroup() as group:
        for body in (answer(), sweep(), claim(), prune()):
            group.create_task(body)
    await owner.execute("DELETE FROM device_console.outbox")
    await settlement.sweep(BEGINNING, 5_000)
    await whole_pass(old)
    assert await left(owner) == set()


async def test_a_table_that_will_not_let_rows_go_keeps_them_and_says_why(
    old: RetentionStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without it, one row to which the platform refers ends the job again and again."""
    await ended(owner, "c1", 50)
    await owner.execute(
        "CREATE TABLE refers (t text, c text, FOREIGN KEY (t, c) REFERENCES device_commands (tenant_id, command_id));"
        "INSERT INTO refers VALUES ('acme', 'c1')"
    )
    await keep_for(owner, KEEP)
    done = await old.prune(0, BLOCKS)
    assert (done.pruned, done.next_block) == (0, None)
    assert "foreign key" in str(done.refused)
    assert await left(owner) == {"c1"}


async def test_only_the_workers_role_may_delete_and_only_the_owner_may_set(
    database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without it, an operator of one tenant deletes what all tenants have."""
    await ended(owner, "c1", 50)
    await keep_for(owner, KEEP)
    async with database.tenant_session("rival") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("SELECT device_console.prune_settled(0, 64)")
    with pytest.raises(RefusedError, match="may not set the retention: only .*, the owner"):
        await set_retention(database, timedelta(days=1), platform_table=True)
    assert (await retention(database)).keep == KEEP
    assert await left(owner) == {"c1"}


async def test_the_owner_sets_it_and_everybody_reads_it(
    database: Database, database_url: str, old: RetentionStore, fleet: Fleet
) -> None:
    """Without it, nothing is ever deleted, or nobody sees that it will be."""
    assert await retention(database) == Retention(None, is_own=True, is_on=False)
    owners = Database(Access(database_url), max_size=1)
    await owners.open()
    await set_retention(owners, KEEP, platform_table=False)
    assert await retention(database) == await old.setting() == Retention(KEEP, is_own=True, is_on=True)
    await set_retention(owners, None, platform_table=False)
    await owners.close()
    assert not (await old.setting()).is_on


async def test_a_platforms_rows_stay_unless_its_owner_allows_it(plain_platform: PlatformUrls) -> None:
    """Without it, a number of days meant for the console's rows deletes the platform's."""
    await let_work(plain_platform)
    await migrate(Access(plain_platform.owner))
    superuser = await asyncpg.connect(plain_platform.superuser)
    owners = Database(Access(plain_platform.owner), max_size=2)
    keeper = Database(Access(plain_platform.keeper), max_size=2)
    try:
        await owners.open()
        await keeper.open()
        old = RetentionStore(keeper)
        await superuser.execute("DELETE FROM device_commands")
        await ended(superuser, "c1", 50)
        with pytest.raises(ConflictError, match="add --platform-table"):
            await set_retention(owners, KEEP, platform_table=False)
        await keep_for(superuser, KEEP)
        assert await retention(keeper) == Retention(KEEP, is_own=False, is_on=False)
        assert await whole_pass(old) == 0
        await set_retention(owners, KEEP, platform_table=True)
        assert await whole_pass(old) == 1
        with pytest.raises(RefusedError, match="may not set the retention"):
            await set_retention(keeper, None, platform_table=False)
    finally:
        await owners.close()
        await keeper.close()
        await superuser.close()


class Ranges:
    """A table of three ranges, whose owner turns the retention off after some looks at the setting."""

    def __init__(self, *keeps: timedelta | None) -> None:
        self.keeps = list(keeps)
        self.blocks: list[int] = []

    async def setting(self) -> Retention:
        keep = self.keeps.pop(0) if self.keeps else None
        return Retention(keep, is_own=True, is_on=keep is not None)

    async def prune(self, from_block: int, blocks: int) -> PrunedRange:
        self.blocks.append(from_block)
        following = from_block + blocks
        return PrunedRange(5, following if following < 3 * BLOCKS else None)


async def run(ranges: Ranges, *, behind: Sequence[bool] = ()) -> int:
    looks = list(behind)
    counted: list[int] = []
    pruner = Pruner(
        ranges, lambda: bool(looks and looks.pop(0)), counted.append, SystemClock(), rest_s=0, look_every_s=0
    )
    await pruner.run()
    assert not looks
    return sum(counted)


async def test_a_pass_ends_at_the_end_of_the_table_and_is_not_begun_again_at_once() -> None:
    """Without the period, an idle worker reads the whole table without end."""
    ranges = Ranges(KEEP, KEEP, KEEP, None)
    assert await run(ranges) == 15
    assert ranges.blocks == [0, BLOCKS, 2 * BLOCKS]


async def test_another_setting_begins_a_pass_at_once() -> None:
    """Without it, a shorter retention begins a day later."""
    ranges = Ranges(KEEP, KEEP, KEEP / 2, None)
    assert await run(ranges) == 30


async def test_nothing_is_deleted_while_the_sweep_is_behind() -> None:
    """Without it, old rows are deleted while commands wait for their end."""
    ranges = Ranges(KEEP, None)
    assert await run(ranges, behind=(True, True, False, True, False, False)) == 15


def test_a_pass_is_begun_within_a_hundredth_of_the_retention() -> None:
    """Without it, a long retention has the whole table read each hour."""
    assert [period(timedelta(days=days)) for days in (1, 50, 400)] == [
        timedelta(hours=1), timedelta(hours=12), timedelta(days=1),
    ]  # fmt: skip


async def test_nothing_is_deleted_while_nothing_is_set(
    old: RetentionStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without it, an update of the program deletes what nobody asked it to."""
    await ended(owner, "c1", 4_000)
    assert await old.prune(0, BLOCKS) == PrunedRange(0, None)
    assert await left(owner) == {"c1"}
