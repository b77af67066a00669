"""The overview and the headline on a real database: what they show can be opened, exactly that."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from console.errors import BrokerUnreachableError
from console.runtime.preferences import Preferences
from console.tui.application.remote_app import RemoteApp
from console.tui.screens.devices import DevicesScreen
from console.tui.screens.fleet import FleetScreen
from console.tui.screens.history import HistoryScreen
from console.tui.screens.live import LiveScreen
from console.tui.screens.overview import OverviewScreen
from tests.tui.conftest import Rig, Seen

_WORKER = """
    INSERT INTO device_console.leases (role, holder, is_shared, program, host, pid, machine, beat_at)
    VALUES ('sweep', gen_random_uuid(), TRUE, 'sweeper', 'h', 1, 'm', clock_timestamp());
    CREATE OR REPLACE FUNCTION device_console.is_stale(beat_at TIMESTAMPTZ) RETURNS BOOLEAN
    LANGUAGE sql STABLE AS 'SELECT false'
"""  # a worker that is alive as long as the test takes


async def _ended(rig: Rig, command_id: str, device: str, minutes_ago: int, *, site: str = "lyon") -> None:
    await rig.command(command_id, device, "set_interval", "missed", ago_s=minutes_ago * 60, published=True)
    await rig.sql.execute(
        "INSERT INTO device_console.recent_ends (tenant_id, command_id, at, outcome, device_id, site, model, fw,"
        " command_type, sender, reason) VALUES ('acme', $1, now() - make_interval(mins => $2), 'missed', $3, $4,"
        " 'PX', '1.4.1', 'set_interval', 'bob', '')",
        command_id, minutes_ago, device, site,
    )  # fmt: skip
    await rig.sql.execute(
        "INSERT INTO device_console.minute_totals VALUES ('acme', date_trunc('minute', now() - make_interval(mins => $1)),"
        " 1, '{5,0,0,1,0}', '{}') ON CONFLICT (tenant_id, minute) DO UPDATE SET ended = '{5,0,0,2,0}'",
        minutes_ago,
    )


def _demo(rig: Rig, path: Path) -> Rig:
    """The same console, as a demo that nobody has used."""
    preferences = replace(rig.program.preferences, tour_file=path)
    return replace(rig, program=replace(rig.program, demo=True, preferences=preferences))


async def test_a_first_run_of_the_demo_is_shown_around_and_what_is_done_is_not_asked_again(
    rig: Rig, tmp_path: Path
) -> None:
    """Without it who opens the demo sees a fleet, and not what to do with it."""
    await _turku_is_silent(rig)
    path = tmp_path / "tour"
    async with _demo(rig, path).console(120, 30) as seen:
        await seen.shows("New here?  1 of 5   enter opens a device   esc ends this", "pump-5")
        assert "turku" not in seen.lines[1]
        await seen.press("enter")
        await seen.shows("› History", "New here?  2 of 5   c writes a command")
        await seen.press("c")
        await seen.shows("New here?  3 of 5   f5 shows what will happen, then y sends")
        await seen.type("ping")
        await seen.shows("Ready.")
        await seen.press("f5")
        await seen.shows("y")
        await seen.press("y")
        await seen.shows("› History", "New here?  4 of 5   e says why")
        rig.program.health.broker_down(BrokerUnreachableError("gone"))
        await seen.shows("Broker unreachable")
        assert "New here?" not in seen.text
        rig.program.health.broker_up(detail="v5")
        await seen.press("e")
        await seen.shows("New here?  5 of 5   ? all keys")
    assert path.read_text().strip() == "1234"
    async with _demo(rig, path).console(120, 30) as seen:
        await seen.shows("New here?  5 of 5   ? all keys   esc ends this")
        await seen.press("escape")
        await seen.shows("turku: 6 missed")
        assert "This is the first screen" not in seen.text
        await seen.press("escape")
        await seen.shows("This is the first screen: q leaves the console.")
    assert path.read_text().strip() == "over"


async def _turku_is_silent(rig: Rig) -> None:
    devices = [f"pump-{n}" for n in range(6)]
    await rig.devices(*devices)
    await rig.sql.execute(_WORKER)
    for number, device in enumerate(devices):
        await _ended(rig, f"bad-{number}", device, number + 1, site="turku")
    await rig.command("good", "pump-1", "ping", "delivered", ago_s=30, published=True, ack='{"status": "ok"}')


async def test_h_stands_on_exactly_the_rows_of_the_headline_on_any_screen(rig: Rig) -> None:
    """Without it the sentence says what is wrong, and the operator searches for where."""
    await _turku_is_silent(rig)
    async with rig.console(120, 30) as seen:
        await seen.shows("turku: 6 missed since", "h shows")
        await seen.press("h")
        await seen.shows("turku: 6 missed since", "› History", "6 commands")
        assert "good" not in seen.text
        assert seen.text.count("◍ missed") >= 6
        await seen.press("slash")
        await seen.type("device:pump-3")
        await seen.shows("1 match")
        await seen.press("enter", "escape", "escape")
        await seen.shows("DEVICE ↑")


async def test_h_opens_the_named_site_only_where_more_ended_badly_elsewhere(rig: Rig) -> None:
    """Without it the site that went silent is named, and its rows are lost among the others."""
    await _turku_is_silent(rig)
    await rig.devices(*(f"valve-{n}" for n in range(4)))
    for number in range(4):
        await _ended(rig, f"other-{number}", f"valve-{number}", 2, site=f"s{number}")
    await rig.sql.execute(
        "UPDATE device_console.recent_ends SET model = command_id, fw = '', command_type = command_id, sender = command_id;"
        " UPDATE device_registry SET site_id = 'turku' WHERE device_id LIKE 'pump-%';"
        " INSERT INTO device_console.hour_groups"
        " VALUES ('acme', date_trunc('hour', now()), 'site', 'turku', '{1,0,0,6,0}')"
    )
    async with rig.console(120, 30) as seen:
        await seen.shows("turku: 6 of 6 devices missed since", "; 4 more elsewhere.", "h shows")
        await seen.press("h")
        await seen.shows("turku: 6 of 6 devices missed since", "› History", "6 commands")
        assert "other-" not in seen.text
        assert seen.text.count("◍ missed") >= 6


async def test_a_minute_of_the_chart_opens_what_ended_badly_in_it_and_comes_back_to_it(rig: Rig) -> None:
    """Without the position kept, each look at the rows begins the search in the chart anew."""
    await _turku_is_silent(rig)
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("0")
        await seen.shows("ended per minute", "36 in 74 min", "ok 83.3 %", "fleet 6", "turku: 6 missed")
        await seen.press("enter")
        await seen.shows("Cannot open: choose a column")
        await seen.press("left", "left", "left")
        await seen.shows("at ", "missed 1", "▴")
        screen = seen.app.screen
        assert isinstance(screen, OverviewScreen)
        cursor = screen.cursor
        await seen.press("enter")
        await seen.shows("Not ok at ", "› History")
        assert seen.text.count("◍ missed") == 1, seen.text
        await seen.press("escape")
        await seen.shows("ended per minute", "▴")
        assert screen.cursor == cursor
        assert seen.app.screen_stack[-1] is screen
        await seen.press("escape")
        await seen.hides("▴")
        await seen.press("exclamation_mark")
        await seen.shows("Not ok in the last two hours", "6 commands")


async def test_figures_that_were_counted_without_a_hint_are_shown(rig: Rig) -> None:
    """Without looking, the overview of a tenant that fell silent shows the minute before the last."""
    await rig.devices("pump-1")
    await rig.sql.execute(_WORKER)
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("0")
        await seen.shows("0 in 74 min")
        await rig.sql.execute(
            "INSERT INTO device_console.minute_totals VALUES ('acme', date_trunc('minute', now()), 1, '{7,0,0,0,0}', '{}');"
            " INSERT INTO device_console.folds VALUES ('acme', now())"
        )
        await seen.shows("7 in 74 min")


async def test_what_is_no_longer_kept_is_not_called_nothing(rig: Rig) -> None:
    """Without it the chart shows what ended badly, and enter says that nothing did."""
    await _turku_is_silent(rig)
    await rig.sql.execute("DELETE FROM device_console.recent_ends WHERE command_id IN ('bad-0', 'bad-1')")
    async with rig.console(120, 40) as seen:
        await seen.shows("pump-1")
        await seen.press("0")
        await seen.shows("ended per minute")
        await seen.press("left", "left", "enter")
        await seen.shows("answered after all, or is no longer kept")
        await seen.press("escape", "exclamation_mark")
        await seen.shows("Not ok in the last two hours (4 of 6 kept) › History")
        await rig.sql.execute("DELETE FROM device_commands WHERE command_id LIKE 'bad-%'")
        screen = seen.app.screen
        assert isinstance(screen, HistoryScreen)
        screen.request_read()
        await seen.shows("None of these commands is kept any longer.")


async def test_digits_lead_to_the_screens_and_the_way_back_stays_short(rig: Rig) -> None:
    """Without it each digit lays one more screen over the others, and esc walks through all of them."""
    await _turku_is_silent(rig)
    async with rig.console(120, 30) as seen:
        await seen.shows("pump-1")
        for key, words in (
            ("0", "ended per minute"), ("2", "All devices › History"), ("2", "All devices › History"),
            ("3", "Bulk sends"), ("6", "Problems"),
            ("0", "ended per minute"), ("1", "DEVICE ↑"),
        ):  # fmt: skip
            await seen.press(key)
            await seen.shows(words)
            assert len(seen.app.screen_stack) <= 3
        assert len(seen.app.screen_stack) == 2, "the default screen, and the devices"


async def test_without_a_worker_that_counts_there_is_no_headline(rig: Rig) -> None:
    """Without it a fleet that nobody counts is called well."""
    await rig.devices("pump-1")
    async with rig.console(120, 30) as seen:
        await seen.shows("pump-1")
        await seen.press("0")
        await seen.shows("no worker of this console runs: not counted now")
        await seen.app.state.read_headline()
        assert seen.app.state.headline is None
        await rig.sql.execute(_WORKER)
        await seen.shows("Nothing ended in the last hour.")


def _starting(rig: Rig, start: str) -> Rig:
    """The same console, with another first screen."""
    return replace(rig, program=replace(rig.program, preferences=Preferences(start=start)))


@pytest.mark.parametrize(("devices", "start", "is_first"), [
    (100, "auto", True), (99, "auto", False), (100, "devices", False), (1, "overview", True),
])  # fmt: skip
async def test_a_large_fleet_begins_with_the_overview(
    rig: Rig, devices: int, start: str, is_first: bool
) -> None:
    """Without it the one who looks at a large fleet begins in the middle of a list."""
    await rig.devices(*(f"pump-{n:03}" for n in range(devices)))
    async with _starting(rig, start).console(120, 30) as seen:
        await seen.shows(
            *(("ended per minute", f"fleet {devices}") if is_first else ("DEVICE ↑", "pump-000"))
        )
        assert isinstance(seen.app.screen, OverviewScreen) == is_first
        assert "esc" not in seen.lines[-1]
        await seen.press("escape")
        await seen.shows("This is the first screen: q leaves the console.")


async def test_lists_are_opened_over_the_first_screen_and_esc_comes_back_to_it(rig: Rig) -> None:
    """Without it esc leads to a list that the operator has not opened."""
    await rig.devices("pump-1")
    async with _starting(rig, "overview").console(120, 30) as seen:
        await seen.shows("ended per minute")
        overview = seen.app.screen
        for key, words in (("2", "All devices › History"), ("6", "Problems"), ("3", "Bulk sends")):
            await seen.press(key)
            await seen.shows(words)
            assert len(seen.app.screen_stack) <= 4
        await seen.press("escape")
        await seen.shows("ended per minute")
        assert seen.app.screen is overview
        await seen.press("2", "0")
        await seen.shows("ended per minute")
        assert seen.app.screen is overview
        await seen.press("1")
        await seen.shows("DEVICE ↑", "pump-1", "esc overview")
        await seen.press("space", "escape")
        await seen.shows("esc overview")
        await seen.press("escape")
        await seen.shows("ended per minute")


async def test_a_key_before_the_first_page_keeps_the_list_of_devices(rig: Rig) -> None:
    """Without it the letters behind a / go to another screen, and run actions there."""
    await rig.devices(*(f"pump-{n:03}" for n in range(100)))
    rig = _starting(rig, "auto")
    head, asked = rig.program.history.device_head, asyncio.Event()

    async def later(*given: Any, **named: Any) -> list[str]:
        await asked.wait()
        return await head(*given, **named)

    rig.program.history.device_head = later  # type: ignore[method-assign]
    async with rig.console(120, 30) as seen:
        await seen.shows("Reading the devices")
        await seen.press("slash")
        asked.set()
        await seen.type("pump-042")
        await seen.shows("1 of 100", "pump-042")
        assert isinstance(seen.app.screen, DevicesScreen)


async def _old(rig: Rig, hours_ago: int) -> None:
    """What ended badly hours ago, counted, and kept as a row."""
    name = f"old-{hours_ago}"
    await rig.command(name, "pump-1", "set_interval", "missed", ago_s=hours_ago * 3_600, published=True)
    await rig.sql.execute(
        "INSERT INTO device_console.recent_ends (tenant_id, command_id, at, outcome, device_id, site, model, fw,"
        " command_type, sender, reason) VALUES ('acme', $1, now() - make_interval(hours => $2), 'missed', 'pump-1', 'porto',"
        " 'PX', '1.4.1', 'set_interval', 'bob', '')",
        name, hours_ago,
    )  # fmt: skip
    await rig.sql.execute(
        "INSERT INTO device_console.minute_totals VALUES ('acme', date_trunc('minute', now() - make_interval(hours => $1)),"
        " 1, '{9,0,0,1,0}', '{1,2}')",
        hours_ago,
    )
    await rig.sql.execute(
        "INSERT INTO device_console.hour_groups VALUES ('acme', date_trunc('hour', now() - make_interval(hours => $1)),"
        " 'site', 'porto', '{9,0,0,1,0}')",
        hours_ago,
    )


@pytest.mark.parametrize("width", [80, 120])
async def test_brackets_reach_back_a_day_and_a_week_and_each_column_opens_its_rows(
    rig: Rig, width: int
) -> None:
    """Without it what happened in the night is gone by the morning."""
    await rig.devices("pump-1")
    await rig.sql.execute(_WORKER)
    for hours in (5, 100):
        await _old(rig, hours)
    async with rig.console(width, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("0")
        await seen.shows(f"0 in {74 if width == 80 else 54} min", "[ ] hour/day/week")
        await seen.press("left_square_bracket")
        await seen.shows("The hour is the shortest.")
        await seen.press("right_square_bracket")
        await seen.shows("10 in 24 h", "ok 90.0 %", "porto 10%", "[ ] hour/day/week")
        await seen.press("left", "home")
        await seen.shows("▴")
        await seen.press("enter")
        await seen.shows("Cannot open: nothing ended badly at ")
        for _ in range(80):
            await seen.press("right")
            if "missed 1" in seen.text:
                break
        await seen.press("tab", "tab", "enter")
        await seen.shows("Not ok at porto since ", "› History", "1 command")
        await seen.press("escape")
        await seen.shows("10 in 24 h")
        await seen.press("escape", "enter")
        await seen.shows("Not ok from ", "› History", "1 command")
        assert "◍ missed" in seen.text
        await seen.press("escape")
        await seen.shows("10 in 24 h", "▴")
        await seen.press("right_square_bracket")
        await seen.shows("20 in 7 days", "[ ] hour/day/week")
        await seen.press("exclamation_mark")
        await seen.shows("Not ok in the last week", "2 commands")
        await seen.press("escape", "right_square_bracket")
        await seen.shows("A week is the longest.")
        await seen.press("left_square_bracket", "left_square_bracket")
        await seen.shows("0 in ", "[ ] hour/day/week")


async def test_the_range_that_was_asked_for_last_is_shown_whatever_else_is_read(rig: Rig) -> None:
    """Without it the week is not shown before the day has been read, or the day takes its place."""
    await rig.devices("pump-1")
    await rig.sql.execute(_WORKER)
    for hours in (5, 100):
        await _old(rig, hours)
    span, day_may_end, days = rig.program.figures.span, asyncio.Event(), []

    async def slow_day(tenant_id: str, step: timedelta, count: int) -> Any:
        found = await span(tenant_id, step, count)
        if step * count == timedelta(days=1):
            await day_may_end.wait()
            days.append(count)
        return found

    rig.program.figures.span = slow_day  # type: ignore[method-assign]
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("0")
        await seen.shows("0 in 74 min")
        await seen.press("right_square_bracket")
        await seen.shows("reading the day …")
        await seen.press("right_square_bracket")
        await seen.shows("20 in 7 days")
        day_may_end.set()
        await seen.press("left_square_bracket")
        await seen.shows("10 in 24 h")
        day_may_end.clear()
        await seen.press("left_square_bracket", "right_square_bracket", "right_square_bracket")
        await seen.shows("20 in 7 days")
        before = len(days)
        day_may_end.set()
        await seen.until(lambda: len(days) > before, "answered with the day, too late")
        await seen.pilot.pause()
        assert "20 in 7 days" in seen.text


async def test_what_a_day_counted_and_no_longer_keeps_is_said(rig: Rig) -> None:
    """Without it enter on a bar of the night does nothing."""
    await rig.devices("pump-1")
    await rig.sql.execute(_WORKER)
    await _old(rig, 5)
    await rig.sql.execute("DELETE FROM device_console.recent_ends")
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("0", "right_square_bracket")
        await seen.shows("10 in 24 h")
        await seen.press("exclamation_mark")
        await seen.shows("answered after all, or is no longer kept")
        await seen.pilot.resize_terminal(120, 24)
        await seen.shows("10 in 24 h")


async def _worst(rig: Rig) -> None:
    await _turku_is_silent(rig)
    for kind, name, missed in (("site", "east, 2 b", 4), ("sender", "bob", 3)):
        await rig.sql.execute(
            "INSERT INTO device_console.hour_groups VALUES ('acme', date_trunc('hour', now()), $1, $2, $3)",
            kind, name, [6, 0, 0, missed, 0],
        )  # fmt: skip
    await _ended(rig, "long-ago", "pump-4", 200, site="east, 2 b")
    await rig.sql.execute(
        "UPDATE device_console.recent_ends SET site = 'east, 2 b' WHERE command_id IN ('bad-0', 'bad-1')"
    )


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
async def test_tab_goes_from_tile_to_tile_and_enter_opens_the_marked_row(
    rig: Rig, width: int, height: int
) -> None:
    """Without it the worst is read off the screen and typed into a filter."""
    await _worst(rig)
    async with rig.console(width, height) as seen:
        await seen.shows("pump-1")
        await seen.press("0")
        await seen.shows("fleet 6", "east, 2 b", "bob")
        assert _marked_line(seen).startswith("▌ended per minute"), "the chart has the focus"
        await seen.press("tab")
        await seen.shows("▌fleet 6", "enter open the fleet", "esc chart")
        await seen.press("enter")
        await seen.shows("[◍]")
        await seen.press("escape")
        await seen.shows("▌fleet 6")
        await seen.press("tab")
        await seen.until(lambda: _marked_line(seen).find("east, 2 b") > 0, "marked the worst site")
        await seen.press("enter")
        await seen.shows("Not ok at east, 2 b since ", "(2 of 4 kept) › History", "2 commands")
        assert "long-ago" not in seen.text
        await seen.press("escape")
        await seen.shows("ended per minute")
        await seen.press("down", "enter")
        await seen.shows("Not ok by bob since ", "6 commands")
        await seen.press("escape")
        await seen.shows("ended per minute")
        await seen.press("tab", "down")
        await seen.until(lambda: "pump-0" in _marked_line(seen), "marked the second newest")
        await rig.command("newer", "pump-2", "ping", ago_s=1)
        await rig.sql.execute("SELECT device_console.announce('{acme}')")
        await seen.shows("pump-2         ping")
        assert "pump-0" in _marked_line(seen), "the mark stays on its command"
        await seen.press("enter")
        await seen.shows("Command › Detail", "bad-0")
        await seen.press("escape")
        await seen.shows("ended per minute")
        await seen.press("escape")
        await seen.shows("▌ended per minute")
        await seen.press("shift+tab", "left")
        await seen.shows("▌ended per minute")
        await seen.shows("▴")


async def test_problems_are_on_the_overview_and_enter_opens_those_of_the_kind(rig: Rig) -> None:
    """Without it a forged answer is seen by who opens the problems, and by nobody else."""
    await rig.devices("pump-1")
    await rig.sql.execute(
        "INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail, last_at) VALUES"
        " ('acme', 'late ack', 'pump-1', 'c-1', 'late', now()), ('acme', 'late ack', 'pump-1', 'c-2', 'late', now()),"
        " ('acme', 'late ack', 'pump-7', 'c-3', 'old', now() - interval '25 hours'),"
        " ('acme', 'forged ack', 'pump-8', 'c-4', 'forged', now() - interval '2 hours')"
    )
    async with rig.console(120, 40) as seen:
        await seen.shows("pump-1")
        await seen.press("0")
        await seen.shows("problems   3 in 24 h", "! forged ack         1   pump-8")
        await seen.press("shift+tab")
        await seen.until(lambda: "forged ack" in _marked_line(seen), "marked the worst kind")
        await seen.press("down", "enter")
        await seen.shows('kind:"late ack" age<1d', "2 problems", "c-1", "c-2")
        assert "c-3" not in seen.text
        assert "forged" not in seen.text
        await seen.press("escape")
        await seen.shows("ended per minute")
        await seen.pilot.resize_terminal(80, 24)
        await seen.hides("in 24 h")
        await seen.press("enter")
        await seen.shows("that row is gone")


async def test_live_shows_what_is_sent_on_the_whole_screen_at_most_each_two_seconds(rig: Rig) -> None:
    """Without it the newest commands have a few lines; painted at each, they are too much for a slow line."""
    await rig.devices("pump-1")
    await rig.command("c-1", "pump-1", "ping", ago_s=60)
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("0")
        await seen.shows("ended per minute")
        await seen.press("l")
        await seen.shows(" Live   the newest on top", "ping")
        screen = seen.app.screen
        assert isinstance(screen, LiveScreen)
        await seen.press("down")
        await seen.until(lambda: "pump-1" in _marked_line(seen), "marked the newest")
        read, reads = rig.program.history.commands, []

        async def counted(*given: Any, **named: Any) -> Any:
            reads.append(asyncio.get_running_loop().time())
            return await read(*given, **named)

        rig.program.history.commands = counted  # type: ignore[method-assign]
        for number in range(30):
            await rig.command(f"n-{number}", "pump-1", "reboot", ago_s=30 - number)
            await rig.sql.execute("SELECT device_console.announce('{acme}')")
            screen.request_read()
            await seen.pilot.pause()
        await seen.until(lambda: len(screen._newest) == 31, "read all")
        await seen.shows(" Live   the newest on top   +", "reboot")
        assert all(later - earlier > 1.5 for earlier, later in pairwise(reads))
        assert seen.text.index("reboot") < seen.text.index("Live") + 200
        await seen.press("enter")
        await seen.shows("that command has left the screen: ↓ marks another")
        await seen.press("down", "enter")
        await seen.shows("Command › Detail", "n-29")
        await seen.press("escape", "escape")
        await seen.hides("▌")
        await seen.press("escape")
        await seen.shows("ended per minute")


async def test_live_says_when_more_came_than_it_reads(rig: Rig) -> None:
    """Without it the busiest moment of all looks like one in which nothing came."""
    await rig.devices("pump-1")
    await rig.command("c-1", "pump-1", "ping", ago_s=60)
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("0")
        await seen.shows("ended per minute")
        await seen.press("l")
        await seen.shows(" Live   the newest on top", "ping")
        await seen.hides(" +")
        async with rig.sql.transaction():
            for number in range(200):
                await rig.command(f"n-{number}", "pump-1", "reboot", ago_s=30 - number / 10)
        await seen.shows(" Live   the newest on top   +200 or more")
        await seen.hides(" +")  # by itself, as no more come


async def test_whoever_looks_at_the_overview_the_fleet_or_what_is_sent_watches(rig: Rig) -> None:
    """Without it, who opens the newest commands to watch them is put out after a quarter of an hour."""
    await rig.devices("pump-1")
    app = RemoteApp(rig.program)
    async with app.run_test(size=(80, 24)) as pilot:
        seen = Seen(app, pilot)
        await seen.shows("pump-1")
        assert not app.is_watched
        for key, screen in (
            ("0", OverviewScreen), ("F", FleetScreen), ("escape", OverviewScreen), ("l", LiveScreen),
        ):  # fmt: skip
            await seen.press(key)
            await seen.until(lambda kind=screen: isinstance(app.screen, kind), f"showed {screen}")  # type: ignore[misc]
            assert app.is_watched
        await seen.press("b")
        await seen.until(lambda: not isinstance(app.screen, LiveScreen), "left")
        assert not app.is_watched


def _marked_line(seen: Seen) -> str:
    """What stands behind the only mark."""
    rows = [line[line.index("▌") :] for line in seen.lines if "▌" in line]
    return rows[0] if len(rows) == 1 else ""
