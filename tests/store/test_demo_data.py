"""The demo's rows look like a life, and break no rule of the contract."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from console.demo.data import seed_demo
from console.demo.scale import seed_history
from console.domain.identifiers import id_fault
from console.services.catalogue import misfit
from console.store.access import Access
from console.store.catalogue import CatalogueStore
from console.store.figures import FigureStore, FoldStore
from console.store.pool import Database
from console.store.sql import with_command_rows


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """As the owner, who alone may seed."""
    database = Database(Access(database_url))
    await database.open()
    yield database
    await database.close()


INVARIANTS = {
    "published before it was created": "published_at < created_at",
    "answered before it was published": "acked_at <= published_at OR (acked_at IS NOT NULL AND published_at IS NULL)",
    "in the future": "GREATEST(created_at, published_at, acked_at) > now()",
    "without a TTL": "expires_at <= created_at",
    "queued and overdue": "status = 'queued' AND expires_at <= now()",
    "settled before its deadline": (
        "status = 'missed' AND expires_at > now() OR status = 'expired' AND expires_at > now() AND NOT EXISTS"
        " (SELECT FROM device_console.journal j WHERE j.command_id = c.command_id AND j.kind = 'cancelled')"
    ),
    "delivered without an answer": "(status = 'delivered') <> (acked_at IS NOT NULL)",
    "with an answer of another shape": (
        "(acked_at IS NULL) <> (ack_details IS NULL) OR ack_details IS NOT NULL AND"
        " (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(ack_details) k) <> '{details,status}'"
    ),
    "missed and unpublished": "status = 'missed' AND published_at IS NULL",
    "expired and published": "status = 'expired' AND published_at IS NOT NULL",
    "published after its deadline": "published_at >= expires_at",
    "with params that are no object": "jsonb_typeof(command_params) <> 'object'",
    "for a device that takes none": (
        "NOT EXISTS (SELECT FROM device_registry r WHERE r.tenant_id = c.tenant_id AND r.device_id = c.device_id"
        " AND r.decommissioned_at IS NULL)"
    ),
}


async def broken_rules(owner: asyncpg.Connection) -> list[str]:
    return [
        rule
        for rule, condition in INVARIANTS.items()
        if await owner.fetchval(f"SELECT count(*) FROM device_commands c WHERE {condition}")
    ]


async def test_the_demo_is_made_once(database: Database, owner: asyncpg.Connection) -> None:
    assert await seed_demo(database)
    commands = await owner.fetchval("SELECT count(*) FROM device_commands")
    assert not await seed_demo(database)
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == commands
    rows = await owner.fetch("SELECT tenant_id, count(*) FROM device_registry GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in rows] == [("demo", 250), ("demo-two", 12)]


async def test_every_row_keeps_the_contract(database: Database, owner: asyncpg.Connection) -> None:
    await seed_demo(database)
    assert await broken_rules(owner) == []


async def test_the_history_has_every_phase_in_a_plausible_share(
    database: Database, owner: asyncpg.Connection
) -> None:
    await seed_demo(database)
    rows = await owner.fetch(
        with_command_rows(
            "SELECT phase, count(*) FROM /*command_rows*/ v WHERE tenant_id = 'demo' GROUP BY 1"
        )
    )
    shares = {row["phase"]: row["count"] for row in rows}
    total = sum(shares.values())
    assert set(shares) == {"ok", "failed", "missed", "expired", "cancelled", "published"}
    assert 8_000 < total < 13_000
    assert shares["ok"] > 0.8 * total
    late = await owner.fetchval("SELECT count(*) FROM device_commands WHERE acked_at > expires_at")
    assert 5 < late < 0.03 * total
    assert await owner.fetchval("SELECT count(DISTINCT created_by) FROM device_commands") >= 4


async def test_the_journal_names_existing_commands(database: Database, owner: asyncpg.Connection) -> None:
    await seed_demo(database)
    orphans = await owner.fetchval(
        "SELECT count(*) FROM device_console.journal j LEFT JOIN device_commands c USING (tenant_id, command_id)"
        " LEFT JOIN device_commands o ON o.tenant_id = j.tenant_id AND o.command_id = j.detail"
        "                             AND o.device_id = c.device_id AND o.created_at < c.created_at"
        " WHERE c.command_id IS NULL OR j.at < c.created_at OR j.at > now()"
        "    OR j.kind = 'retry_of' AND o.command_id IS NULL"
    )
    assert orphans == 0
    kinds = await owner.fetch("SELECT DISTINCT kind FROM device_console.journal ORDER BY 1")
    assert [row["kind"] for row in kinds] == ["cancelled", "retry_of", "unsent"]


async def test_the_registry_has_sites_tags_groups_and_misfits(
    database: Database, owner: asyncpg.Connection
) -> None:
    await seed_demo(database)
    sites = await owner.fetch("SELECT DISTINCT site_id FROM device_registry WHERE tenant_id = 'demo'")
    assert {row["site_id"] for row in sites} == {"lyon", "porto", "gdansk", "turku"}
    groups = "SELECT count(DISTINCT group_id) FROM device_group_members WHERE tenant_id = 'demo'"
    assert await owner.fetchval(groups) == 4
    assert await owner.fetchval("SELECT count(DISTINCT tag) FROM device_tags") == 5
    assert await owner.fetchval("SELECT count(*) FROM device_registry WHERE decommissioned_at < now()") >= 1
    assert await owner.fetchval("SELECT count(DISTINCT status) FROM device_registry") == 3
    assert await owner.fetchval("SELECT count(DISTINCT status) FROM device_state") == 3
    ids = [row["device_id"] for row in await owner.fetch("SELECT device_id FROM device_registry")]
    assert {"pump-0017", "valve-0003", "gateway-0001"} <= set(ids)
    assert not [device_id for device_id in ids if id_fault(device_id)]


@pytest.mark.parametrize("devices", [0, 1, 3, 600])
async def test_a_fleet_of_any_size_can_be_seeded(
    database: Database, owner: asyncpg.Connection, devices: int
) -> None:
    assert await seed_demo(database, tenant_id="plant", devices=devices, days=1)
    count = await owner.fetchval("SELECT count(*) FROM device_registry WHERE tenant_id = 'plant'")
    assert count == devices
    assert await broken_rules(owner) == []


async def test_a_big_history_keeps_the_contract_and_can_be_run_again(
    database: Database, owner: asyncpg.Connection
) -> None:
    reported: list[tuple[int, int]] = []
    added = await seed_history(
        database,
        "scale",
        devices=20,
        commands=2_000,
        progress=lambda done, all_: reported.append((done, all_)),
    )
    assert (added, reported) == (2_000, [(2_000, 2_000)])
    assert await seed_history(database, "scale", devices=20, commands=2_000) == 0
    assert await broken_rules(owner) == []
    statuses = await owner.fetch("SELECT DISTINCT status FROM device_commands ORDER BY 1")
    assert [row["status"] for row in statuses] == ["delivered", "expired", "missed"]


@pytest.mark.slow
async def test_the_demos_commands_and_answers_fit_its_catalogue(
    database: Database, owner: asyncpg.Connection
) -> None:
    """A demo that breaks its own catalogue would show a warning at every second command."""
    await seed_demo(database)
    store = CatalogueStore(database)
    rows = await owner.fetch(
        "SELECT device_id, command_type, command_params::text AS params, (ack_details -> 'details')::text AS details"
        " FROM device_commands WHERE tenant_id = 'demo' AND ack_details ->> 'status' = 'ok'"
    )
    assert len(rows) > 500
    catalogues = {d: await store.of_devices("demo", (d,)) for d in {row["device_id"] for row in rows}}
    faults: dict[str, int] = {}
    for row in rows:
        entry = catalogues[row["device_id"]].listing(row["command_type"]).agreed
        assert entry is not None, f"{row['device_id']} takes no {row['command_type']}"
        message = (
            misfit(entry.params_schema or "", row["params"]),
            misfit(entry.answer_schema or "", row["details"]),
        )
        for fault in filter(None, message):
            faults[f"{row['command_type']}: {fault}"] = faults.get(f"{row['command_type']}: {fault}", 0) + 1
    assert sum(faults.values()) <= len(rows) * 0.02, faults


async def test_the_charts_have_the_demos_history_once_a_worker_has_counted_it(
    database: Database, owner: asyncpg.Connection
) -> None:
    """Without its events the overview of a new demo is empty for an hour."""
    await seed_demo(database)
    folds = FoldStore(database)
    while not (await folds.fold(2_000)).is_over:
        pass
    counted = await owner.fetchrow(
        "SELECT sum(ended[1] + ended[3]) AS ok, sum(ended[2]) AS failed, sum(ended[4]) AS missed, sum(ended[5]) AS expired"
        " FROM device_console.minute_totals WHERE tenant_id = 'demo'"
    )
    rows = await owner.fetchrow(
        "SELECT count(*) FILTER (WHERE ack_details->>'status' = 'ok') AS ok,"
        " count(*) FILTER (WHERE ack_details->>'status' = 'error') AS failed,"
        " count(*) FILTER (WHERE status = 'missed') AS missed, count(*) FILTER (WHERE status = 'expired' AND NOT EXISTS"
        " (SELECT FROM device_console.journal j WHERE j.command_id = c.command_id AND j.kind = 'cancelled')) AS expired"
        " FROM device_commands c WHERE tenant_id = 'demo'"
    )
    assert dict(counted) == dict(rows)
    assert rows["ok"] > 1_000
    recent = await FigureStore(database).overview("demo")
    assert len(recent.minutes) > 55, "the last hour has no gaps"
