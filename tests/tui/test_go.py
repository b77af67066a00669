"""Going somewhere by `:`: one row is marked, enter takes that one, and nothing that nobody has seen."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from textual.widgets import Input

from console.domain.commands import Draft
from console.errors import DatabaseUnreachableError
from console.runtime.director import Director
from console.tui.screens.dialogs.confirm import ConfirmDialog
from console.tui.screens.dialogs.go import GoDialog
from tests.tui.conftest import Rig, Seen


def marked(seen: Seen) -> str:
    """The only marked row of the list, without its mark, once an operator can have seen it."""
    dialog = seen.app.screen
    assert isinstance(dialog, GoDialog)
    if dialog._painted_at is None:
        return ""
    rows = [line for line in seen.lines[dialog.query_one("#go-rows").region.y :] if line.startswith("▌")]
    return rows[0][1:].strip() if len(rows) == 1 else ""


async def marks(seen: Seen, *words: str) -> None:
    await seen.until(lambda: all(word in marked(seen) for word in words), f"marked {words}")


async def faster(seen: Seen, text: str) -> None:
    """Type a text and enter as a paste or a slow line brings them: before anything could be drawn."""
    box = seen.app.screen.focused
    assert isinstance(box, Input)
    box.value = text
    await box.action_submit()


async def test_enter_takes_the_marked_row_and_the_mark_follows_what_is_typed(rig: Rig) -> None:
    """Without it enter goes to what nobody chose."""
    await rig.devices("pump-1", "pump-2", "valve-1")
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("colon")
        await seen.shows("Go to", "screen    overview", "enter opens the marked")
        await seen.press("enter")
        assert isinstance(seen.app.screen, GoDialog), "nothing is marked while nothing is typed"
        await seen.type("pump")
        await marks(seen, "device", "pump-1", "● online")
        await seen.press("down")
        await marks(seen, "device", "pump-2")
        await seen.type("-")
        await marks(seen, "device", "pump-1")
        await seen.press("down", "tab")
        await marks(seen, "device", "pump-2")
        assert isinstance(seen.app.screen.focused, Input)
        assert seen.app.screen.focused.value == "pump-2"
        await seen.press("enter")
        await seen.shows("pump-2 › History")


async def test_the_end_of_an_id_finds_its_device_where_nothing_begins_so(rig: Rig) -> None:
    """Without it whoever knows a device by its number types all that stands before it."""
    await rig.devices("pump-0033", "valve-0034", "33-gate")
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-0033")
        await seen.press("colon")
        await seen.shows("Go to")
        await seen.type("33")
        await marks(seen, "device", "33-gate")
        assert not any("pump-0033" in line for line in seen.lines[-8:]), "what begins so is meant first"
        await seen.press("backspace", "backspace")
        await seen.type("-0033")
        await marks(seen, "device", "pump-0033", "● online")
        await seen.press("enter")
        await seen.shows("pump-0033 › History")


async def test_what_is_typed_in_full_is_marked_first_then_what_was_chosen_lately(rig: Rig) -> None:
    """Without it a device called history cannot be reached, or pump-10 hides pump-1."""
    await rig.devices("history", "history-2", "pump-1", "pump-10", "pump-11")
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("colon")
        await seen.type("history")
        await marks(seen, "device", "history")
        await seen.press("escape", "colon")
        await seen.type("pump-11")
        await marks(seen, "pump-11")
        await seen.press("enter")
        await seen.shows("pump-11 › History")
        await seen.press("escape")
        await seen.shows("DEVICE ↑")
        await seen.press("colon")
        await seen.shows("pump-11", "chosen lately")
        await seen.type("pump")
        await marks(seen, "pump-11")
        await seen.type("-1")
        await marks(seen, "device    pump-1 ")


@pytest.mark.parametrize(("text", "there"), [
    ("pump-1", "pump-1 › History"), ("valv", "valve-1 › History"), ("prob", "No problems"),
    ("pump", ""), ("copy", ""), ("pump-9", "There is no device"), ("p", ""),
])  # fmt: skip
async def test_a_text_that_comes_with_its_enter_takes_only_what_it_names(
    rig: Rig, text: str, there: str
) -> None:
    """Without it a paste opens, or does, the first thing that begins like it."""
    await rig.devices("pump-1", "pump-2", "valve-1")
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("colon")
        await seen.shows("Go to")
        await faster(seen, text)
        if there:
            await seen.shows(there)
        else:
            await seen.until(lambda: marked(seen) != "", "listed")
            assert isinstance(seen.app.screen, GoDialog)
            await seen.press("enter")
            await seen.until(lambda: not isinstance(seen.app.screen, GoDialog), "taken once it was seen")


async def test_an_act_is_done_by_its_word_and_asks_like_its_key(rig: Rig) -> None:
    """Without it the second of two enters confirms what the first one began."""
    await rig.devices("pump-1")
    await rig.program.sender.send("acme", [Draft("c-1", "pump-1", "ping", "{}", timedelta(hours=1), "alice")])
    async with rig.console(120, 30) as seen:
        await seen.shows("pump-1")
        await seen.press("H")
        await seen.shows("○ waiting")
        await seen.press("colon")
        await seen.type("cancel")
        await marks(seen, "do", "cancel", "x")
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, ConfirmDialog), "asked")
        await seen.press("enter")
        await seen.hides("Cancel ping")
        assert await rig.sql.fetchval("SELECT status FROM device_commands") == "queued"


async def test_what_cannot_be_done_now_says_why_in_its_row(rig: Rig) -> None:
    async with rig.console(120, 30) as seen:
        await seen.shows("no devices yet")
        await seen.press("colon")
        await seen.type("mark")
        await seen.shows("not now: there is no device here")


async def test_a_site_opens_the_devices_of_it(rig: Rig) -> None:
    """Without quotes a site whose name has a space or a comma finds other devices."""
    await rig.devices("pump-1", "pump-2")
    await rig.sql.execute("UPDATE device_registry SET site_id = 'east, 2 b' WHERE device_id = 'pump-2'")
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("2")
        await seen.shows("All devices › History")
        await seen.press("colon")
        await seen.type("EAST")
        await marks(seen, "site", "east, 2 b")
        await seen.press("enter")
        await seen.shows('site:"east, 2 b"', "1 of 2", "pump-2")


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40)])
async def test_the_list_lies_at_the_bottom_and_keeps_its_mark_in_view(
    rig: Rig, size: tuple[int, int]
) -> None:
    """Without it the list lies over the ids that one wants to read, or enter takes a row out of sight."""
    await rig.devices(*(f"pump-{number:02}" for number in range(30)))
    async with rig.console(*size) as seen:
        await seen.shows("pump-00")
        first = seen.lines[FIRST_ROW].rstrip("█▕ ")
        await seen.press("colon")
        await seen.type("pump")
        await seen.shows("more below")
        assert seen.lines[FIRST_ROW].rstrip("█▕ ") == first
        for _ in range(25):
            await seen.press("down")
        await marks(seen, "device", "pump-19")
        await seen.hides("more below")
        for _ in range(25):
            await seen.press("up")
        await marks(seen, "device", "pump-00")


FIRST_ROW = 3  # below header, headline and title: the headings


async def test_what_is_typed_while_the_database_is_away_says_so_and_still_finds_screens(rig: Rig) -> None:
    await rig.devices("pump-1")

    async def gone(*_given: Any, **_named: Any) -> Any:
        raise DatabaseUnreachableError("PostgreSQL does not answer (gone).")

    async with rig.console(120, 30) as seen:
        await seen.shows("pump-1")
        rig.program.history.device_head = gone  # type: ignore[method-assign]
        await seen.press("colon")
        await seen.type("prob")
        await seen.shows("PostgreSQL does not answer (gone).")
        await marks(seen, "screen", "problems")


async def test_a_click_takes_the_row_under_it(rig: Rig) -> None:
    await rig.devices("pump-1", "pump-2")
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("colon")
        await seen.type("pump")
        await seen.shows("device    pump-2")
        await seen.pilot.click("#go-rows", offset=(20, 1))
        await seen.shows("pump-2 › History")


class Plays:
    """The operators of a demo, who write down what is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def happen(self, what: Any) -> None:
        self.asked.append(what.value)


