"""Figures on a real PostgreSQL: what the fold counts of events is what the rows themselves say."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from console.domain.acks import OK_WORDS, Acknowledgement, LateAck
from console.domain.commands import Phase
from console.domain.dispatch import Confirmed
from console.domain.figures import Ended, GroupKind, all_ended
from console.domain.histograms import Histogram, bucket_of
from console.runtime.program import Program
from console.store.figures import FigureStore, FoldStore
from console.store.outbox import OutboxStore
from console.store.pool import Database
from console.store.settlement import BEGINNING, SettlementStore
from console.store.sql import query
from tests.conftest import Fleet
from tests.rows import add_command

ENDED = (
    "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, status, created_by, published_at,"
    " acked_at, ack_details, expires_at, created_at)"
    " SELECT $1, p || n, d, t, CASE WHEN o = 'acked' THEN 'delivered' ELSE o END, b, now() - interval '2 s',"
    " CASE WHEN o = 'acked' THEN now() END, a::jsonb, now(), now() - interval '3 s'"
    " FROM generate_series(1, $2) n, (VALUES ($3, $4, $5, $6, $7, $8)) v(p, o, d, t, b, a)"
)
EVENT = (
    "INSERT INTO device_console.ended_events (tenant_id, outcome, ended_at, command_ids)"
    " SELECT $1, $2, now() - $5::interval, array_agg($3::text || n) FROM generate_series(1, $4::int) n"
)


@pytest.fixture
def folds(database: Database) -> FoldStore:
    return FoldStore(database)


@pytest.fixture
def figures(database: Database) -> FigureStore:
    return FigureStore(database)


@pytest.fixture
def settlement(database: Database) -> SettlementStore:
    return SettlementStore(database)


def ack(
    command_id: str, device: str = "pump-1", status: str = "ok", details: str = "null", tenant: str = "acme"
) -> Acknowledgement:
    return Acknowledgement(tenant, device, command_id, f'{{"status":"{status}","details":{details}}}')


async def fold_all(folds: FoldStore, commands: int = 2_000) -> int:
    total = 0
    while True:
        done = await folds.fold(commands)
        total += done.commands
        if done.is_over:
            return total


async def ended_of(figures: FigureStore, tenant_id: str = "acme") -> Ended:
    now = datetime.now(UTC)
    read = await figures.minutes(tenant_id, now - timedelta(days=1), now + timedelta(days=1))
    return all_ended(minute.ended for minute in read.value)


async def groups_of(figures: FigureStore, kind: GroupKind, tenant_id: str = "acme") -> dict[str, Ended]:
    now = datetime.now(UTC)
    read = await figures.groups(tenant_id, [kind], now - timedelta(days=1), now + timedelta(days=1))
    return {group.name: group.ended for group in read.value}


async def ends_of(figures: FigureStore, tenant_id: str = "acme") -> dict[str, Phase]:
    read = await figures.recent_ends(tenant_id, datetime.now(UTC) - timedelta(days=1))
    return {end.command_id: end.outcome for end in read.value}


async def ended(
    owner: asyncpg.Connection,
    count: int = 1,
    outcome: str = "acked",
    tenant: str = "acme",
    *,
    prefix: str = "c",
    device: str = "pump-1",
    kind: str = "ping",
    by: str | None = "bob",
    answer: str | None = '{"status": "ok"}',
    ago: timedelta = timedelta(0),
) -> None:
    """Commands that ended as one batch, as `acknowledge` and `sweep` leave them."""
    answer = answer if outcome == "acked" else None
    await owner.execute(ENDED, tenant, count, prefix, outcome, device, kind, by, answer)
    await owner.execute(EVENT, tenant, outcome, prefix, count, ago)


async def test_answers_and_the_sweep_are_counted_by_outcome(
    folds: FoldStore,
    figures: FigureStore,
    settlement: SettlementStore,
    owner: asyncpg.Connection,
    fleet: Fleet,
) -> None:
    """Without the rule of ok words, a device that refuses looks like one that obeys."""
    for number in range(4):
        await add_command(owner, fleet.acme, f"c{number}", published=True, age=timedelta(seconds=2))
    await add_command(
        owner, fleet.acme, "late", ttl=timedelta(seconds=-1), age=timedelta(hours=1), published=True
    )
    await settlement.acknowledge(
        [
            ack("c0"), ack("c1", status="done"), ack("c2", status="error", details='{"code": "busy"}'),
            ack("c3", "pump-2"), ack("late"), ack("unknown"),
        ],
        [], LateAck.ACCEPT,
    )  # fmt: skip
    await add_command(
        owner, fleet.acme, "m", "pump-3", ttl=timedelta(seconds=-1), age=timedelta(hours=1), published=True
    )
    await add_command(owner, fleet.acme, "e", "gone", ttl=timedelta(seconds=-1), age=timedelta(hours=1))
    await settlement.sweep(BEGINNING, 100)
    done = await folds.fold(2_000)
    assert (done.commands, done.is_over) == (6, True)
    assert await ended_of(figures) == Ended(ok=2, failed=1, late=1, missed=1, expired=1)
    assert await ended_of(figures, "rival") == Ended()
    assert await groups_of(figures, GroupKind.SITE) == {
        "lyon": Ended(ok=2, failed=1, late=1, missed=1), "": Ended(expired=1),
    }  # fmt: skip
    assert await groups_of(figures, GroupKind.REASON) == {
        "busy": Ended(failed=1),
        "": Ended(missed=1, expired=1),
    }
    assert await groups_of(figures, GroupKind.SENDER) == {"platform": await ended_of(figures)}
    assert await ends_of(figures) == {"c2": Phase.FAILED, "m": Phase.MISSED, "e": Phase.EXPIRED}
    (latency,) = (await figures.latency("acme", "ping", "PX-200")).value
    assert latency.answered.answers == 4
    assert 1_800 < (latency.answered.p50_ms or 0) < 3_600_000
    assert done.answered == latency.answered  # and of pump-2, of the same model
    assert await fold_all(folds) == 0
    assert (await ended_of(figures)).total == 6


@pytest.mark.parametrize("word", [*sorted(OK_WORDS), "error", "OK", ""])
async def test_the_ok_words_are_the_same_as_everywhere(
    folds: FoldStore,
    figures: FigureStore,
    settlement: SettlementStore,
    owner: asyncpg.Connection,
    fleet: Fleet,
    word: str,
) -> None:
    """Without the same list, charts and history tell two stories."""
    await add_command(owner, fleet.acme, "c", published=True)
    await settlement.acknowledge([ack("c", status=word)], [], LateAck.ACCEPT)
    await fold_all(folds)
    assert await ended_of(figures) == (Ended(ok=1) if word in OK_WORDS else Ended(failed=1))
    assert await groups_of(figures, GroupKind.REASON) == ({} if word in OK_WORDS else {word: Ended(failed=1)})


async def test_an_answer_after_the_miss_is_one_more_end_and_no_longer_recent(
    folds: FoldStore,
    figures: FigureStore,
    settlement: SettlementStore,
    owner: asyncpg.Connection,
    fleet: Fleet,
) -> None:
    """Without it, the headline goes on about devices that have answered after all."""
    for command_id in ("a", "b", "c", "d"):
        await add_command(
            owner, fleet.acme, command_id, ttl=timedelta(seconds=-1), age=timedelta(hours=1), published=True
        )
    await settlement.sweep(BEGINNING, 100)
    await settlement.acknowledge([ack("d")], [], LateAck.ACCEPT)  # before anything was counted
    await fold_all(folds)
    assert await ends_of(figures) == dict.fromkeys("abc", Phase.MISSED)
    await settlement.acknowledge([ack("a"), ack("b", status="hot")], [], LateAck.ACCEPT)
    await settlement.acknowledge([ack("c", device="pump-2")], [], LateAck.ACCEPT)  # forged
    await fold_all(folds)
    assert await ends_of(figures) == {"b": Phase.FAILED, "c": Phase.MISSED}
    assert await ended_of(figures) == Ended(failed=1, late=2, missed=4)


async def test_two_ends_of_one_command_in_one_fold_are_both_counted(
    folds: FoldStore, figures: FigureStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the one row of a command, the fold fails where another program puts a command back and it is missed again."""
    await ended(owner, 1, "missed")
    await owner.execute(EVENT, "acme", "missed", "c", 1, timedelta(minutes=1))
    await fold_all(folds)
    assert await ended_of(figures) == Ended(missed=2)
    assert await ends_of(figures) == {"c1": Phase.MISSED}


