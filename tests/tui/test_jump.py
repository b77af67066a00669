"""Jump mode: a letter on each pane, heading and key of the footer."""

import pytest

from console.tui.screens.dialogs.help import HelpDialog
from console.tui.screens.dialogs.jump import LETTERS, JumpDialog
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines
from tests.tui.conftest import Rig, Seen


def _letters(seen: Seen) -> dict[str, tuple[int, int]]:
    return {one.plain: (one.region.x, one.region.y) for one in seen.app.screen.query(Lines).filter(".jump")}


async def _jump(seen: Seen, key: str = "apostrophe") -> dict[str, tuple[int, int]]:
    await seen.press(key)
    await seen.until(lambda: isinstance(seen.app.screen, JumpDialog) and bool(_letters(seen)), "letters")
    dialog = seen.app.screen
    await seen.until(lambda: dialog._seen_at is not None, "letters that were seen")  # type: ignore[attr-defined]
    return _letters(seen)


async def test_a_letter_sorts_by_the_heading_that_it_stands_on(rig: Rig) -> None:
    """Without it a heading far away takes many keys, or a mouse."""
    await rig.devices("pump-1", "pump-2")
    async with rig.console(120, 24) as seen:
        await seen.shows("pump-1")
        table = seen.app.screen.query_one(LineTable)
        letters = await _jump(seen)
        heads = dict(table.heads_at())
        here = next(k for k, at in letters.items() if at == (heads["seen"], table.region.y))
        await seen.press(here)
        await seen.until(lambda: table.heads.sorted_by == "seen", "sorted by SEEN")


async def test_a_letter_on_a_key_of_the_footer_runs_it_and_never_confirms_what_it_asks(rig: Rig) -> None:
    await rig.devices("pump-1")
    async with rig.console(120, 24) as seen:
        await seen.shows("pump-1")
        column = seen.lines[23].index("? help")
        letters = await _jump(seen)
        assert "y" not in LETTERS
        assert "y" not in letters
        await seen.press(next(k for k, at in letters.items() if at == (column, 23)))
        await seen.until(lambda: isinstance(seen.app.screen, HelpDialog), "help")


@pytest.mark.parametrize("key", ["escape", "apostrophe", "Z", "1"])
async def test_any_other_key_closes_it_and_does_nothing_else(rig: Rig, key: str) -> None:
    await rig.devices("pump-1")
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        before = seen.app.screen
        await _jump(seen)
        await seen.press(key)
        await seen.until(lambda: seen.app.screen is before, "back")


async def test_a_letter_that_nobody_could_have_read_goes_nowhere(rig: Rig) -> None:
    """Without it a pasted text that holds an apostrophe runs whatever stands under its next letter."""
    await rig.devices("pump-1")
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        dialog = JumpDialog([])
        dialog._seen = lambda: None  # type: ignore[method-assign]  # the terminal takes nothing
        seen.app.push_screen(dialog)
        await seen.press("a", "Z")
        assert seen.app.screen is dialog
        await seen.press("escape")
        await seen.until(lambda: seen.app.screen is not dialog, "closed")


async def test_fields_are_reached_from_the_form_although_they_take_letters(rig: Rig) -> None:
    await rig.devices("pump-1")
    async with rig.console(120, 40) as seen:
        await seen.shows("pump-1")
        await seen.press("c")
        await seen.shows("New command")
        field = seen.app.screen.query_one("#ttl")
        letters = await _jump(seen, "ctrl+o")
        await seen.press(next(k for k, at in letters.items() if at == (field.region.x, field.region.y)))
        await seen.until(lambda: seen.app.focused is field, "the TTL has the focus")


@pytest.mark.parametrize("size", [(160, 45), (80, 24)])
async def test_a_letter_goes_to_a_tile_of_the_overview(rig: Rig, size: tuple[int, int]) -> None:
    await rig.devices("pump-1")
    await rig.command("one", "pump-1", published=True)
    async with rig.console(*size) as seen:
        await seen.shows("pump-1")
        await seen.press("0")
        await seen.shows("ended per minute", "fleet 1", "ping")
        row = next(at for at, line in enumerate(seen.lines) if "◔ published pump-1" in line)
        column = seen.lines[row].index(":") - 3
        letters = await _jump(seen)
        assert len(set(letters.values())) == len(letters), "no letter lies on another"
        await seen.press(next(k for k, at in letters.items() if at == (column, row)))
        await seen.until(lambda: "enter open command" in seen.text, "the newest command is marked")
        await seen.press("enter")
        await seen.shows("Command › Detail")