async def test_a_presenter_asks_for_a_scene_and_a_paste_asks_for_none(rig: Rig) -> None:
    """Without the list, whoever presents the demo has to wait for something to go wrong."""
    director, plays = Director(lambda: None), Plays()
    rig = replace(rig, program=replace(rig.program, director=director))
    await rig.devices("pump-1")
    async with rig.console(120, 40) as seen:
        await seen.shows("pump-1")
        await seen.press("colon")
        await faster(seen, "demo quiet site")
        await seen.shows("do        demo quiet site")
        assert plays.asked == []
        await seen.press("escape", "colon")
        await seen.type("demo")
        await marks(seen, "demo quiet site")
        await seen.press("enter")
        await seen.shows("Another process simulates the demo’s fleet: ask for it there.")
        director.plays = plays
        await seen.press("colon")
        await seen.type("forged")
        await marks(seen, "demo forged answer")
        await seen.press("enter")
        await seen.shows("Demo: forged answer has been asked for.")
    assert plays.asked == ["forged answer"]


async def test_real_data_has_no_director(rig: Rig) -> None:
    await rig.devices("pump-1")
    async with rig.console(120, 40) as seen:
        await seen.shows("pump-1")
        await seen.press("colon")
        await seen.type("demo")
        await seen.shows("There is no device, command or bulk send “demo”")


async def test_an_act_that_nobody_has_seen_is_not_done_though_nothing_was_typed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it ctrl+p, ↓ and enter, typed at once, do whatever stands first."""
    monkeypatch.setattr(GoDialog, "_painted", lambda *_: None)  # the terminal has taken nothing
    await rig.devices("pump-1")
    async with rig.console(120, 40) as seen:
        await seen.shows("pump-1")
        await seen.press("ctrl+p", "down", "enter")
        await seen.until(lambda: "▌ do        history" in seen.text, "the first act is marked")
        assert isinstance(seen.app.screen, GoDialog)


async def test_ctrl_p_lists_what_can_be_done_first_and_in_a_field_too(rig: Rig) -> None:
    """Without it a screen whose fields take letters has no list of what it can do."""
    await rig.devices("pump-1", "compose-9")
    async with rig.console(120, 40) as seen:
        await seen.shows("pump-1")
        await seen.press("ctrl+p")
        await seen.shows("Do, or go to", "do        compose", "screen    overview")
        assert seen.text.index("do        ") < seen.text.index("screen    overview")
        await seen.press("enter")
        await seen.shows("Do, or go to")  # nothing is marked yet
        await seen.type("compose")
        await seen.shows("device    compose-9", "do        compose")
        rows = [line for line in seen.lines if "compose" in line and ("do  " in line or "device  " in line)]
        assert rows[0].startswith("▌ do        compose")
        await seen.type("-9")
        await seen.shows("▌ device    compose-9")
        await seen.press("escape", "c")
        await seen.shows("New command")
        await seen.press("ctrl+p")
        await seen.shows("Do, or go to", "help  ")
        await seen.press("ctrl+p", "escape")
        await seen.hides("Do, or go to")
        await seen.press("escape", "ctrl+p")
        await seen.type("unmatched")
        await seen.shows("▌ do        problems")
        await seen.press("enter")
        await seen.shows("No problems: every answer matched")
