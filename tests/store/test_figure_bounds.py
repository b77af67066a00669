"""Figures stay small and true whatever is counted: bounds, trimming, events that cannot be counted, and how new they are."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from console.clock import SystemClock
from console.domain.figures import Ended, GroupKind
from console.domain.histograms import bucket_of
from console.services.counts import Counts
from console.services.folder import KEEP_HOURS, KEEP_MINUTES, KEEP_SENT, Folder
from console.store.figures import FigureStore, FoldStore
from console.store.pool import Database
from tests.conftest import Fleet
from tests.rows import add_tenant
from tests.store.test_figures import ended, ended_of, ends_of, figures, fold_all, folds, groups_of
from tests.waiting import until

__all__ = ["figures", "folds"]
HOUR = timedelta(hours=1)


async def test_two_hundred_of_a_batch_stand_for_it_and_all_are_counted(
    folds: FoldStore, figures: FigureStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the bound, one bulk send fills the list of what ended badly; without the count, totals lie."""
    await ended(owner, 450, "missed", prefix="m")
    await ended(owner, 250, prefix="f", answer='{"status": "hot"}')
    await fold_all(folds)
    found = await ends_of(figures)
    assert (len(found), sum(command_id[0] == "m" for command_id in found)) == (400, 200)
    assert await ended_of(figures) == Ended(missed=450, failed=250)


