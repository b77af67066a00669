"""Actions: each has its key, its palette entry, its help, its reason when it can't be, and its shell command."""

import re
from dataclasses import replace

import pytest
from textual.binding import Binding

from console.cli.parser import build_parser
from console.errors import UsageError
from console.runtime.preferences import Preferences
from console.tui.keys.actions import ON_SCREEN_ONLY
from console.tui.keys.keymap import keymap, with_keys
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.batch import BatchScreen
from console.tui.screens.compose.screen import ComposeScreen
from console.tui.screens.detail import DetailScreen
from console.tui.screens.device import DeviceScreen
from console.tui.screens.devices import DevicesScreen
from console.tui.screens.diff import DiffScreen
from console.tui.screens.history import HistoryScreen
from console.tui.screens.paged_list import PagedScreen
from console.tui.screens.registry import ACTIONS, SCREENS

KINDS: dict[str, type[ConsoleScreen]] = {screen.KIND: screen for screen in SCREENS}
EVERY = [action for actions in ACTIONS.values() for action in actions]


def empty_screen(rig, kind: str) -> ConsoleScreen:
    """The screen where there is nothing to act on."""
    from console.tui.state.console_state import ConsoleState

    state = ConsoleState(rig.program, "acme")
    match kind:
        case "devices":
            return DevicesScreen(state)
        case "history":
            return HistoryScreen(state, None)
        case "detail":
            return DetailScreen(state, "nothing")
        case "device":
            return DeviceScreen(state, "nobody")
        case "compose":
            return ComposeScreen(state, ("nobody",))
        case "diff":
            return DiffScreen(state, "nothing", "nobody")
        case "batch":
            return BatchScreen(state, "nothing")
        case _:
            return KINDS[kind](state)


def test_every_action_is_on_a_screen_and_each_screen_knows_its_actions():
    assert set(KINDS) == set(ACTIONS)
    screens = [*ConsoleScreen.__subclasses__(), *PagedScreen.__subclasses__()]
    for screen in [screen for screen in screens if screen is not PagedScreen]:
        assert screen in SCREENS
        ids = [action.id for action in screen.ACTIONS]
        assert ids
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize("kind", ACTIONS)
def test_every_action_has_a_key_of_its_own_on_its_screen(kind):
    keys = [key for b in KINDS[kind].BINDINGS if isinstance(b, Binding) for key in b.key.split(",")]
    assert len(keys) == len(set(keys))
    for action in ACTIONS[kind]:
        assert action.keys
        assert action.shown
        eaten = {
            "ctrl+h",
            "ctrl+i",
            "ctrl+m",
            "ctrl+b",
            "ctrl+j",
            "ctrl+z",
            "ctrl+enter",
            "delete",
            "backspace",
        }
        assert set(action.keys.split(",")) - eaten, (
            f"{action.id} can only be reached by keys that terminals eat"
        )
        assert not {"delete", "backspace"} & set(action.keys.split(","))


@pytest.mark.parametrize("action", EVERY, ids=lambda action: action.id)
def test_every_act_has_a_shell_command_that_the_parser_takes(action):
    if action.shell == ON_SCREEN_ONLY:
        assert not action.act
        return
    for line in action.shell.split(", "):
        words = line.split()
        assert words[0] == "device-console"
        build_parser().parse_args(words[1:])


@pytest.mark.slow
async def test_every_action_stands_in_the_help_and_in_the_palette(rig):
    await rig.devices("pump-1")
    async with rig.console(120, 560) as seen:
        await seen.shows("pump-1")
        await seen.press("question_mark")
        await seen.shows("Keys")
        await seen.press("tab")
        await seen.shows("hide shell commands")
        squeezed = re.sub(r"[│╭╮╰╯─▌▕█\s▁-▇]+", " ", seen.text)
        for action in EVERY:
            assert action.help in squeezed, action.id
            for command in action.shell.split(", "):
                assert command in squeezed, action.id
        await seen.press("escape", "ctrl+p")
        await seen.shows("Do, or go to", "compose", "sort")
        for action in ACTIONS["devices"]:
            if action.id not in {"tenant", "fold", "unfold"}:  # there is one only, and there are no groups
                label = seen.app.screen_stack[-2].label(action)
                await seen.shows(f"do        {label}  ")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ACTIONS)
async def test_help_and_palette_list_the_actions_of_every_screen(rig, kind):
    """On the sheet, too, where a question mark is a letter."""
    async with rig.console(120, 560) as seen:
        screen = empty_screen(rig, kind)
        await seen.app.push_screen(screen)
        await seen.pilot.pause()
        await seen.press("f1")
        await seen.shows("Keys", f" {kind} ", "filters", "key:a,b", "age>1h", "in problems")
        first = next(line for line in seen.lines[2:] if re.search(r"│ +[a-z]+ +│", line))
        assert kind in first, "the screen that asked comes first"
        await seen.press("escape", "ctrl+p")
        for action in screen.actions:
            label = screen.label(action)
            await seen.shows(f"do        {label}  {action.shown}")
            reason = action.reason(screen)
            if reason:
                assert f"not now: {reason}"[:40] in seen.text


