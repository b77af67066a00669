"""Choosing the columns of the devices: each with an example, shown at once, kept, and said where it is not seen."""

import argparse

import pytest

from console.shell.devices import VERB
from tests.tui.conftest import Rig
from tests.tui.test_device_columns import heads


async def _named(rig: Rig) -> None:
    await rig.devices("pump-1", "pump-2")
    await rig.sql.execute(
        "UPDATE device_registry SET metadata = '{\"manufacturer\": \"Acme Pumps\"}' WHERE device_id = 'pump-2'"
    )
    await rig.command("c-1", "pump-1", "reboot", "missed", ago_s=9_000)


async def test_a_column_is_shown_and_hidden_at_once_and_the_choice_stays(rig: Rig) -> None:
    await _named(rig)
    async with rig.console(120, 40) as seen:
        await seen.until(lambda: "LAST COMMAND" in heads(seen), "read")
        assert "MAKER" not in heads(seen)
        await seen.press("W")
        await seen.shows("Columns", "FOR EXAMPLE", "✓  SITE", "lyon", "Acme Pumps", "d as by default")
        row = next(line for line in seen.lines if "DEVICE" in line and "always shown" in line)
        assert "pump-1" in row, "the example is the device under the cursor"
        await seen.press("space")
        await seen.press(*"jjjj", "space")
        await seen.hides("✓  SITE")
        await seen.press("G", "up", "up", "up", "enter")
        await seen.shows("✓  MAKER")
        await seen.press("escape")
        await seen.until(lambda: "MAKER" in heads(seen), "shown")
        assert "SITE" not in heads(seen)
        await seen.press("H")
        await seen.shows("All devices › History")
        await seen.press("escape")
        await seen.until(lambda: "MAKER" in heads(seen) and "SITE" not in heads(seen), "kept")
        await seen.press("W", "d")
        await seen.shows("✓  SITE")
        await seen.press("W")
        await seen.until(lambda: "MAKER" not in heads(seen) and "SITE" in heads(seen), "as by default")


@pytest.mark.slow
async def test_why_a_chosen_column_is_not_seen_is_said(rig: Rig) -> None:
    await _named(rig)
    async with rig.console(80, 24) as seen:
        await seen.until(lambda: "LAST COMMAND" in heads(seen), "read")
        await seen.press("W")
        await seen.shows("Columns")
        notes = {line.split("│")[1].split()[1]: line for line in seen.lines if "✓" in line and "│" in line}
        assert "no room for it here" in notes["MODEL"]
        assert "no row in view has one" in notes["TAGS"]
        assert "here" not in notes["LINK"]


def test_the_shell_knows_the_same_columns(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    VERB.arguments(parser)
    found = parser.parse_args(["--columns", "link,device"]).columns
    assert [column.title for column in found] == ["LINK", "DEVICE"]
    with pytest.raises(SystemExit):
        parser.parse_args(["--columns", "device,colour"])
    assert "the columns are device, name, link" in capsys.readouterr().err