async def test_the_newest_five_thousand_stay(
    folds: FoldStore, figures: FigureStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the trimming, what ended badly fills the disk; without the order, the newest goes first."""
    await owner.execute(
        "INSERT INTO device_console.recent_ends SELECT t, 'old' || n, now() - interval '1 hour', 'missed', 'd', '', '', '', '',"
        " '', NULL, '' FROM generate_series(1, 5100) n, unnest(ARRAY['acme', 'rival']) t"
    )
    for n in range(2):
        await ended(owner, 150, "missed", prefix=f"new{n}-")
    await fold_all(folds)
    found = await ends_of(figures)
    assert (len(found), sum(command_id.startswith("new") for command_id in found)) == (5_000, 300)
    count = "SELECT count(*) FROM device_console.recent_ends WHERE tenant_id = $1"
    assert [await owner.fetchval(count, tenant) for tenant in ("acme", "rival")] == [5_000, 5_100]


async def test_learned_times_are_halved_so_that_they_follow_the_fleet(
    folds: FoldStore, figures: FigureStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without it, a firmware that is slower from today on is called unusual for months."""
    await owner.execute(
        "INSERT INTO device_console.type_latency VALUES ('acme', 'ping', 'PX-200', 9999, '{9995, 3, 1}'), ('acme', 'ping', 'other', 1, '{1}')"
    )
    await ended(owner, 2)
    await fold_all(folds)
    by_model = {one.model: one for one in (await figures.latency("acme", "ping")).value}
    other, found = by_model["other"], by_model["PX-200"]
    assert other.answered.counts == (1,)
    assert found.answered.counts == (4_997, 1, *[0] * (bucket_of(2_000) - 2), 1)
    rows = await owner.fetch("SELECT answers FROM device_console.type_latency WHERE model = 'PX-200'")
    assert rows == [(4_999,)]
    assert (await figures.latency("acme", "ping", "other")).value == (other,)
    assert await owner.fetchval("SELECT device_console.faded('{60000,0,1,0}')") == [7_500]


async def test_at_most_five_hundred_names_of_a_kind_are_kept_for_an_hour(
    folds: FoldStore, figures: FigureStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the bound, a device that answers with another word each time fills the disk."""
    for turn in range(3):
        await ended(owner, 300, prefix=f"c{turn}-", answer='{"status": "hot"}')
        await owner.execute(
            "UPDATE device_commands SET ack_details = jsonb_build_object('status', command_id) WHERE command_id LIKE $1",
            f"c{turn}-%",
        )
        await fold_all(folds)
    await ended(
        owner, 1, prefix="c0-1x", answer='{"status": "c0-1"}'
    )  # a known name is still counted as itself
    await fold_all(folds)
    found = await groups_of(figures, GroupKind.REASON)
    assert (len(found), found[""], found["c0-1"]) == (501, Ended(failed=400), Ended(failed=2))
    assert await groups_of(figures, GroupKind.TYPE) == {"ping": Ended(failed=901)}


async def test_old_minutes_and_hours_go_and_the_rest_stays(
    folds: FoldStore, figures: FigureStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the trimming, ten years of minutes lie on the disk."""
    for ago in (timedelta(0), timedelta(days=7), timedelta(days=9), timedelta(days=399), timedelta(days=401)):
        await ended(owner, 1, prefix=f"c{ago.days}-", ago=ago)
    await owner.execute(
        "INSERT INTO device_console.sent_events (tenant_id, sent_at, sent) SELECT 'acme', now(), n FROM generate_series(1, 5) n"
    )
    await folds.fold(1)  # takes one event of each kind; the others of sends are beyond what is kept
    assert await folds.trim(KEEP_MINUTES, KEEP_HOURS, 2, 1) == 1
    while await folds.trim(KEEP_MINUTES, KEEP_HOURS, 2, 1):
        pass
    assert await owner.fetchval("SELECT count(*) FROM device_console.sent_events") == 2
    await fold_all(folds)
    assert await folds.trim(KEEP_MINUTES, KEEP_HOURS, KEEP_SENT, 1_000) == 5
    left = "SELECT now()::date - {0}::date AS days FROM device_console.{1} WHERE {2} ORDER BY 1"
    assert [row["days"] for row in await owner.fetch(left.format("minute", "minute_totals", "true"))] == [
        0,
        7,
    ]
    hours = await owner.fetch(left.format("hour", "hour_groups", "kind = 'site'"))
    assert [row["days"] for row in hours] == [0, 7, 9, 399]


async def test_an_event_that_cannot_be_counted_stops_no_other(
    folds: FoldStore, figures: FigureStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the step by step, one event stops all figures for ever; without the problem, nobody knows of the loss."""
    await ended(owner, 2)
    await ended(owner, 3, tenant="rival", prefix="r")
    await owner.execute(
        "INSERT INTO device_console.sent_events (tenant_id, sent_at, sent) VALUES ('acme', now(), 7)"
    )
    await owner.execute(
        "CREATE FUNCTION bad() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room for %', NEW.tenant_id; END $$;"
        "CREATE TRIGGER bad BEFORE INSERT ON device_console.hour_groups FOR EACH ROW WHEN (NEW.tenant_id = 'rival') EXECUTE FUNCTION bad()"
    )
    done = await folds.fold(2_000)
    assert (done.is_over, done.answered.answers) == (True, 2)
    assert done.answered.p50_ms == pytest.approx(2_000, rel=0.2)
    assert (await ended_of(figures), await ended_of(figures, "rival")) == (Ended(ok=2), Ended())
    assert await owner.fetchval("SELECT sum(sent) FROM device_console.minute_totals") == 7
    (problem,) = await owner.fetch("SELECT tenant_id, detail FROM device_console.problems")
    assert tuple(problem) == ("rival", "some commands that ended could not be counted: no room for rival")
    assert await owner.fetchval("SELECT count(*) FROM device_console.ended_events") == 0


async def test_figures_say_how_new_they_are(
    folds: FoldStore, figures: FigureStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without it, a chart that stands still looks like a night without commands."""
    now = datetime.now(UTC)
    before = (await figures.minutes("acme", now - HOUR, now + HOUR)).freshness
    assert (before.folded_at, before.waiting_s, before.has_worker, before.is_old) == (
        None,
        None,
        False,
        False,
    )
    await ended(owner, 1, ago=timedelta(minutes=1))
    await ended(owner, 1, tenant="rival", prefix="r", ago=timedelta(minutes=5))
    waits = (await figures.latency("acme")).freshness
    assert 60 <= waits.age_s < 120
    assert waits.is_old
    await fold_all(folds)
    await owner.execute(
        "INSERT INTO device_console.leases (role, holder, is_shared, program, host, pid, machine)"
        " VALUES ('sweep', gen_random_uuid(), true, 'x', 'x', 1, 'x')"
    )
    after = (await figures.headline("acme")).freshness
    assert after.folded_at is not None
    assert before.read_at < after.folded_at < after.read_at
    assert (after.waiting_s, after.has_worker) == (None, True)
    await owner.execute("UPDATE device_console.leases SET beat_at = now() - interval '1 minute'")
    assert not (await figures.headline("acme")).freshness.has_worker


async def test_hours_and_minutes_of_a_range_and_the_headline_of_them(
    folds: FoldStore, figures: FigureStore, owner: asyncpg.Connection, fleet: Fleet, database: Database
) -> None:
    """Without the bounds of the range, a chart counts a minute twice where two ranges meet."""
    await ended(owner, 6, "missed")
    await ended(owner, 10, prefix="before", ago=timedelta(hours=3))
    await fold_all(folds)
    now = (await figures.headline("acme")).freshness.read_at
    minute = now.replace(second=0, microsecond=0)
    since = minute - timedelta(minutes=5)
    counted = (await figures.minutes("acme", since, minute + timedelta(minutes=1))).value
    assert sum(one.ended.missed for one in counted) == 6
    begin = counted[-1].minute
    assert (await figures.minutes("acme", begin, begin)).value == ()
    hours = (await figures.hours("acme", [GroupKind.SITE, GroupKind.TYPE], now - 5 * HOUR, now + HOUR)).value
    assert [(one.group.kind, one.group.name, one.group.ended) for one in hours] == [
        (GroupKind.SITE, "lyon", Ended(ok=10)), (GroupKind.TYPE, "ping", Ended(ok=10)),
        (GroupKind.SITE, "lyon", Ended(missed=6)), (GroupKind.TYPE, "ping", Ended(missed=6)),
    ]  # fmt: skip
    found = (await figures.headline("acme")).value
    assert found.sentence.startswith("lyon: 6 missed on 1 of 5 devices since ")
    assert sorted(found.command_ids) == [f"c{n}" for n in range(1, 7)]


@pytest.mark.parametrize("count", [1, 400])
async def test_many_small_events_and_many_tenants_are_folded(
    folds: FoldStore, owner: asyncpg.Connection, count: int
) -> None:
    """Without the bound of a transaction, a backlog is one long one; without the next call, it stays."""
    for n in range(3):
        await add_tenant(owner, f"t{n}")
        await ended(owner, count, tenant=f"t{n}", prefix="c")
    first = await folds.fold(500)
    assert (first.commands, first.is_over) == ((3, True) if count == 1 else (400, False))
    assert await fold_all(folds, 500) == 3 * count - first.commands
    assert (await folds.fold(1)).commands == 0
    await ended(owner, 7, tenant="t0", prefix="x")
    assert (await folds.fold(1)).commands == 7  # one with more is folded alone


async def test_a_folder_counts_what_was_left_behind_and_what_it_is_woken_for(
    folds: FoldStore, figures: FigureStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the first look, what ended before a crash waits for the next end."""

    async def counted(total: int) -> bool:
        return (await ended_of(figures)).total == total

    await ended(owner, 2)
    woken = asyncio.Event()
    running = asyncio.create_task(Folder(folds, woken, lambda: False, Counts(), SystemClock()).run())
    await until(lambda: counted(2))
    await ended(owner, 3, prefix="later")
    woken.set()
    await until(lambda: counted(5))
    running.cancel()
