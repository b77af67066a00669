"""Figures on a real PostgreSQL: what the fold counts of events is what the rows themselves say."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from console.domain.acks import OK_WORDS, Acknowledgement, LateAck
from console.domain.commands import Phase
from console.domain.figures import Ended, GroupKind, all_ended
from console.store.figures import FigureStore, FoldStore
from console.store.pool import Database
from console.store.settlement import BEGINNING, SettlementStore
from tests.conftest import Fleet
from tests.rows import add_command

COUNTED = "SELECT sum(n) FROM device_console.minute_totals, unnest(ended) n"
ENDED = (
    "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, status, created_by, published_at,"
    " acked_at, ack_details, expires_at)"
    " SELECT $1, i, d, t, s, b, now() - make_interval(secs => m), CASE WHEN w <> '' THEN now() END,"
    " CASE WHEN w <> '' THEN jsonb_build_object('status', w, 'details', CASE WHEN c <> '' THEN jsonb_build_object('code', c) END) END,"
    " now() FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::float[], $8::text[], $9::text[])"
    " AS r(i, d, t, s, b, m, w, c)"
)
EVENT = "INSERT INTO device_console.ended_events (tenant_id, outcome, ended_at, command_ids) VALUES ($1, $2, $3, $4)"


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
    assert await fold_all(folds) == 6
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
