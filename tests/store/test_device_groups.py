"""Devices by group: who is in which, and the sums of each, as they stand in the registry and among the commands."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from console.domain.commands import Phase
from console.domain.device_groups import GroupBy
from console.domain.devices import DeviceCounts
from console.runtime.program import Program
from tests.filters import of_devices
from tests.platform import PlatformUrls
from tests.rows import add_command

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def four(platform: PlatformUrls) -> AsyncIterator[asyncpg.Connection]:
    """gw-1 and gw-2 at lyon, meter-1 at arles, pump-1 nowhere; all else is decommissioned."""
    sql = await asyncpg.connect(platform.owner)
    await sql.execute(
        """
        UPDATE device_registry SET decommissioned_at = now() WHERE device_id NOT IN ('gw-1', 'gw-2', 'meter-1', 'pump-1');
        UPDATE device_registry SET site_id = 'lyon', model = 'PX', fw_version = '2', metadata = '{}', template_id = NULL
        WHERE tenant_id = 'acme';
        UPDATE device_registry SET site_id = 'arles', model = NULL, metadata = '{"model": "EL"}' WHERE device_id = 'meter-1';
        UPDATE device_registry SET site_id = '' WHERE device_id = 'pump-1';
        UPDATE device_state SET status = 'ONLINE';
        UPDATE device_state SET status = 'OFFLINE' WHERE device_id = 'gw-2';
        UPDATE device_state SET status = 'STALE' WHERE device_id = 'meter-1';
        DELETE FROM device_state WHERE device_id = 'pump-1'
        """
    )
    for number, (device, status) in enumerate(
        [("gw-1", "missed"), ("gw-1", "queued"), ("gw-2", "missed"), ("gw-2", "expired"), ("gw-2", "queued"),
         ("gw-2", "queued"), ("meter-1", "missed"), ("meter-1", "delivered")]
    ):  # fmt: skip
        await add_command(sql, "acme", f"c{number}", device, status=status, age=(20 - number) * MINUTE)
    yield sql
    await sql.close()


async def test_each_group_has_its_devices_links_flight_and_last_ends(
    platform_program: Program, four: asyncpg.Connection
) -> None:
    found = await platform_program.history.device_groups("acme", GroupBy.SITE)
    assert found.of == {"gw-1": "lyon", "gw-2": "lyon", "meter-1": "arles", "pump-1": ""}
    lyon, arles, nowhere = (found.groups[value] for value in ("lyon", "arles", ""))
    assert lyon.counts == DeviceCounts(2, 1, 0, 1)
    assert arles.counts == DeviceCounts(1, 0, 1, 0)
    assert nowhere.counts == DeviceCounts(1, unknown=1)
    assert (lyon.flight, arles.flight, nowhere.flight) == (3, 0, 0)
    assert {phase: n for phase, n in lyon.ended.items() if n} == {Phase.MISSED: 1, Phase.EXPIRED: 1}
    assert {phase: n for phase, n in arles.ended.items() if n} == {Phase.OK: 1}, "the newest end counts"
    assert (lyon.share, arles.share, nowhere.share) == (1.0, 0.0, 0.0)
    assert not found.looked_in_part


@pytest.mark.parametrize(("by", "groups"), [
    (GroupBy.MODEL, {"PX": 3, "EL": 1}), (GroupBy.FW, {"2": 4}), (GroupBy.TEMPLATE, {"": 4}),
])  # fmt: skip
async def test_a_model_stands_in_the_metadata_too(
    platform_program: Program, four: asyncpg.Connection, by: GroupBy, groups: dict[str, int]
) -> None:
    found = await platform_program.history.device_groups("acme", by)
    assert {value: group.counts.total for value, group in found.groups.items()} == groups


async def test_only_the_devices_that_are_asked_for_are_parted(
    platform_program: Program, four: asyncpg.Connection
) -> None:
    """Without it the sums of a filtered list count what it does not show."""
    ids = await platform_program.history.device_index("acme", of_devices("gw-1 site:lyon"))
    found = await platform_program.history.device_groups("acme", GroupBy.SITE, ids)
    assert found.of == {"gw-1": "lyon"}
    assert found.groups["lyon"].counts == DeviceCounts(1, 1)
    gone = await platform_program.history.decommissioned_index("acme", of_devices(""))
    assert gone
    among = await platform_program.history.device_groups("acme", GroupBy.SITE, [*ids, *gone])
    assert among.of.keys() == {"gw-1", *gone}, "who asks for decommissioned ones gets them"
    assert (await platform_program.history.device_groups("acme", GroupBy.SITE, [])).of == {}


async def test_of_a_large_fleet_the_ends_of_some_are_looked_up_those_first_that_ended_badly(
    platform_program: Program, four: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the bound, a look at the groups reads the commands of a hundred thousand devices."""
    monkeypatch.setattr("console.services.reads.SORTED_AT_MOST", 1)
    await four.execute(
        "INSERT INTO device_console.recent_ends (tenant_id, command_id, at, outcome, device_id, site, model, fw,"
        " command_type, sender, reason)"
        " VALUES ('acme', 'c6', now(), 'missed', 'gw-2', '', '', '', '', '', '')"
    )
    found = await platform_program.history.device_groups("acme", GroupBy.SITE)
    assert found.looked == 1
    assert found.looked_in_part
    assert {phase: n for phase, n in found.groups["lyon"].ended.items() if n} == {Phase.EXPIRED: 1}
    assert found.groups["lyon"].counts.total == 2, "devices and links are counted all the same"


async def test_no_other_tenants_devices_are_counted(
    platform_program: Program, four: asyncpg.Connection
) -> None:
    found = await platform_program.history.device_groups("nobody", GroupBy.SITE)
    assert found.of == {}
