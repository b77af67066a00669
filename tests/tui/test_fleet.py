"""The fleet on a whole screen: from a cell to its device, and from marked cells to a command."""

from dataclasses import replace

import pytest

from console.tui.presenters.fleet_map import CELL, HEAD
from console.tui.screens import fleet
from console.tui.screens.batch import BatchScreen
from console.tui.screens.compose.screen import ComposeScreen
from console.tui.screens.fleet import FleetScreen
from console.tui.screens.history import HistoryScreen
from tests.tui.conftest import Rig, Seen


async def _opened(rig: Rig, seen: Seen) -> None:
    await seen.shows("pump-1")
    await seen.press("0")
    await seen.shows("ended per minute")
    await seen.press("F")
    await seen.shows("✕ failed", "lyon")


async def _fleet(rig: Rig) -> None:
    await rig.devices("pump-1", "pump-2", "pump-3", "pump-4")
    await rig.command("c-1", "pump-3", "reboot", "missed", ago_s=5_000, published=True)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40)])
async def test_a_cell_opens_its_device_and_esc_comes_back_to_it(rig: Rig, size: tuple[int, int]) -> None:
    """Without it one sees that a device is silent, and not which."""
    await _fleet(rig)
    async with rig.console(*size) as seen:
        await _opened(rig, seen)
        await seen.shows("[·]", "pump-1", "● online")
        await seen.press("right")
        await seen.shows("pump-2")
        await seen.press("n")
        await seen.shows("[◍]", "pump-3", "◍ missed reboot")
        await seen.press("n")
        await seen.shows("No other device’s last command ended badly.")
        await seen.press("enter")
        await seen.shows("pump-3 › History")
        await seen.press("escape")
        await seen.shows("[◍]", "pump-3")
        await seen.press("end")
        await seen.shows("pump-4")
        await seen.press("home")
        await seen.shows("pump-1")


async def test_the_cursor_keeps_its_device_and_its_line_while_sites_come(rig: Rig) -> None:
    """Without it the row one is looking at moves away under the eyes."""
    await rig.devices("pump-1", *(f"d-{n:02}" for n in range(30)))
    await rig.sql.execute("UPDATE device_registry SET site_id = device_id WHERE device_id LIKE 'd-%'")

    def place(seen: Seen) -> int:
        return next((at for at, line in enumerate(seen.lines) if "[·]" in line), -1)

    async with rig.console(60, 15) as seen:
        await seen.shows("d-00")
        await seen.press("0")
        await seen.shows("ended per minute")
        await seen.press("F")
        await seen.shows("[·]", "d-00")
        await seen.press(*["down"] * 20, "up", "up")
        await seen.shows("d-18", "[·]")
        before = place(seen)
        screen = seen.app.screen
        assert isinstance(screen, FleetScreen)
        await rig.devices("a-1", "a-2")
        await rig.sql.execute("UPDATE device_registry SET site_id = device_id WHERE device_id LIKE 'a-%'")
        screen._due = 0.0
        screen.request_read()
        await seen.until(lambda: "a-1" in screen._devices, "read the new sites")
        await seen.pilot.pause()
        assert "d-18" in seen.text
        assert place(seen) == before
        await rig.sql.execute(
            "UPDATE device_registry SET decommissioned_at = now() - interval '1 h' WHERE device_id = 'd-18'"
        )
        screen._due = 0.0
        screen.request_read()
        await seen.shows("d-19", "[·]")


async def test_marked_cells_get_a_command_and_lose_their_mark_by_it(rig: Rig) -> None:
    """Without it the next command goes to them once more."""
    await _fleet(rig)
    async with rig.console(120, 40) as seen:
        await _opened(rig, seen)
        await seen.press("space", "right", "right", "space")
        await seen.shows("✓ 2 marked", "compose to 2")
        await seen.press("c")
        await seen.shows("to 2 devices")
        assert isinstance(seen.app.screen, ComposeScreen)
        assert seen.app.screen.flow.target == "2 marked devices"
        await seen.type("ping")
        await seen.shows("Ready.")
        await seen.press("f5")
        await seen.shows("Send ping to 2")
        await seen.press("y")
        await seen.until(lambda: isinstance(seen.app.screen, HistoryScreen | BatchScreen), "sent")
        assert await rig.sql.fetchval("SELECT count(*) FROM device_commands WHERE command_type = 'ping'") == 2
        marked = [screen._marks for screen in seen.app.screen_stack if isinstance(screen, FleetScreen)]
        assert marked == [set()]


async def test_esc_clears_the_marks_before_it_leaves_and_a_click_stands_on_a_cell(rig: Rig) -> None:
    await _fleet(rig)
    async with rig.console(80, 24) as seen:
        await _opened(rig, seen)
        await seen.pilot.click("#fleet", offset=(HEAD + CELL * 3 + 1, 0))
        await seen.shows("pump-4")
        await seen.press("space")
        await seen.shows("✓ 1 marked", "esc clear marks")
        await seen.press("escape")
        await seen.hides("marked")
        await seen.press("escape")
        await seen.shows("ended per minute")


async def test_a_fleet_that_is_too_large_says_where_it_is_listed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the screen is empty, or reads a hundred thousand devices every few seconds."""
    await _fleet(rig)
    monkeypatch.setattr(fleet, "MOST_DEVICES", 3)
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("0", "F")
        await seen.shows("fleet 4", "More than 3 devices are listed, not drawn: 1 lists them")
        await seen.press("enter")
        await seen.shows("Cannot open: more than 3 devices are listed, not drawn: 1 lists them")


async def test_a_read_only_console_shows_the_fleet_and_sends_nothing(rig: Rig) -> None:
    await _fleet(rig)
    rig = replace(rig, program=replace(rig.program, read_only=True))
    async with rig.console(80, 24) as seen:
        await _opened(rig, seen)
        await seen.press("c")
        await seen.pilot.pause()
        assert isinstance(seen.app.screen, FleetScreen)
        assert "compose" not in seen.lines[-1]
