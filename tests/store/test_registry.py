"""What the platform's registry holds of a device is read, found by filters, and done without where it is missing."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from console.domain.devices import Sort
from console.domain.filters.language import Scope, parse_filter
from console.runtime.program import Program
from console.store import shape
from console.store.sql import query
from tests.filters import of_commands, of_devices
from tests.platform import PlatformUrls

IN_SERVICE = ["gw-1", "gw-2", "meter-1", "pump-1", "pump-2", "pump-3", "pump-4"]


@pytest.fixture
async def sql(platform: PlatformUrls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(platform.owner)
    yield connection
    await connection.close()


async def found(program: Program, text: str) -> list[str]:
    ids = await program.history.device_index("acme", of_devices(text))
    head = await program.history.device_head("acme", of_devices(text))
    assert head == ids
    assert await program.history.device_count("acme", of_devices(text)) == len(ids)
    return ids


async def test_template_and_metadata_say_what_the_registry_leaves_open(platform_program: Program) -> None:
    """Without them MODEL is empty for every device that was made from a template."""
    devices = await platform_program.history.devices("acme", [*IN_SERVICE, "pump-5"])
    assert {name: (d.model, d.name, d.template, d.parent_id) for name, d in devices.items()} == {
        "gw-1": ("GW-100", "Gateway hall 3", "Industrial gateway", None),
        "gw-2": ("GW-100", None, "Industrial gateway", None),
        "pump-1": ("PX-200", "Feed pump A", "Feed pump", "gw-1"),
        "pump-2": ("PX-300", "Feed pump B", "Feed pump", "gw-1"),
        "pump-3": ("PX-200", None, "Feed pump", None),
        "pump-4": (None, None, None, None),
        "pump-5": (None, None, None, None),
        "meter-1": ("M2", "Water meter", None, None),
    }
    assert (devices["pump-1"].manufacturer, devices["gw-1"].device_type) == ("AquaSense", "gateway")
    assert {name: d.state for name, d in devices.items() if not d.in_service} == {
        "pump-3": "suspended", "pump-4": "inactive", "pump-5": "decommissioned",
    }  # fmt: skip


FOUND = {
    "": IN_SERVICE,
    "model:gw-100": ["gw-1", "gw-2"],
    "model:PX-200": ["pump-1", "pump-3"],
    "model:m*,px-3*": ["meter-1", "pump-2"],
    'name:"feed pump a"': ["pump-1"],
    "name:feed*": ["pump-1", "pump-2"],
    "hall": ["gw-1"],
    "aquasense": ["pump-1", "pump-2", "pump-3"],
    "industrial": ["gw-1", "gw-2"],
    'template:"feed pump"': ["pump-1", "pump-2", "pump-3"],
    "-template:feed-pump,industrial-*": ["meter-1", "pump-4"],
    "parent:gw-1": ["pump-1", "pump-2"],
    "parent:GW-1": [],
    "parent:gw-? -name:*b": ["pump-1"],
    "state:suspended": ["pump-3"],
    "state:inactive": ["pump-4"],
    "state:decommissioned": ["pump-5"],
    "-state:active": ["pump-3", "pump-4", "pump-5"],
    "state:in*,active": ["gw-1", "gw-2", "meter-1", "pump-1", "pump-2", "pump-4"],
    "device:pump-5": ["pump-5"],
    "device:pump-*": ["pump-1", "pump-2", "pump-3", "pump-4"],
    "-device:pump-5": IN_SERVICE,
    "decommissioned": [],
    'group:"critical and online"': ["gw-1", "pump-1"],
    "group:dyn-77e0": ["pump-1"],
    "group:west": ["gw-2", "pump-3", "pump-4"],
    "group:west state:*": ["gw-2", "pump-3", "pump-4", "pump-5"],
    'group:"Feed pumps"': ["pump-1", "pump-2"],
    "group:grp-20aa": [],
    "-group:west group:*": ["gw-1", "pump-1", "pump-2"],
}


async def test_the_devices_that_a_filter_means_are_found(platform_program: Program) -> None:
    """Without the rule of a dynamic group it finds nothing; without the hiding, what is gone looks alive."""
    assert {text: await found(platform_program, text) for text in FOUND} == FOUND


async def test_a_history_is_filtered_by_the_same(platform_program: Program, sql: asyncpg.Connection) -> None:
    await sql.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, expires_at)"
        " SELECT tenant_id, 'of ' || device_id, device_id, 'ping', now() + interval '1 hour' FROM device_registry"
        " WHERE tenant_id = 'acme'"
    )
    for text, ids in FOUND.items():
        if text in {"hall", "aquasense", "industrial", "decommissioned"}:
            continue  # words look at the command there
        page = await platform_program.history.commands("acme", wanted=of_commands(text))
        devices = {c.device_id for c in page.commands} - ({"pump-5"} if "pump-5" not in ids else set())
        assert devices == set(ids), text


async def test_a_group_whose_filter_is_not_understood_matches_nothing(
    platform_program: Program, sql: asyncpg.Connection
) -> None:
    """Without that, a condition of a later version widens a bulk send to every device."""
    for number, rule in enumerate(
        (
            '{"model": "GW-100"}', '{"site_id": "lyon", "tags_any": ["a"]}', '["status"]', '"ONLINE"', "7",
            '{"status": ["ONLINE"]}', '{"status": "BROKEN"}', '{"site_id": 7}', '{"tags": [7]}', '{"tags": {"a": 1}}',
            '{"status": null}', '{"tags": [["water"]]}', '{"tags": [[]]}', '{"tags": ["water", []]}',
        )
    ):  # fmt: skip
        await sql.execute(
            "INSERT INTO dynamic_device_groups (tenant_id, group_id, name, query_filter) VALUES ('acme', $1, $2, $3)",
            f"odd-{number}", f"Odd {number}", rule,
        )  # fmt: skip
        assert await found(platform_program, f"group:odd-{number}") == [], rule
        (note,) = await platform_program.history.filter_notes("acme", of_devices(f"group:odd-{number}"))
        assert note.is_fault, rule
        assert "are unknown" in note.sentence


async def test_a_rule_with_tags_is_not_understood_where_tags_may_not_be_read(
    platform_program: Program, sql: asyncpg.Connection
) -> None:
    """Without it the group is empty, and what it was to keep out is sent to."""
    await sql.execute("REVOKE SELECT ON device_tags FROM pulse_app")
    await sql.execute(
        "UPDATE dynamic_device_groups SET query_filter = $1 WHERE group_id = 'dyn-3c15'",
        '{"tags": ["water"]}',
    )
    (note,) = await platform_program.history.filter_notes("acme", of_devices("-group:west"))
    assert note.is_fault
    assert "are unknown" in note.sentence
    assert await found(platform_program, "group:west") == []


async def test_of_many_groups_all_are_judged(platform_program: Program, sql: asyncpg.Connection) -> None:
    """Without it no group is wrong any more in a tenant of more than a thousand."""
    await sql.execute(
        "INSERT INTO dynamic_device_groups (tenant_id, group_id, name, query_filter)"
        " SELECT 'acme', 'a-' || n, 'Group ' || n, '{}'::jsonb FROM generate_series(1, 1200) n"
        " UNION ALL SELECT 'acme', 'z-odd', 'Odd', '{\"model\": \"x\"}'"
    )
    for text in ("-group:nobody", "-group:nobody*", "-group:odd", "group:o*"):
        (note,) = await platform_program.history.filter_notes("acme", of_devices(text))
        assert note.is_fault, text
    assert await platform_program.history.filter_notes("acme", of_devices("-group:west")) == ()


async def test_the_rules_of_groups_are_read_as_the_platform_writes_them(
    platform_program: Program, sql: asyncpg.Connection
) -> None:
    for rule, ids in {
        "{}": IN_SERVICE,
        '{"status": "offline"}': ["gw-2", "pump-3"],
        '{"status": "SUSPENDED"}': ["pump-3"],
        '{"tags": "water", "site_id": "warehouse-east"}': ["pump-1", "pump-2"],
        '{"tags": []}': IN_SERVICE,
        '{"tags": ["water"], "status": "STALE"}': ["pump-2"],
    }.items():
        await sql.execute(
            "UPDATE dynamic_device_groups SET query_filter = $1 WHERE group_id = 'dyn-3c15'", rule
        )
        assert await found(platform_program, "group:west") == ids, rule


async def test_what_is_to_be_decommissioned_later_is_still_there(
    platform_program: Program, sql: asyncpg.Connection
) -> None:
    """Without the look at the clock, a date of next year takes a device out of sight today."""
    await sql.execute(
        "UPDATE device_registry SET decommissioned_at = CASE device_id WHEN 'gw-1' THEN now() + interval '1 year'"
        " WHEN 'gw-2' THEN 'infinity' ELSE '-infinity' END WHERE device_id IN ('gw-1', 'gw-2', 'meter-1')"
    )
    assert await found(platform_program, "state:decommissioned") == ["meter-1", "pump-5"]
    assert [i for i in await found(platform_program, "") if i in {"gw-1", "gw-2", "meter-1"}] == [
        "gw-1",
        "gw-2",
    ]
    counts = await platform_program.history.device_counts("acme")
    assert (counts.total, counts.decommissioned) == (6, 2)
    assert counts.online + counts.stale + counts.offline + counts.unknown == counts.total
    device = (await platform_program.history.devices("acme", ["gw-1"]))["gw-1"]
    assert (device.state, device.decommissioned_at is None) == ("active", False)


async def test_nothing_that_is_decommissioned_is_chosen_by_a_filter(platform_program: Program) -> None:
    """Without that, a bulk send counts devices that get nothing."""
    for text in ("state:decommissioned", "device:pump-5,pump-1", "-state:active", ""):
        chosen = await platform_program.history.sendable_index("acme", of_devices(text))
        assert chosen == [i for i in await found(platform_program, text) if i != "pump-5"]
    for text in ("", "pump", 'device:"pump-5', "-pump-1"):
        assert await platform_program.history.decommissioned_index("acme", of_devices(text)) == ["pump-5"], (
            text
        )
    searched = [
        device
        async for piece in platform_program.history.search_devices("acme", of_devices("-type:ping"), Sort())
        for device in piece.found
    ]
    assert searched == IN_SERVICE


async def test_a_template_of_another_tenant_says_nothing(
    platform_program: Program, sql: asyncpg.Connection
) -> None:
    """Without the tenant's own policy, a wrong number shows a rival's model."""
    await sql.execute(
        "UPDATE device_registry SET template_id = (SELECT id FROM device_templates WHERE slug = 'secret-pump')"
        " WHERE tenant_id = 'acme' AND device_id IN ('pump-1', 'meter-1')"
    )
    devices = await platform_program.history.devices("acme", ["pump-1", "meter-1"])
    assert {d.device_id: (d.model, d.template) for d in devices.values()} == {
        "pump-1": (None, None), "meter-1": ("M2", None),
    }  # fmt: skip
    assert await found(platform_program, "model:rx-1") == []
    assert await found(platform_program, "template:secret*") == []
    known = await platform_program.history.known_values("acme")
    assert "Secret pump" not in known.values["template"]


async def test_metadata_may_hold_anything(platform_program: Program, sql: asyncpg.Connection) -> None:
    """Without the look at its kind, one number of 131,000 digits is written out for each row of a list."""
    for metadata, name in (
        ('{"name": 1e131000}', None), ('{"name": {"a": 1}}', None), ('{"name": ""}', None), ("[]", None),
        ('{"name": ""  , "label": "L"}', "L"), ('{"display_name": "D", "label": "L"}', "D"), ('"text"', None),
        (f'{{"name": "{"x" * 300}"}}', "x" * 200),
        (json.dumps({"name": "N", "notes": [str(number) for number in range(9_000)]}), None),
    ):  # fmt: skip
        await sql.execute("UPDATE device_registry SET metadata = $1 WHERE device_id = 'gw-1'", metadata)
        device = (await platform_program.history.devices("acme", ["gw-1"]))["gw-1"]
        assert device.name == name, metadata
        assert await found(platform_program, "device:gw-1 xyz") == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE device_templates CASCADE",
        "ALTER TABLE device_registry DROP COLUMN template_id CASCADE",
        "ALTER TABLE device_registry DROP COLUMN parent_device_id CASCADE",
        "ALTER TABLE device_registry DROP COLUMN manufacturer CASCADE, DROP COLUMN device_type CASCADE",
        "ALTER TABLE device_templates DROP COLUMN slug, DROP COLUMN model, DROP COLUMN category",
        "DROP TABLE dynamic_device_groups",
        "DROP TABLE device_tags",
        "DROP TABLE device_group_members, device_groups, dynamic_device_groups",
        "REVOKE SELECT ON device_templates, dynamic_device_groups, device_groups FROM pulse_app",
        "ALTER TABLE device_registry ALTER COLUMN metadata DROP DEFAULT, ALTER COLUMN metadata TYPE text",
        "ALTER TABLE device_templates ALTER COLUMN model TYPE integer USING NULL",
        "ALTER TABLE device_registry DROP CONSTRAINT device_registry_template_id_fkey, ALTER COLUMN template_id TYPE text",
        "ALTER TABLE dynamic_device_groups ALTER COLUMN query_filter DROP DEFAULT, ALTER COLUMN query_filter TYPE text",
    ],
)
async def test_nothing_of_it_is_required(
    platform_program: Program, sql: asyncpg.Connection, change: str
) -> None:
    """Without that, a platform of an earlier version shows no device at all. The second time it is not looked up."""
    history = platform_program.history
    for text in ("", "word", "model:px-300", "template:x* parent:gw-1", "group:west", "tag:critical"):
        await history.device_index("acme", of_devices(text))
    await sql.execute(change)
    for text in (
        "",
        "word",
        "model:px-300",
        "template:x* parent:gw-1",
        "group:west",
        "tag:critical",
        "name:a",
    ):
        await history.device_index("acme", of_devices(text))
        await history.commands("acme", wanted=of_commands(text))
    assert set(await history.devices("acme", IN_SERVICE)) == set(IN_SERVICE)
    known = await history.known_values("acme")
    assert "warehouse-east" in known.values["site"]
    assert await history.filter_notes("acme", of_devices("site:warehouse"))


async def test_what_a_database_has_is_looked_up_once_a_minute(
    platform_program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without that memory, every read of a page asks the catalogue of the server first."""
    asked: list[str] = []

    def counted(name: str) -> str:
        asked.append(name)
        return query(name)

    monkeypatch.setattr(shape, "query", counted)
    for _ in range(3):
        await platform_program.history.device_index("acme")
    assert asked == ["platform_shape"]
    for database, known in list(shape._KNOWN.items()):
        shape._KNOWN[database] = replace(known, until=0.0)
    await platform_program.history.device_index("acme")
    assert asked == ["platform_shape"] * 2


