"""The columns of the devices: which are shown at which size, and what stands in them."""

import re

import pytest

from tests.tui.conftest import Rig, Seen


def heads(seen: Seen) -> str:
    """The row of headings."""
    return next(line.rstrip() for line in seen.lines if "DEVICE" in line)


def row_of(seen: Seen, device: str) -> str:
    """The row of a device."""
    return next((line.rstrip() for line in seen.lines if f" {device} " in line), "")


async def _asked(rig: Rig) -> None:
    """pump-1 has answered, missed and failed, pump-2 has a command in flight, pump-3 never got one."""
    await rig.devices("pump-1", "pump-2", "pump-3")
    for number in range(9):
        await rig.command(
            f"ok-{number}", "pump-1", "ping", "delivered", ago_s=90_000 - number, published=True
        )
    await rig.command("missed", "pump-1", "ping", "missed", ago_s=9_000, published=True)
    await rig.command(
        "failed",
        "pump-1",
        "flush_buffer",
        "delivered",
        ago_s=7_300,
        published=True,
        ack='{"status": "error"}',
    )
    await rig.command("open", "pump-2", "reboot", ago_s=2_705, published=True)


async def test_a_strip_stands_beside_each_device_and_says_how_many_it_shows(rig: Rig) -> None:
    await _asked(rig)
    async with rig.console(120, 40) as seen:
        await seen.shows("●●●●●●●●●◍✕", "✕ failed flush_buffer")
        head, row = heads(seen), row_of(seen, "pump-1")
        assert head.index("LAST 12") + 11 == row.index("✕")
        assert row_of(seen, "pump-2").index("◔") == row.index("✕"), "the newest stands at the right edge"
        await seen.pilot.resize_terminal(74, 24)
        await seen.until(lambda: "LAST 6" in heads(seen), "short of the strip")
        assert "  ●●●●◍✕  ✕ failed flush_buff" in row_of(seen, "pump-1")
        assert re.split("  +", heads(seen).strip()) == [
            "DEVICE ↑", "LINK", "SEEN", "FLIGHT", "LAST 6", "LAST COMMAND",
        ]  # fmt: skip


async def test_the_smallest_terminal_names_the_command_that_failed(rig: Rig) -> None:
    """Without its kind, "failed" says that somebody has to look, but not at what."""
    await _asked(rig)
    async with rig.console(60, 15) as seen:
        await seen.shows("✕ failed flush_buffer 2h")
        assert {"LAST 6", "LAST COMMAND"} <= {part.strip() for part in heads(seen).split("  ")}


async def test_a_strip_follows_what_happens(rig: Rig) -> None:
    """Without the hints it tells what was, beside a phase that is."""
    await _asked(rig)
    async with rig.console(80, 24) as seen:
        await seen.until(lambda: " ◔  ◔ published" in row_of(seen, "pump-2"), "shown in flight")
        await rig.sql.execute(
            "UPDATE device_commands SET status = 'delivered', acked_at = now(),"
            " ack_details = '{\"status\": \"ok\"}' WHERE command_id = 'open'"
        )
        rig.program.feed.tell("acme")
        await seen.until(lambda: " ●  ● ok reboot" in row_of(seen, "pump-2"), "shown as ended")


@pytest.mark.slow
async def test_no_column_is_empty_and_one_comes_with_its_first_value(rig: Rig) -> None:
    await rig.devices("pump-1", "pump-2")
    async with rig.console(120, 40) as seen:
        await seen.until(lambda: "MODEL" in heads(seen), "read")
        assert heads(seen).split() == ["DEVICE", "↑", "LINK", "SEEN", "SITE", "MODEL"]
        await rig.command("c-1", "pump-2", "reboot", ago_s=100)
        await rig.sql.execute("INSERT INTO device_tags VALUES ('acme', 'pump-1', 'pilot')")
        rig.program.feed.tell("acme")
        await seen.until(lambda: "TAGS" in heads(seen), "has tags")
        assert heads(seen).split() == [
            "DEVICE",
            "↑",
            "LINK",
            "SEEN",
            "SITE",
            "MODEL",
            "FLIGHT",
            "LAST",
            "12",
            "LAST",
            "COMMAND",
            "TAGS",
        ]
        await seen.press("slash")
        await seen.type("pump-1")
        await seen.press("enter")
        await seen.until(lambda: "LAST" not in heads(seen), "left by what no row has")
        assert "TAGS" in heads(seen)


@pytest.mark.slow
async def test_a_column_comes_into_view_with_the_row_that_has_a_value(rig: Rig) -> None:
    """Without it what only the last device has is seen by nobody, since the first page has none of it."""
    await rig.devices(*(f"pump-{number:03}" for number in range(120)))
    await rig.sql.execute("INSERT INTO device_tags VALUES ('acme', 'pump-119', 'pilot')")
    async with rig.console(120, 24) as seen:
        await seen.until(lambda: "MODEL" in heads(seen), "read")
        await seen.until(lambda: "TAGS" not in heads(seen), "goes by the rows in view")
        await seen.press("G")
        await seen.until(lambda: "TAGS" in heads(seen) and "pilot" in row_of(seen, "pump-119"), "came")
        await seen.press("g")
        await seen.until(lambda: row_of(seen, "pump-000") != "", "back at the top")
        assert "TAGS" in heads(seen), "nothing jumps while somebody reads"
