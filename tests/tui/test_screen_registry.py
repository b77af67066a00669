"""What the registry holds is seen on the screens: names, makes, gateways, and what is not in service any more."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from console.errors import DatabaseUnreachableError
from console.runtime.program import Program
from tests.platform import PlatformUrls
from tests.tui.conftest import Rig


@pytest.fixture
async def registry(platform_program: Program, platform: PlatformUrls) -> AsyncIterator[Rig]:
    sql = await asyncpg.connect(platform.superuser)
    platform_program.health.database_up(latency_s=0.002)
    platform_program.health.broker_up(detail="v5")
    yield Rig(platform_program, sql)
    await sql.close()


async def _filtered(seen, text: str, *words: str) -> None:
    await seen.press("escape", "slash")
    await seen.type(text)
    await seen.press("enter")
    await seen.shows(*words)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 45)])
async def test_names_and_what_is_not_in_service_are_seen_at_every_width(registry, width, height):
    """Without it a suspended device looks alive, and one that is gone is sent to."""
    async with registry.console(width, height) as seen:
        await seen.shows(
            "Devices   7",
            "1 decommissioned hidden",
            "NAME",
            "Feed pump A",
            "Gateway hal",
            "○ suspended",
            "? inactive",
        )
        assert "pump-5" not in seen.text
        assert ("PX-200" in seen.text and "GW-100" in seen.text) is (width > 100)
        await _filtered(seen, "state:decommissioned", "⊘ decommissioned", "pump-5", "1 of 8")
        await seen.hides("decommissioned hidden")
        await _filtered(seen, "-state:active", "3 of 8", "pump-3", "pump-4", "pump-5")
        await _filtered(seen, "device:pump-5", "1 of 8", "⊘ decommissioned")
        await _filtered(seen, "parent:gw-1", "2 of 7", "Feed pump B")
        await _filtered(seen, "hall", "1 of 7", "gw-1")
        await _filtered(seen, 'group:"critical and online"', "2 of 7", "gw-1", "pump-1")


async def test_nothing_decommissioned_is_marked_by_a_filter(registry):
    """Without it a bulk send to what a filter finds counts devices that get nothing."""
    async with registry.console() as seen:
        await seen.shows("Devices   7")
        await _filtered(seen, "-state:active", "3 of 8")
        await seen.press("a")
        await seen.shows("2 marked", "1 decommissioned device not marked: nothing can be sent there.")
        assert seen.app.screen.marks.keys == {"pump-3", "pump-4"}
        await seen.press("a")
        await seen.hides("2 marked")
        assert seen.app.screen.marks.keys == frozenset()


@pytest.mark.slow
async def test_an_unknown_group_marks_nothing_also_when_it_is_to_keep_devices_out(registry):
    """Without it one typing error in what is left out sends to the whole fleet."""
    async with registry.console() as seen:
        await seen.shows("Devices   7")
        await _filtered(seen, "-group:wst", "7 of 7", "! There is no group “wst”")
        await seen.press("a")
        await seen.shows("Nothing is marked: There is no group “wst”: the nearest is West.")
        assert seen.app.screen.marks.keys == frozenset()
        await _filtered(seen, "-group:west", "4 of 7")
        await seen.press("a")
        await seen.shows("4 marked")


@pytest.mark.slow
async def test_nothing_is_done_with_marks_that_are_still_looked_up(registry, monkeypatch):
    """Without it the command goes to the device under the cursor, or to what was marked before."""
    real, go_on = registry.program.history.sendable_index, asyncio.Event()

    async def slow(*arguments: str) -> list[str]:
        await go_on.wait()
        found: list[str] = await real(*arguments)
        return found

    async with registry.console() as seen:
        await seen.shows("Devices   7")
        await _filtered(seen, "-state:active", "3 of 8")
        monkeypatch.setattr(registry.program.history, "sendable_index", slow)
        await seen.press("a", "c")
        await seen.shows("Cannot compose: the marks are being looked up: wait for them.")
        await seen.press("space")
        await seen.shows("the marks are being looked up")
        assert seen.app.screen.marks.keys == frozenset()
        reasons = {action.id: action.reason(seen.app.screen) for action in seen.app.screen.actions}
        for action in ("tenant_history", "mark_range", "mark_all"):
            assert "looked up" in reasons[action]
        go_on.set()
        await seen.shows("2 marked")
        await seen.press("c")
        await seen.shows("to 2 devices")


@pytest.mark.slow
async def test_a_database_that_is_away_marks_nothing(registry, monkeypatch):
    async def gone(*_: object, **__: object) -> list[str]:
        raise DatabaseUnreachableError("The database does not answer (gone).")

    async with registry.console() as seen:
        await seen.shows("Devices   7")
        await _filtered(seen, "-state:active", "3 of 8")
        monkeypatch.setattr(type(registry.program.history), "sendable_index", gone)
        await seen.press("a")
        await seen.shows("does not answer (gone)")
        assert seen.app.screen.marks.keys == frozenset()


@pytest.mark.slow
async def test_a_device_says_what_it_is_above_its_history(registry):
    async with registry.console(80, 24) as seen:
        await seen.shows("pump-1")
        await _filtered(seen, "name:*a", "1 of 7")
        await seen.press("enter")
        await seen.shows(
            "pump-1 › History", "Feed pump A", "AquaSense PX-200", "template Feed pump", "behind gw-1"
        )
        await seen.pilot.resize_terminal(60, 15)
        await seen.press("escape", "escape")
        await seen.shows("Devices")


@pytest.mark.slow
async def test_a_value_that_is_only_a_beginning_and_a_group_that_is_unknown_are_reported(registry):
    """Without it site:warehouse finds nothing of warehouse-east and says nothing."""
    async with registry.console() as seen:
        await seen.shows("Devices   7")
        await seen.press("slash")
        await seen.type("site:ware")
        await seen.shows("→ site:warehouse-west  site:warehouse-east  site:ware*")
        await seen.press("enter")
        await seen.shows(
            "0 of 7", "→ No site is exactly “ware”: site:ware* finds warehouse-west, warehouse-east."
        )
        await _filtered(
            seen, "group:wst", "! There is no group “wst”: the nearest is West.", "No device matches"
        )
        await _filtered(seen, "site:ware* -state:active", "3 of 8")
        assert "No site" not in seen.text
        await seen.press("escape", "H")
        await seen.shows("All devices › History")
        await seen.press("slash")
        await seen.type("group:wst")
        await seen.press("enter")
        await seen.shows("! There is no group “wst”: the nearest is West.")


@pytest.mark.slow
async def test_a_device_that_is_not_in_service_is_sent_to_with_a_warning(registry):
    async with registry.console() as seen:
        await seen.shows("pump-3")
        await _filtered(seen, "device:pump-3", "1 of 8")
        await seen.press("c")
        await seen.type("ping")
        await seen.shows("reviews it")
        await seen.press("f5")
        await seen.shows("! pump-3 is SUSPENDED in the registry.", "! It is ○ offline")
        await seen.press("escape", "escape")
        await _filtered(seen, "device:pump-5", "⊘ decommissioned")
        await seen.press("c")
        await seen.type("ping")
        await seen.shows("Not ready: The device 'pump-5' is decommissioned")


async def test_the_catalogue_of_the_platform_is_offered_in_its_order(registry):
    async with registry.console(80, 24) as seen:
        await seen.shows("gw-1")
        await seen.press("c")
        await seen.shows("models take  reboot  set_interval")
        await seen.type("factory_reset")
        await seen.shows("Erases everything that the gateway knows.", "only true")


async def test_read_only_sees_the_same(registry):
    registry.program = replace(registry.program, read_only=True)
    async with registry.console() as seen:
        await seen.shows("Devices   7", "1 decommissioned hidden")