async def test_groups_are_offered_by_name_and_sites_by_what_they_begin_with(
    platform_program: Program,
) -> None:
    known = await platform_program.history.known_values("acme")
    assert sorted(known.values["group"]) == [
        "Critical and online",
        "Empty",
        "Feed pumps",
        "West",
        "Wet and critical",
    ]
    assert known.values["template"] == ("Feed pump", "Industrial gateway")
    assert known.values["parent"] == ("gw-1",)
    for scope in (Scope.DEVICES, Scope.COMMANDS):
        notes = await platform_program.history.filter_notes(
            "acme",
            parse_filter("site:warehouse -model:px group:wst device:pump device:pump-1,meter type:x", scope),
        )
        assert [note.sentence for note in notes] == [
            "There is no group “wst”: the nearest is West.",
            "No site is exactly “warehouse”: site:warehouse* finds warehouse-west, warehouse-east.",
            "No model is exactly “px”: model:px* finds PX-200, PX-300.",
            "No device is exactly “pump”: device:pump* finds pump-1, pump-2, pump-3 and 1 more.",
            "No device is exactly “meter”: device:meter* finds meter-1.",
        ]
        assert [note.is_fault for note in notes] == [True, False, False, False, False]
    assert await platform_program.history.filter_notes("acme", of_commands("age>1h word")) == ()
