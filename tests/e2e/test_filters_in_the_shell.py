"""What a filter in a shell finds, leaves out, and says of values that do not occur."""

import json
from pathlib import Path

import asyncpg
import pytest

from console.store.access import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.e2e.test_command_line import Console, mqtt_url

pytestmark = pytest.mark.mosquitto


@pytest.fixture
async def console(
    access: Access, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path, owner: asyncpg.Connection
) -> Console:
    assert fleet.acme == "acme"
    await owner.execute(
        "UPDATE device_registry SET site_id = 'warehouse-east', metadata = '{\"name\": \"Feed pump\"}' WHERE device_id = 'pump-1';"
        "UPDATE device_registry SET decommissioned_at = now() WHERE device_id IN ('pump-4', 'pump-5');"
        "UPDATE device_registry SET status = 'SUSPENDED' WHERE device_id = 'pump-2';"
        "INSERT INTO device_groups VALUES ('acme', 'north', 'Northern ring')"
    )
    return Console(
        tmp_path, DATABASE_URL=access.url, MQTT_URL=mqtt_url(mosquitto.address), CONSOLE_TENANT="acme",
        CONSOLE_OPERATOR="alice",
    )  # fmt: skip


@pytest.mark.slow
async def test_what_is_decommissioned_is_left_out_and_counted(
    console: Console, owner: asyncpg.Connection
) -> None:
    """Without the note nobody knows where two devices are."""
    listed = await console.run("devices")
    assert "pump-4" not in listed.out
    assert "? suspended" in listed.out
    assert listed.out.startswith("DEVICE  NAME")
    assert "2 decommissioned not shown; state:decommissioned finds them" in listed.err
    gone = await console.run("devices", "state:decommissioned", "--json")
    documents = [json.loads(line) for line in gone.out.splitlines()]
    assert {d["device_id"]: d["state"] for d in documents} == {
        "pump-4": "decommissioned",
        "pump-5": "decommissioned",
    }
    assert "not shown" not in gone.err
    sent = await console.run("send", "--where", "state:decommissioned,suspended", "ping", "--yes")
    assert "2 of the devices found are decommissioned and left out" in sent.err
    assert await owner.fetchval("SELECT string_agg(device_id, ' ') FROM device_commands") == "pump-2"


@pytest.mark.slow
async def test_a_value_that_does_not_occur_is_reported_and_an_unknown_group_is_refused(
    console: Console, owner: asyncpg.Connection
) -> None:
    """Without it a group with a typing error is an empty fleet."""
    hinted = await console.run("devices", "site:warehouse")
    assert hinted.code == 0
    assert "note: No site is exactly “warehouse”: site:warehouse* finds warehouse-east." in hinted.err
    for arguments in (
        ("devices", "group:nrth"), ("history", "--where", "group:nrth"), ("export", "--where", "group:nrth"),
        ("tail", "--where", "group:nrth"), ("send", "--where", "group:nrth", "ping", "--yes"),
    ):  # fmt: skip
        refused = await console.run(*arguments)
        assert refused.code == 2, arguments
        assert "There is no group “nrth”: the nearest is north" in refused.err
    assert (await console.run("devices", "group:north")).code == 0
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 0


async def test_a_large_fleet_says_what_seen_goes_by(console: Console, owner: asyncpg.Connection) -> None:
    """Without the note a device that has just answered is missing among those that were seen."""
    assert "goes by" not in (await console.run("devices", "seen<1h")).err
    await owner.execute(
        "INSERT INTO device_registry (tenant_id, device_id, site_id)"
        " SELECT 'acme', 'many-' || n, 'west' FROM generate_series(1, 20000) AS n"
    )
    message = (await console.run("devices", "seen<1h")).err
    assert (
        "with more than 20,000 devices, `seen` goes by the platform's state only, not by answers or connections"
        in message
    )
    assert "goes by" not in (await console.run("devices", "many-1999*")).err


async def test_a_saved_view_lists_what_it_shows_on_the_screen(console: Console, tmp_path: Path) -> None:
    """Without it a list that was found on the screen must be written down a second time for a script."""
    console.environment["XDG_DATA_HOME"] = str(tmp_path)
    view = {"name": "east first", "filter": "-device:pump-3", "sort": "device", "reverse": True,
            "columns": ["site", "device"], "group": "site"}  # fmt: skip
    (tmp_path / "device-console").mkdir()
    kept = tmp_path / "device-console" / "views.json"
    kept.write_text(json.dumps({"version": 1, "tenants": {"acme": {"views": [view]}}}))
    listed = await console.run("devices", "--view", "East First")
    rows = [line.split() for line in listed.out.splitlines()]
    assert rows[0] == ["DEVICE", "SITE"]
    assert "pump-3" not in listed.out
    sites = [row[1] for row in rows[1:]]
    assert sites == sorted(sites), "the devices of a group stand together"
    ids = [row[0] for row in rows[1:] if row[1] == sites[0]]
    assert ids == sorted(ids, reverse=True)
    narrowed = await console.run(
        "devices", "--view", "east first", "site:warehouse-east", "--columns", "device"
    )
    assert narrowed.out.split() == ["DEVICE", "pump-1"]
    missing = await console.run("devices", "--view", "west")
    assert missing.code == 2
    assert "There is no view 'west': the views are east first." in missing.err
    kept.write_text("{")
    damaged = await console.run("devices", "--view", "east first")
    assert damaged.code == 2
    assert "note: The views in views.json cannot be read" in damaged.err
    assert "none is saved" in damaged.err
