"""New rows on top of a list come together, since each shifts all of it; what is shown changes at once."""

import time
from collections.abc import Callable, Sequence

import pytest
from textual.widget import Widget

from console.domain.commands import Command
from console.tui.lists.history_rows import HistoryRows
from console.tui.presenters.strip import CommandStrip
from console.tui.screens import new_rows
from console.tui.state.messages import DataChanged
from console.tui.widgets import state_strip
from console.tui.widgets.table import LineTable
from tests.tui.conftest import Rig


async def test_rows_that_follow_the_first_wait_and_come_together(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the wait, ten commands a second shift the list ten times, at a kilobyte each."""
    await rig.devices("pump-1")
    await rig.command("first", "pump-1", "ping", published=True, ago_s=60)
    async with rig.console(120, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("2")
        await seen.shows("ping")
        await rig.command("second", "pump-1", "flush", ago_s=50)
        seen.app.post_message(DataChanged(frozenset({"acme"})))
        await seen.shows("flush")
        monkeypatch.setattr(new_rows, "EVERY_S", 3600.0)
        await rig.command("third", "pump-1", "reboot", ago_s=40)
        await rig.sql.execute(
            "UPDATE device_commands SET status = 'delivered', acked_at = now(), ack_details = '{\"status\": \"ok\"}'"
            " WHERE command_id = 'first'"
        )
        seen.app.post_message(DataChanged(frozenset({"acme"})))
        await seen.shows("● ok")
        assert not any("reboot" in line for line in seen.lines[5:])
        await seen.press("slash")
        await seen.type("type:re*")
        await seen.press("enter")
        await seen.shows("reboot")


async def test_a_gap_is_shown_at_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it more new commands than a page holds leave rows of which nothing is known, and keys that do nothing."""
    await rig.devices("pump-1")
    await rig.command("first", "pump-1", "ping", published=True, ago_s=60)
    async with rig.console(120, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("2")
        await seen.shows("ping")
        await rig.command("second", "pump-1", "flush", ago_s=50)
        seen.app.post_message(DataChanged(frozenset({"acme"})))
        await seen.shows("flush")
        monkeypatch.setattr(new_rows, "EVERY_S", 3600.0)
        await rig.sql.execute(
            "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type)"
            " SELECT 'acme', 'more-' || n, 'pump-1', 'reboot' FROM generate_series(1, 250) n"
        )
        seen.app.post_message(DataChanged(frozenset({"acme"})))
        await seen.shows("reboot")


async def test_another_filter_ends_the_wait_of_the_rows_before(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the rows of the old filter come due, and a history that was not read yet is told to be empty."""
    screen, shown = Widget(), list[str]()

    class Due:
        is_stopped = False

        def __init__(self, call: Callable[[], None]) -> None:
            self.call = call

        def stop(self) -> None:
            self.is_stopped = True

    timers: list[Due] = []

    def set_timer(_: float, call: Callable[[], None]) -> Due:
        timers.append(Due(call))
        return timers[-1]

    monkeypatch.setattr(screen, "set_timer", set_timer)
    pacing = new_rows.NewRows(screen, lambda: shown.append("shown"))
    rows, table = HistoryRows(), LineTable((), lambda _: None, id="table")
    monkeypatch.setattr(table, "window", lambda: ["old"])
    monkeypatch.setattr(LineTable, "keys", ["old"])
    rows.commands = dict.fromkeys(["new", "old"])  # type: ignore[assignment]
    rows.order = ["new", "old"]
    assert not pacing.wait(table, rows)
    assert pacing.wait(table, rows)
    assert pacing.wait(table, rows)
    assert len(timers) == 1
    pacing.at_once()
    assert timers[0].is_stopped
    assert not pacing.wait(table, rows)
    assert pacing.wait(table, rows)
    timers[1].call()
    assert shown == ["shown"]


async def test_what_waits_comes_by_itself(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_rows, "EVERY_S", 1.0)
    await rig.devices("pump-1")
    await rig.command("first", "pump-1", "ping", ago_s=60)
    async with rig.console(120, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("2")
        await seen.shows("ping")
        for name, kind in (("second", "flush"), ("third", "reboot")):
            await rig.command(name, "pump-1", kind, ago_s=50 if kind == "flush" else 40)
            seen.app.post_message(DataChanged(frozenset({"acme"})))
            await seen.shows(kind)


async def test_the_strip_follows_the_cursor_at_once_and_new_commands_later(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the wait, each answer writes a strip of a kilobyte anew; with 20,000 rows it takes 57 ms."""
    looked: list[int] = []

    def counted(commands: Sequence[Command]) -> CommandStrip:
        looked.append(len(commands))
        return CommandStrip(commands)

    monkeypatch.setattr(state_strip, "CommandStrip", counted)
    monkeypatch.setattr(state_strip, "CHANGES_EVERY_S", 3600.0)
    await rig.devices("pump-1")
    for number in range(3):
        await rig.command(f"c-{number}", "pump-1", published=True, ago_s=60 + number)
    async with rig.console(120, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("2")
        await seen.shows("▴1m")
        times = len(looked)
        await rig.sql.execute("UPDATE device_commands SET status = 'missed'")
        seen.app.post_message(DataChanged(frozenset({"acme"})))
        await seen.shows("◍ missed")
        await seen.press("j")
        await seen.until(lambda: seen.app.screen.query_one(LineTable).cursor_key == "c-1", "the second row")
        assert looked[times:] == [], "a phase is not looked at for each key and each answer"
        strip = seen.app.screen.query_one(state_strip.StateStrip)
        monkeypatch.setattr(strip, "_due", time.monotonic())
        await seen.press("k")
        await seen.until(lambda: "◍◍◍" in strip.plain, "the strip as it is now")


def test_rows_have_another_revision_after_each_change() -> None:
    rows = HistoryRows()
    seen = {rows.revision}
    rows.drop(())
    seen.add(rows.revision)
    rows.update(())
    seen.add(rows.revision)
    assert len(seen) == 3