async def test_publications_are_counted_when_the_broker_takes_them(
    folds: FoldStore, figures: FigureStore, owner: asyncpg.Connection, program: Program, database: Database
) -> None:
    """Without it, a chart shows what was sent an hour ago, when it ended."""
    drafts = [program.sender.draft(f"pump-{n}", "ping", created_by="alice") for n in (1, 2, 3)]
    await program.sender.send("acme", drafts)
    outbox, holder = OutboxStore(database), uuid4()
    claimed = await outbox.claim(holder, 10, 10, 65_536)
    confirmed = [Confirmed("acme", one.command_id, nobody_listens=False) for one in claimed]
    await outbox.mark(holder, confirmed[:2])
    await outbox.mark(holder, confirmed[1:])  # one of them once more
    await outbox.mark(holder, confirmed)
    now = datetime.now(UTC)
    await fold_all(folds)
    read = await figures.minutes("acme", now - timedelta(hours=1), now + timedelta(hours=1))
    assert sum(minute.sent for minute in read.value) == 3
    assert all(minute.ended == Ended() and minute.answered == Histogram() for minute in read.value)
    assert not await owner.fetch("SELECT FROM device_console.sent_events")


@pytest.mark.parametrize(
    "name", ["\x1b[2J\n\t\u202e", "'; DROP TABLE tenants; --", "%s $1", "🛰" * 5_000, " ", "\\", '"{}"']
)
async def test_names_stay_what_they_are(
    folds: FoldStore, figures: FigureStore, owner: asyncpg.Connection, fleet: Fleet, name: str
) -> None:
    """Without the cut, a long name fits no index entry and its batch cannot be counted; control codes stay data."""
    await owner.execute("UPDATE device_registry SET site_id = $1, model = $1, fw_version = $1", name)
    answer = json.dumps({"status": "hot", "details": {"code": name}})
    await ended(owner, 2, kind=name, by=name, answer=answer)
    await fold_all(folds)
    cut = name[:175] if len(name) > 256 else name
    for kind in GroupKind:
        wanted = cut[:100] if kind is GroupKind.REASON else cut
        assert await groups_of(figures, kind) == {wanted: Ended(failed=2)}
    end = (await figures.recent_ends("acme", datetime.now(UTC) - timedelta(hours=1))).value[0]
    assert (end.site, end.model, end.fw, end.command_type, end.sender, end.reason) == (*[cut] * 5, cut[:100])
    assert not await owner.fetch("SELECT FROM device_console.problems")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ('{"status": "hot", "details": {"code": 5}}', "5"),
        ('{"status": "hot", "details": {"code": true, "message": "too hot"}}', "too hot"),
        ('{"status": "hot", "details": {"reason": {"a": 1}}}', "hot"),
        ('{"status": "hot", "details": null}', "hot"),
        ('{"status": "hot", "details": [1]}', "hot"),
        ('{"status": ["x"]}', '["x"]'),
        ('{"status": "hot", "details": {"code": 1e9999}}', "1" + "0" * 99),
    ],
)
async def test_the_reason_of_a_failure_is_the_answers_own(
    folds: FoldStore, figures: FigureStore, owner: asyncpg.Connection, fleet: Fleet, answer: str, reason: str
) -> None:
    """Without it, every failure is the same failure; whatever an answer holds, its batch is counted."""
    await ended(owner, answer=answer)
    await fold_all(folds)
    assert await groups_of(figures, GroupKind.REASON) == {reason: Ended(failed=1)}