@pytest.mark.slow
@pytest.mark.parametrize("kind", ACTIONS)
async def test_an_action_that_cannot_be_done_says_why_and_does_nothing(rig, kind):
    """Where there is nothing, acts are refused with a sentence; none fails, none is silent."""
    async with rig.console(120, 40) as seen:
        screen = empty_screen(rig, kind)
        await seen.app.push_screen(screen)
        await seen.pilot.pause()
        for action in ACTIONS[kind]:
            if not action.act and action.id not in {"open", "copy_id", "copy_json", "explain", "export"}:
                continue
            reason = action.reason(screen)
            if reason is None:
                continue
            assert reason
            assert reason[0].islower() or reason[0] in "'“\"" or kind == "compose"
            screen.run_listed(action)
            await seen.shows(f"Cannot {action.label}")
            assert seen.app.screen is screen
        refused = [a.id for a in ACTIONS[kind] if a.act and a.reason(screen)]
        acts = [a.id for a in ACTIONS[kind] if a.act]
        assert refused == acts
        assert await rig.count() == 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ACTIONS)
async def test_read_only_takes_the_acts_away(reader, kind):
    async with reader.console() as seen:
        screen = empty_screen(reader, kind)
        await seen.app.push_screen(screen)
        await seen.pilot.pause()
        assert not [action for action in screen.actions if action.act]
        for action in ACTIONS[kind]:
            if action.act:
                assert screen.check_action("listed", (action.id,)) is False
        await seen.shows("READ-ONLY")


def test_a_keymap_names_actions_by_screen_or_everywhere():
    found = keymap({"history.retry": "ctrl+r", "quit": "f10"}, ACTIONS)
    assert found["history.retry"] == "ctrl+r"
    assert {name for name, key in found.items() if key == "f10"} == {
        f"{screen}.quit" for screen, there in ACTIONS.items() if any(a.id == "quit" for a in there)
    }
    retry = next(a for a in EVERY if a.id == "retry")
    assert with_keys(retry, "history", found).shown == "ctrl+r"
    assert with_keys(retry, "detail", found) is retry


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"fly": "f"}, "not an action"),
        ({"history.sort": "f"}, "not an action"),
        ({"retry": "hyper"}, "does not exist"),
        ({"retry": ""}, "does not exist"),
        ({"retry": "j"}, "moves in every list"),
        ({"history.retry": "x"}, "the same key"),
        ({"history.retry": "y", "history.copy_id": "i"}, "confirms the dialog that follows"),
        ({"compose": "y"}, "confirms the dialog"),
        ({"review": "s"}, "could then not be typed into a field"),
        ({"favourite": "slash"}, "could then not be typed"),
        ({"editor": "left"}, "could then not be typed"),
        ({"compose.back": "left"}, "input fields use themselves"),
        ({"compose.theme": "b"}, "input fields use themselves"),
        ({"quit": "ctrl+z"}, "belongs to the terminal"),
    ],
)
def test_a_wrong_keymap_is_refused_in_a_sentence(keys, message):
    with pytest.raises(UsageError, match=message):
        keymap(keys, ACTIONS)


def test_a_letter_for_every_screen_leaves_the_sheet_its_own_key():
    """Without it `back=I` could not be pressed in the sheet, and nobody would get out."""
    found = keymap({"back": "I", "theme": "f10"}, ACTIONS)
    assert "compose.back" not in found
    assert found["history.back"] == "I"
    assert found["compose.theme"] == "f10"


async def test_own_keys_work_and_are_shown(rig):
    rig.program = replace(rig.program, preferences=Preferences(keys={"devices.sort": "f3", "help": "f2"}))
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await seen.shows("pump-1", "f3 reverse", "f2 help", "DEVICE ↑")
        await seen.press("s")
        await seen.shows("DEVICE ↑")
        await seen.press("f3")
        await seen.shows("DEVICE ↓")
        await seen.press("f2")
        await seen.shows("Keys", "f3")


@pytest.mark.slow
async def test_a_theme_of_textual_can_be_chosen_and_an_unknown_one_is_refused(rig):
    rig.program = replace(rig.program, preferences=Preferences(theme="nord"))
    async with rig.console() as seen:
        assert seen.app.theme == "nord"
    from console.tui.application.app import ConsoleApp

    with pytest.raises(UsageError, match="There is no theme 'pink': choose one of dark, light"):
        ConsoleApp(replace(rig.program, preferences=Preferences(theme="pink")))
