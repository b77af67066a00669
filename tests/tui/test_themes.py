"""Choosing a theme: it is seen before it is taken, esc gives the old one back, and the next start has it."""

from dataclasses import replace
from pathlib import Path

import pytest

from console.runtime.preferences import Preferences
from console.tui.look.theme import DARK, LIGHT, theme_named, theme_names
from tests.tui.conftest import Rig


def _keeping(rig: Rig, path: Path) -> Rig:
    return replace(rig, program=replace(rig.program, preferences=Preferences(theme_file=path)))


async def test_without_colours_the_picker_says_that_themes_look_the_same(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it keys change nothing that one can see, and nobody says why."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with rig.console(60, 15) as seen:
        await seen.press("f9")
        await seen.shows("THEME", "NO_COLOR is set: all look the same", "enter take it")


async def test_a_theme_is_seen_at_once_and_kept_when_it_is_taken(rig: Rig, tmp_path: Path) -> None:
    """Without it each start is dark again."""
    rig = _keeping(rig, tmp_path / "theme")
    async with rig.console(60, 15) as seen:
        assert seen.app.theme == DARK
        await seen.press("f9")
        await seen.shows("THEME", "▌  dark", "from now on", "enter take it")
        await seen.press("f9")
        await seen.until(lambda: seen.app.theme == LIGHT, "was shown")
        await seen.press("escape")
        await seen.hides("THEME")
        assert seen.app.theme == DARK
        assert not (tmp_path / "theme").exists()
        await seen.press("f9", "down", "down", "enter")
        await seen.hides("THEME")
        chosen = theme_names()[2]
        assert seen.app.theme == theme_named(chosen)
        assert (tmp_path / "theme").read_text() == f"{chosen}\n"
    async with rig.console(60, 15) as seen:
        assert seen.app.theme == theme_named(chosen)


async def test_f9_walks_through_all_themes_and_begins_anew(rig: Rig) -> None:
    async with rig.console(80, 24) as seen:
        found = []
        for _ in range(len(theme_names()) + 1):
            await seen.press("f9")
            await seen.shows("THEME")
            found.append(seen.app.theme)
        assert found == [theme_named(name) for name in (*theme_names(), theme_names()[0])]


@pytest.mark.parametrize("bound", ["restricted", "read_only"])
async def test_a_bound_console_writes_no_theme(rig: Rig, tmp_path: Path, bound: str) -> None:
    """Without it somebody who is served a screen writes a file on the server."""
    rig = _keeping(rig, tmp_path / "theme")
    rig = replace(rig, program=replace(rig.program, **{bound: True}))  # type: ignore[arg-type]
    async with rig.console(80, 24) as seen:
        await seen.press("f9", "down")
        await seen.shows("THEME", "until you leave")
        await seen.press("enter")
        await seen.hides("THEME")
        assert seen.app.theme == LIGHT
    assert not (tmp_path / "theme").exists()


async def test_a_theme_that_cannot_be_kept_says_why_and_is_shown(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with _keeping(rig, tmp_path / "file" / "theme").console(80, 24) as seen:
        await seen.press("f9", "down", "enter")
        await seen.shows("The theme cannot be kept: ")
        assert seen.app.theme == LIGHT
