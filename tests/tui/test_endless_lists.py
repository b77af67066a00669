"""Problems and bulk sends go on behind the first page."""

import pytest


async def test_problems_and_bulk_sends_are_read_page_by_page(rig):
    """Without the next page, an operator believes to have seen everything."""
    await rig.devices("pump-1")
    await rig.sql.execute(
        """
        INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail, last_at)
        SELECT 'acme', 'late ack', 'd' || n, 'c' || n, 'answered after the deadline', now() - n * interval '1 s'
        FROM generate_series(1, 450) n;
        INSERT INTO device_console.batches (tenant_id, batch_id, command_type, params, ttl_s, target, wanted, created_at)
        SELECT 'acme', 'b' || n, 'ping', '{}', 60, 'all', 1, now() - n * interval '1 s' FROM generate_series(1, 250) n
        """
    )
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("p")
        await seen.shows("200 problems")
        await seen.press("G")
        await seen.shows("400 problems")
        await seen.press("G")
        await seen.shows("450 problems", "d400")
        await seen.press("G")
        await seen.shows("d450")
        await seen.press("escape", "b")
        await seen.shows("200 bulk sends")
        await seen.press("G")
        await seen.shows("250 bulk sends")


@pytest.mark.slow
async def test_bulk_sends_are_filtered_and_the_filter_is_completed_from_them(rig):
    """Without a filter, the one bulk send of last week is found by scrolling."""
    await rig.devices("pump-1")
    await rig.sql.execute(
        """
        INSERT INTO device_console.batches (tenant_id, batch_id, command_type, params, ttl_s, target, wanted,
                                            created_by, created_at)
        SELECT 'acme', 'b' || n, CASE WHEN n = 230 THEN 'zigzag' ELSE 'ping' END, '{}', 60, 'site:lyon', 1,
               CASE WHEN n % 2 = 0 THEN 'alice' ELSE 'bob' END, now() - n * interval '1 h'
        FROM generate_series(1, 250) n
        """
    )
    async with rig.console(140, 40) as seen:
        await seen.shows("pump-1")
        await seen.press("b")
        await seen.shows("200 bulk sends", " b1 ")
        await seen.press("slash")
        await seen.type("colour:red")
        await seen.shows('There is no key "colour" here: use one of type, by, id, age')
        await seen.press("escape", "slash")
        await seen.type("by:a")
        await seen.shows("by:alice  (tab takes the first)")
        await seen.press("tab", "enter")
        await seen.shows("125 match", " b2 ")
        await seen.press("slash")
        await seen.type(" zigzag age>3d")
        await seen.press("enter")
        await seen.shows("1 match", "b230")
        await seen.press("slash")
        await seen.type(" nothing")
        await seen.press("enter")
        await seen.shows("No bulk send matches the filter. Press esc to clear it.")
        await seen.press("escape")
        await seen.shows("200 bulk sends")
        await seen.press("escape")
        await seen.shows("Devices")


async def test_a_filter_is_completed_with_sites_that_are_not_on_screen(rig):
    """Without the whole tenant, only what happens to be on screen is offered."""
    await rig.devices(*(f"pump-{n:03}" for n in range(60)))
    await rig.sql.execute("UPDATE device_registry SET site_id = 'zzyzx' WHERE device_id = 'pump-059'")
    async with rig.console(80, 20) as seen:
        await seen.shows("pump-001")
        for key in ("slash", "H"):
            if key == "H":
                await seen.press("escape", "escape", "H")
                await seen.shows("All devices › History")
                await seen.press("slash")
            else:
                await seen.press("slash")
            await seen.type("site:z")
            await seen.shows("site:zzyzx")
