"""Whatever theme is chosen, everything that is written can be read."""

import re
from pathlib import Path

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from console.tui.look.theme import GROUNDS, INKS, READABLE, THEMES, VISIBLE, contrast, tones_of
from console.tui.presenters import cells

MEASURED = [theme for theme in (*THEMES, *BUILTIN_THEMES.values()) if not theme.name.startswith("ansi")]
SHEET = Path(cells.__file__).parents[1] / "application" / "console.tcss"


@pytest.mark.parametrize("theme", MEASURED, ids=lambda theme: theme.name)
def test_every_tone_of_every_theme_is_readable_on_every_ground(theme):
    tones = {name: Color.parse(value) for name, value in tones_of(theme).items()}
    for ground in GROUNDS:
        for ink in INKS:
            assert contrast(tones[ink], tones[ground]) >= READABLE, f"{ink} on {ground} of {theme.name}"
    assert contrast(tones["tone-strong"], tones["banner"]) >= READABLE
    assert contrast(tones["thumb"], tones["paper"]) >= VISIBLE


@pytest.mark.parametrize("theme", MEASURED, ids=lambda theme: theme.name)
def test_a_light_theme_has_light_paper_and_a_dark_one_dark(theme):
    paper = Color.parse(tones_of(theme)["paper"])
    assert (paper.brightness > 0.5) is not theme.dark


def test_every_theme_also_the_terminals_own_has_what_the_style_sheet_names():
    named = set(re.findall(r"\$([a-z-]+)", SHEET.read_text("utf-8")))
    for theme in (*THEMES, *BUILTIN_THEMES.values()):
        assert named - {"foreground"} <= set(tones_of(theme)), theme.name