async def test_without_a_registry_everything_is_counted_without_a_name(
    folds: FoldStore, figures: FigureStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without it, devices that are not registered end nowhere."""
    await owner.execute("DELETE FROM device_registry")
    await ended(owner, 3, by=None)
    await fold_all(folds)
    assert await ended_of(figures) == Ended(ok=3)
    for kind in (GroupKind.SITE, GroupKind.MODEL, GroupKind.FW, GroupKind.SENDER):
        assert await groups_of(figures, kind) == {"": Ended(ok=3)}
    (latency,) = (await figures.latency("acme")).value
    assert (latency.command_type, latency.model, latency.answered.answers) == ("ping", "", 3)
    assert latency.answered == Histogram((*[0] * bucket_of(2_000), 3))


async def test_infinite_times_and_inferred_publications_have_no_answer_time(
    folds: FoldStore, figures: FigureStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without it, one row of another program stops the counting of its batch."""
    await ended(owner, 4)
    await owner.execute("UPDATE device_commands SET published_at = '-infinity' WHERE command_id = 'c1'")
    await owner.execute("UPDATE device_commands SET published_at = acked_at WHERE command_id = 'c2'")
    await owner.execute("UPDATE device_commands SET published_at = NULL WHERE command_id = 'c3'")
    await fold_all(folds)
    assert await ended_of(figures) == Ended(ok=4)
    assert [one.answered.answers for one in (await figures.latency("acme")).value] == [1]


async def test_another_tenant_sees_none_of_it(
    folds: FoldStore, figures: FigureStore, owner: asyncpg.Connection, fleet: Fleet, database: Database
) -> None:
    """Without row-level security on the figures, a statement for another tenant reads them."""
    await ended(owner, 2, answer='{"status": "hot"}')
    await owner.execute(EVENT, "acme", "missed", "c", 1, timedelta(minutes=1))
    async with database.tenant_session("rival") as connection:
        assert await connection.fetchval("SELECT device_console.unfolded_s()") is None
    await fold_all(folds)
    assert (await ended_of(figures)).total == 3
    tables = ("minute_totals", "hour_groups", "recent_ends", "folds")
    async with database.tenant_session("rival") as connection:
        for table in (*tables, "type_latency"):
            assert await connection.fetch(f"SELECT FROM device_console.{table}") == []
        assert (
            await connection.fetch(
                query("figures_recent"), "acme", datetime(2000, 1, 1, tzinfo=UTC), 10, datetime.now(UTC)
            )
            == []
        )
    async with database.tenant_session("acme") as connection:
        for table in tables:
            assert await connection.fetch(f"SELECT FROM device_console.{table}")
    assert await ended_of(figures, "rival") == Ended()
    assert (await figures.headline("rival")).value.sentence == "Nothing ended in the last hour."


async def test_names_that_differ_behind_the_cut_are_one_name(
    folds: FoldStore, figures: FigureStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the second sum, two such names meet in one statement, and their batches cannot be counted."""
    await owner.execute("UPDATE device_registry SET site_id = repeat('x', 300) || device_id")
    await owner.execute("UPDATE device_registry SET model = site_id")
    for number in (1, 2, 3):
        await ended(owner, prefix=f"c{number}", device=f"pump-{number}")
    await fold_all(folds)
    assert await groups_of(figures, GroupKind.SITE) == {"x" * 256: Ended(ok=3)}
    assert [one.answered.answers for one in (await figures.latency("acme")).value] == [3]
    assert not await owner.fetch("SELECT FROM device_console.problems")


async def test_a_span_is_the_sum_of_its_minutes_and_nothing_of_others(
    owner: asyncpg.Connection, fleet: Fleet, figures: FigureStore
) -> None:
    """Without it a day shows other numbers than its hours."""
    now = datetime.now(UTC)
    for ago, tenant, ended, answered in (
        (1, fleet.acme, [1, 2, 3, 4, 5], [1, 0, 7]), (45, fleet.acme, [1, 0, 0, 0, 0], [2]),
        (23 * 60, fleet.acme, [9, 0, 0, 0, 0], []), (25 * 60, fleet.acme, [1_000, 0, 0, 0, 0], [5]),
        (1, fleet.rival, [1_000, 0, 0, 0, 0], [5]),
    ):  # fmt: skip
        await owner.execute(
            "INSERT INTO device_console.minute_totals VALUES ($1, date_trunc('minute', $2::timestamptz), 1, $3, $4)",
            tenant, now - timedelta(minutes=ago), ended, answered,
        )  # fmt: skip
    step = timedelta(minutes=20)
    found = await figures.span(fleet.acme, step, 72)
    columns = found.columns()
    assert len(columns) == 72
    assert all((one.minute - found.begin) % step == timedelta(0) for one in columns)
    assert columns[-1].minute <= found.freshness.read_at < columns[-1].minute + step
    assert all_ended(one.ended for one in columns) == Ended(11, 2, 3, 4, 5)
    assert sum(one.sent for one in columns) == 3
    assert {one.answered.counts for one in found.pieces} == {(1, 0, 7), (2,), ()}
    assert await figures.span(fleet.acme, step, 72) is found, "for a minute nothing is summed again"
    assert all_ended(one.ended for one in (await figures.span(fleet.rival, step, 72)).columns()).ok == 1_000


async def test_a_site_of_the_headline_is_counted_once_a_minute(
    figures: FigureStore, database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without it each fold of an incident reads the whole registry of the tenant, in each process."""
    assert fleet.acme == "acme"
    await owner.execute("UPDATE device_registry SET site_id = 'turku' WHERE tenant_id = 'acme'")
    now = datetime.now(UTC)
    async with database.tenant_session("acme") as connection:
        counted = await figures._devices_of(connection, "acme", "turku", now)
        await owner.execute("UPDATE device_registry SET site_id = 'lyon' WHERE tenant_id = 'acme'")
        assert counted > 0
        assert await figures._devices_of(connection, "acme", "turku", now + timedelta(seconds=59)) == counted
        assert await figures._devices_of(connection, "acme", "turku", now + timedelta(seconds=60)) == 0
