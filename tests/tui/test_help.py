"""The help: letters search it, tab adds the shell commands, esc goes back a step at a time."""

from dataclasses import replace

import pytest
from textual import events

from console.tui.screens.dialogs.help import HelpDialog
from tests.tui.conftest import Rig, Seen


async def _opened(seen: Seen) -> None:
    await seen.shows("pump-1")
    await seen.press("question_mark")
    await seen.shows("Keys", "letters search")


async def test_letters_search_keys_words_and_filters_and_esc_clears_them_first(rig: Rig) -> None:
    """Without it one reads two hundred lines to find one key."""
    await rig.devices("pump-1")
    async with rig.console(80, 24) as seen:
        await _opened(seen)
        assert "device-console" not in seen.text
        await seen.type("retry q")
        await seen.shows("search retry q▏", "No key, word or filter has all of that")
        await seen.press("backspace", "backspace")
        await seen.shows("Send an ended command again")
        await seen.press("escape")
        await seen.hides("search retry")
        await seen.type("AGE>1H")
        await seen.shows("filters", "Older than that")
        assert "Leave the console" not in seen.text
        await seen.press("escape", "escape")
        await seen.hides("Keys")
        await seen.shows("pump-1")


async def test_no_letter_closes_it_and_what_it_searched_is_not_done_behind_it(rig: Rig) -> None:
    """Without it the q of a word leaves the help, and the next letters act on devices."""
    await rig.devices("pump-1")
    async with rig.console(80, 24) as seen:
        await _opened(seen)
        await seen.type("qjkac")
        await seen.shows("search qjkac▏")
        dialog = seen.app.screen
        assert isinstance(dialog, HelpDialog)
        seen.app.post_message(events.Paste("\x1b[31m x\n y"))
        await seen.shows("search qjkac[31m x y▏")
        await seen.press("escape", "question_mark")
        await seen.hides("Keys")
        assert "marked" not in seen.text


async def test_tab_adds_the_shell_commands_and_the_box_covers_the_list_to_its_foot(rig: Rig) -> None:
    """Without it rows of the list below look like the last lines of the help."""
    await rig.devices(*(f"pump-{n:02}" for n in range(1, 40)))
    async with rig.console(60, 15) as seen:
        await seen.shows("pump-01")
        await seen.press("question_mark")
        await seen.shows("Keys")
        assert seen.lines[0].startswith("╭")
        assert seen.lines[-1].startswith("╰")
        await seen.press("tab")
        await seen.shows("device-console history DEVICE", "hide shell commands")
        await seen.press("tab")
        await seen.hides("device-console history DEVICE")
        await seen.press("escape", "ctrl+p")
        await seen.shows("Do, or go to", "history  enter")
        assert "pump-" not in "\n".join(seen.lines[3:-1])


@pytest.mark.parametrize("is_demo", [True, False])
async def test_a_demo_says_what_is_invented_and_nothing_else_does(rig: Rig, *, is_demo: bool) -> None:
    """Without it the invented operators of the demo are taken for people who use it, too."""
    rig = replace(rig, program=replace(rig.program, demo=is_demo))
    async with rig.console(120, 30) as seen:
        await seen.press("question_mark")
        await seen.shows("Keys")
        await seen.type("invented")
        words = "DEMO         Devices, operators and their history are invented"
        await seen.shows(words if is_demo else "No key, word or filter has all of that")
