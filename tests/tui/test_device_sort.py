"""The order of the devices: chosen with two keys or with the mouse, and kept while the console runs."""

from dataclasses import replace

import pytest

from tests.tui.conftest import Rig, Seen
from tests.tui.test_device_columns import heads

RIGHT, LEFT = "greater_than_sign", "less_than_sign"


def order(seen: Seen) -> list[str]:
    """The devices from the top, by the letter after the dash."""
    return [line[3:9] for line in seen.lines if "pump-" in line[:9]]


async def _fleet(rig: Rig) -> None:
    """a is at arles, b is offline, c has missed two commands, d one and has one in flight."""
    await rig.devices("pump-a", "pump-c", "pump-d")
    await rig.devices("pump-b", link="OFFLINE")
    await rig.sql.execute("UPDATE device_registry SET site_id = 'arles' WHERE device_id = 'pump-a'")
    for number, (device, status) in enumerate(
        [("pump-c", "missed"), ("pump-d", "missed"), ("pump-c", "missed"), ("pump-d", "queued")]
    ):
        await rig.command(f"c{number}", device, "ping", status, ago_s=9_000 - number, published=True)


async def _sorted(seen: Seen, head: str, *letters: str) -> None:
    wanted = [f"pump-{letter}" for letter in letters]
    await seen.until(lambda: head in heads(seen) and order(seen) == wanted, f"sorted by {head}")


async def test_two_keys_choose_a_column_and_s_sorts_by_it_and_reverses(rig: Rig) -> None:
    await _fleet(rig)
    async with rig.console(120, 40) as seen:
        await _sorted(seen, "DEVICE ↑", *"abcd")
        await seen.until(lambda: "LAST COMMAND" in heads(seen), "read")
        await seen.press(RIGHT)
        await seen.shows("‹LINK›", "s sorts by ‹link›", "s sort by link")
        assert order(seen) == ["pump-a", "pump-b", "pump-c", "pump-d"], "it is only chosen"
        await seen.press("s")
        await _sorted(seen, "LINK ↓", *"bacd")
        await seen.hides("s sorts by")
        await seen.press("s")
        await _sorted(seen, "LINK ↑", *"acdb")
        await seen.press(LEFT, LEFT, LEFT)
        await seen.shows("s sorts by ‹last 12›")
        await seen.press("s")
        await _sorted(seen, "LAST 12 ↓", *"cdab")
        await seen.press("s")
        await _sorted(seen, "LAST 12 ↑", *"abdc")


async def test_a_click_on_a_heading_sorts_and_reverses(rig: Rig) -> None:
    await _fleet(rig)
    async with rig.console(120, 40) as seen:
        await _sorted(seen, "DEVICE ↑", *"abcd")
        await seen.until(lambda: "FLIGHT" in heads(seen), "read")
        for head, letters in ("FLIGHT↓", "dabc"), ("FLIGHT↑", "abcd"):
            await seen.pilot.click("#table", offset=(heads(seen).index("FLIGHT"), 0))
            await _sorted(seen, head, *letters)


async def test_an_order_for_whose_column_there_is_no_room_is_named(rig: Rig) -> None:
    await _fleet(rig)
    async with rig.console(60, 15) as seen:
        await _sorted(seen, "DEVICE ↑", *"abcd")
        await seen.until(lambda: "LAST COMMAND" in heads(seen), "read")
        await seen.press(RIGHT, RIGHT, RIGHT)
        await seen.shows("s sorts by ‹site›")
        assert "SITE" not in heads(seen)
        await seen.press("s")
        await seen.shows("by site")
        await seen.until(lambda: order(seen) == ["pump-a", "pump-b", "pump-c", "pump-d"], "sorted")
        await seen.press("s")
        await seen.shows("by site, reversed")
        await seen.until(lambda: order(seen) == ["pump-b", "pump-c", "pump-d", "pump-a"], "turned round")


@pytest.mark.slow
async def test_an_order_stays_when_the_screen_is_made_anew(rig: Rig) -> None:
    """Without it another look at a tenant begins with the order that nobody asked for."""
    rig.program = replace(rig.program, tenants=("acme", "globex"))
    await _fleet(rig)
    async with rig.console(120, 40) as seen:
        await _sorted(seen, "DEVICE ↑", *"abcd")
        await seen.until(lambda: "LAST COMMAND" in heads(seen), "read")
        await seen.press(LEFT, LEFT, "s")
        await _sorted(seen, "LAST 12 ↓", *"cdab")
        await seen.press("t")
        await seen.shows("Globex")
        await seen.press("down", "enter")
        await seen.shows("globex · alice", "This tenant has no devices yet")
        await seen.press("t")
        await seen.shows("Acme")
        await seen.press("up", "enter")
        await seen.shows("acme · alice")
        await _sorted(seen, "LAST 12 ↓", *"cdab")


@pytest.mark.slow
async def test_a_filter_for_newest_commands_is_sorted_too(rig: Rig) -> None:
    """Without it what a search finds stands in the order of the ids, under a heading that says otherwise."""
    await _fleet(rig)
    async with rig.console(120, 40) as seen:
        await _sorted(seen, "DEVICE ↑", *"abcd")
        await seen.until(lambda: "LAST COMMAND" in heads(seen), "read")
        await seen.press(LEFT, LEFT, "s", "s")
        await _sorted(seen, "LAST 12 ↑", *"abdc")
        await seen.press("slash")
        await seen.type("type:ping")
        await seen.press("enter")
        await _sorted(seen, "LAST 12 ↑", *"dc")


async def test_what_is_sorted_of_a_large_fleet_is_said(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("console.services.reads", "console.tui.presenters.devices"):
        monkeypatch.setattr(f"{module}.SORTED_AT_MOST", 3)
    await _fleet(rig)
    async with rig.console(120, 40) as seen:
        await _sorted(seen, "DEVICE ↑", *"abcd")
        await seen.until(lambda: "LAST COMMAND" in heads(seen), "read")
        await seen.press(LEFT, "s")
        await _sorted(seen, "LAST COMMAND ↑", *"cabd")
        await seen.shows("first 3 sorted")
