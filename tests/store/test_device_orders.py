"""Every order of a list of devices, either way round, over devices that have a value and one that has none."""

from datetime import timedelta

import asyncpg
import pytest

from console.domain.devices import LOOKED_UP, DeviceOrder, Sort
from console.runtime.program import Program
from tests.filters import of_devices
from tests.platform import PlatformUrls
from tests.rows import add_command

ONLY = of_devices("device:gw-1,gw-2,meter-1,pump-1")
MINUTE = timedelta(minutes=1)
SOUGHT = {  # what comes first, and the other way round; equal ones by id
    DeviceOrder.DEVICE: (["gw-1", "gw-2", "meter-1", "pump-1"], ["pump-1", "meter-1", "gw-2", "gw-1"]),
    DeviceOrder.LINK: (["pump-1", "gw-2", "meter-1", "gw-1"], ["gw-1", "meter-1", "gw-2", "pump-1"]),
    DeviceOrder.SEEN: (["meter-1", "gw-1", "gw-2", "pump-1"], ["pump-1", "gw-2", "gw-1", "meter-1"]),
    DeviceOrder.SITE: (["meter-1", "gw-1", "gw-2", "pump-1"], ["gw-1", "gw-2", "meter-1", "pump-1"]),
    DeviceOrder.MODEL: (["gw-2", "gw-1", "meter-1", "pump-1"], ["gw-1", "meter-1", "gw-2", "pump-1"]),
    DeviceOrder.FW: (["gw-1", "gw-2", "meter-1", "pump-1"], ["gw-2", "meter-1", "gw-1", "pump-1"]),
    DeviceOrder.NAME: (["meter-1", "gw-1", "gw-2", "pump-1"], ["gw-1", "meter-1", "gw-2", "pump-1"]),
    DeviceOrder.FLIGHT: (["meter-1", "gw-1", "gw-2", "pump-1"], ["gw-2", "pump-1", "gw-1", "meter-1"]),
    DeviceOrder.RECENT: (["gw-2", "gw-1", "meter-1", "pump-1"], ["meter-1", "pump-1", "gw-1", "gw-2"]),
    DeviceOrder.LAST: (["gw-2", "meter-1", "gw-1", "pump-1"], ["gw-1", "meter-1", "gw-2", "pump-1"]),
    DeviceOrder.TAGS: (["gw-2", "gw-1", "meter-1", "pump-1"], ["gw-1", "gw-2", "meter-1", "pump-1"]),
    DeviceOrder.MANUFACTURER: (["gw-2", "meter-1", "gw-1", "pump-1"], ["meter-1", "gw-2", "gw-1", "pump-1"]),
    DeviceOrder.TYPE: (["meter-1", "gw-1", "gw-2", "pump-1"], ["meter-1", "gw-1", "gw-2", "pump-1"]),
    DeviceOrder.TEMPLATE: (["gw-1", "gw-2", "meter-1", "pump-1"], ["gw-1", "gw-2", "meter-1", "pump-1"]),
    DeviceOrder.PARENT: (["gw-2", "gw-1", "meter-1", "pump-1"], ["gw-2", "gw-1", "meter-1", "pump-1"]),
}  # fmt: skip


@pytest.fixture
async def fleet_of_four(platform: PlatformUrls) -> None:
    """In the platform's database; pump-1 has no value of anything."""
    sql = await asyncpg.connect(platform.owner)
    await sql.execute(
        """
        DELETE FROM device_connection_events; DELETE FROM device_tags;
        UPDATE device_registry SET parent_device_id = NULL, manufacturer = NULL, device_type = NULL;
        UPDATE device_state SET last_seen_at = NULL, status = 'ONLINE';
        UPDATE device_registry SET template_id = NULL, metadata = '{}', site_id = 'lyon', model = 'PX', fw_version = '2';
        UPDATE device_registry SET site_id = 'arles', metadata = '{"name": "a meter"}' WHERE device_id = 'meter-1';
        UPDATE device_registry SET model = 'EL', manufacturer = 'Acme', parent_device_id = 'gw-1' WHERE device_id = 'gw-2';
        UPDATE device_registry SET manufacturer = 'Zeta', device_type = 'meter' WHERE device_id = 'meter-1';
        UPDATE device_registry SET fw_version = '1', metadata = '{"name": "gateway"}' WHERE device_id = 'gw-1';
        UPDATE device_registry SET model = NULL, fw_version = NULL, site_id = '' WHERE device_id = 'pump-1';
        UPDATE device_state SET status = 'OFFLINE', last_seen_at = now() - interval '1 day' WHERE device_id = 'gw-2';
        UPDATE device_state SET status = 'STALE', last_seen_at = now() WHERE device_id = 'meter-1';
        UPDATE device_state SET last_seen_at = now() - interval '1 hour' WHERE device_id = 'gw-1';
        DELETE FROM device_state WHERE device_id = 'pump-1';
        INSERT INTO device_tags (tenant_id, device_id, tag)
        VALUES ('acme', 'gw-2', 'a'), ('acme', 'gw-2', 'z'), ('acme', 'gw-1', 'b')
        """
    )
    for number, (device, status) in enumerate(
        [("gw-1", "missed"), ("gw-1", "queued"), ("meter-1", "queued"), ("meter-1", "queued"),
         ("gw-2", "expired"), ("gw-2", "missed")]
    ):  # fmt: skip
        await add_command(sql, "acme", f"c{number}", device, status=status, age=(20 - number) * MINUTE)
    await sql.close()


@pytest.mark.parametrize("order", DeviceOrder)
async def test_it_lists_first_what_is_sought_and_the_other_way_round(
    platform_program: Program, fleet_of_four: None, order: DeviceOrder
) -> None:
    sought, turned = SOUGHT[order]
    index = platform_program.history.device_index
    assert await index("acme", ONLY, Sort(order)) == sought
    assert await index("acme", ONLY, Sort(order, reverse=True)) == turned
    ids, _ = await platform_program.history.changed_device_index("acme", ONLY, Sort(order), None)
    assert ids == sought


@pytest.mark.parametrize("order", sorted(LOOKED_UP))
async def test_of_a_large_fleet_the_first_are_sorted_and_the_others_follow_by_id(
    platform_program: Program, fleet_of_four: None, monkeypatch: pytest.MonkeyPatch, order: DeviceOrder
) -> None:
    """Without the bound, a sort looks at the commands of a hundred thousand devices."""
    monkeypatch.setattr("console.services.reads.SORTED_AT_MOST", 2)
    index = platform_program.history.device_index
    first = [device for device in SOUGHT[order][0] if device in {"gw-1", "gw-2"}]
    assert await index("acme", ONLY, Sort(order)) == [*first, "meter-1", "pump-1"]


async def test_an_order_that_is_looked_up_is_never_reported_as_unchanged(
    platform_program: Program, fleet_of_four: None
) -> None:
    """Without it a new command does not move its device in a list sorted by commands."""
    changed = platform_program.history.changed_device_index
    for order, again in (DeviceOrder.SITE, None), (DeviceOrder.LAST, SOUGHT[DeviceOrder.LAST][0]):
        _, digest = await changed("acme", ONLY, Sort(order), None)
        assert (await changed("acme", ONLY, Sort(order), digest))[0] == again
