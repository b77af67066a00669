"""The pane of the device under the cursor, and the same on a screen of its own."""

import pytest

from console.tui.screens.device_beside import DeviceBeside, FactsReader
from console.tui.widgets.table import LineTable
from tests.tui.conftest import Rig, Seen


def pane(seen: Seen) -> str:
    """What stands right of the list."""
    return "\n".join(line.partition("│")[2].rstrip() for line in seen.lines)


def edge(seen: Seen) -> int:
    """The column of the line between list and pane."""
    return seen.lines[4].index("│")


async def _fleet(rig: Rig) -> None:
    await rig.devices(*(f"pump-{number}" for number in range(1, 8)))
    for number in range(1, 8):
        await rig.command(
            f"c-{number}", f"pump-{number}", f"kind_{number}", "missed", ago_s=9_000, published=True
        )


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The devices whose facts are read, in order."""
    found: list[str] = []
    inner = FactsReader.read

    async def read(reader, device_id, model):
        found.append(device_id)
        return await inner(reader, device_id, model)

    monkeypatch.setattr(FactsReader, "read", read)
    return found


async def test_it_reads_nothing_while_the_cursor_moves(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the pause, each key press of a way down a list asks for a read."""
    asked: list[str] = []
    monkeypatch.setattr("console.tui.screens.device_beside._DELAY_S", 600.0)
    await _fleet(rig)
    async with rig.console(160, 45) as seen:
        await seen.until(lambda: "kind_1 " in pane(seen), "shown beside the list")
        monkeypatch.setattr(DeviceBeside, "_read_now", lambda _beside: asked.append(pane(seen)))
        await seen.press(*"jjj")
        await seen.until(lambda: "pump-4" in pane(seen), "shown at once, from its row")
        assert asked == []
        monkeypatch.setattr("console.tui.screens.device_beside._DELAY_S", 0.01)
        await seen.press("j")
        await seen.until(lambda: asked != [], "read where the cursor rests")
        assert len(asked) == 1
        assert "pump-5" in asked[0]


async def test_it_follows_the_cursor_and_reads_only_where_it_rests(rig: Rig, reads: list[str]) -> None:
    """Without it what is read for the rows between comes after what is wanted."""
    await _fleet(rig)
    async with rig.console(160, 45) as seen:
        await seen.until(lambda: "kind_1 " in pane(seen), "shown beside the list")
        assert "1 missed of 1" in pane(seen)
        reads.clear()
        table = seen.app.screen.query_one("#table", LineTable)
        for _ in range(5):
            table.action_move(1)
        await seen.until(lambda: "pump-6" in pane(seen), "shown at once, from its row")
        await seen.until(lambda: "kind_6 " in pane(seen), "read")
        assert set(reads) == {"pump-6"}


@pytest.mark.slow
async def test_it_is_there_from_150_columns_on_and_reads_nothing_below(rig: Rig, reads: list[str]) -> None:
    await _fleet(rig)
    async with rig.console(149, 45) as seen:
        await seen.shows("kind_7")
        await seen.press("j", "plus")
        await seen.shows("Cannot widen the pane: the pane is shown from 150 columns on")
        rig.program.feed.tell("acme")
        await seen.press("j")
        assert "│" not in seen.text
        assert reads == []
        await seen.pilot.resize_terminal(150, 45)
        await seen.until(lambda: "kind_3 " in pane(seen), "shown")
        await seen.press("question_mark")
        await seen.shows("Keys")
        reads.clear()
        rig.program.feed.tell("acme")
        await seen.pilot.pause()
        assert reads == [], "nothing is read below a dialog"


@pytest.mark.slow
async def test_it_shows_what_happens_to_its_device(rig: Rig) -> None:
    await _fleet(rig)
    async with rig.console(160, 45) as seen:
        await seen.until(lambda: "kind_1 " in pane(seen), "shown beside the list")
        await rig.command("new", "pump-1", "reboot", published=True)
        rig.program.feed.tell("acme")
        await seen.until(lambda: "reboot" in pane(seen) and "1 in flight" in pane(seen), "followed")


@pytest.mark.slow
async def test_it_is_made_wider_and_narrower_and_stays_so(rig: Rig) -> None:
    await _fleet(rig)
    async with rig.console(160, 45) as seen:
        await seen.until(lambda: "kind_1 " in pane(seen), "shown beside the list")
        before = edge(seen)
        await seen.press("plus")
        await seen.until(lambda: edge(seen) == before - 4, "wider")
        await seen.press("underscore", "underscore")
        await seen.until(lambda: edge(seen) == before + 4, "narrower")
        await seen.press("enter")
        await seen.shows("pump-1 › History")
        await seen.press("escape")
        await seen.until(lambda: "DEVICE" in seen.text and edge(seen) == before + 4, "as it was")
        await seen.press(*["underscore"] * 9)
        await seen.until(lambda: edge(seen) == 160 - 40, "as narrow as can be")
        await seen.press(*["plus"] * 20)
        await seen.until(lambda: edge(seen) == 72, "as wide as can be")
        assert "DEVICE ↑" in seen.text


async def test_usual_times_are_those_of_the_model_by_which_they_are_learned(rig: Rig) -> None:
    """Without it a device whose template names its model is compared with other devices of that name."""
    await _fleet(rig)
    await rig.sql.execute(
        "INSERT INTO device_console.type_latency (tenant_id, command_type, model, answers, counts) VALUES"
        " ('acme', 'kind_2', 'PX', 170, array_fill(5, ARRAY[34])), ('acme', 'kind_2', '', 9, array_fill(9, ARRAY[20]));"
        " UPDATE device_registry SET model = NULL, metadata = '{\"model\": \"PX\"}' WHERE device_id = 'pump-2'"
    )
    async with rig.console(80, 24) as seen:
        await seen.shows("kind_7")
        await seen.press("j", "d")
        await seen.shows("pump-2 › Device", "PX   site lyon", "answers of devices with", "kind_2")
        assert "answers of PX" not in seen.text


async def test_on_a_narrow_terminal_a_key_opens_the_same(rig: Rig) -> None:
    await _fleet(rig)
    await rig.sql.execute(
        "INSERT INTO device_console.type_latency (tenant_id, command_type, model, answers, counts)"
        " VALUES ('acme', 'kind_2', 'PX', 170, array_fill(5, ARRAY[34]))"
    )
    async with rig.console(80, 24) as seen:
        await seen.shows("kind_7")
        await seen.press("j", "d")
        await seen.shows("pump-2 › Device", "PX   site lyon", "answers of PX", "1 missed of 1", "kind_2")
        await seen.press("enter")
        await seen.shows("pump-2 › History")
        await seen.press("escape")
        await seen.shows("pump-2 › Device")
        await seen.press("c")
        await seen.shows("New command", "to pump-2")
        await seen.press("escape")
        await seen.shows("pump-2 › Device")
        await rig.sql.execute("DELETE FROM device_registry WHERE device_id = 'pump-2'")
        rig.program.feed.tell("acme")
        await seen.shows("This device is not in the registry")
        await seen.press("escape")
        await seen.shows("DEVICE ↑")
