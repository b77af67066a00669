"""The colours: two themes of our own, and the same tones derived from each of Textual's, always readable."""

from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from console.errors import UsageError
from console.tui.presenters.cells import TONES

DARK = "console-dark"
LIGHT = "console-light"
READABLE = 4.5  # the least contrast of text with every background that it may have
VISIBLE = 3.0  # the same for what is not text
GROUNDS = ("paper", "bar", "cursor")
INKS = ("ink", "faded", *(f"tone-{tone}" for tone in TONES))
_STEP = 0.04
_OURS = {"dark": DARK, "light": LIGHT}
_WHITE, _BLACK = Color(255, 255, 255), Color(0, 0, 0)

THEMES = (
    Theme(
        name=DARK,
        primary="#6fb8ee",
        secondary="#9aa4ae",
        accent="#6fb8ee",
        warning="#e6c05c",
        error="#ff8f66",
        success="#5fc8a8",
        foreground="#d5dae0",
        background="#12161b",
        surface="#12161b",
        panel="#1d232b",
        dark=True,
    ),
    Theme(
        name=LIGHT,
        primary="#005a9e",
        secondary="#5c6670",
        accent="#005a9e",
        warning="#7a5800",
        error="#a83800",
        success="#00664a",
        foreground="#22272d",
        background="#fbfbf9",
        surface="#fbfbf9",
        panel="#e4e8ec",
        dark=False,
    ),
)

STYLES: dict[str, str] = {"": "", **{tone: f"$tone-{tone}" for tone in TONES}, "strong": "bold $tone-strong"}

# The terminal's own colours, which nobody can measure: a selection is shown in reverse.
_TERMINAL = dict.fromkeys((*GROUNDS, *INKS, "banner"), "ansi_default") | {
    "thumb": "ansi_bright_black", "tone-ok": "ansi_green", "tone-bad": "ansi_red", "tone-warn": "ansi_yellow",
    "tone-live": "ansi_cyan", "tone-accent": "ansi_cyan",
}  # fmt: skip


def theme_names() -> tuple[str, ...]:
    """Return the names that an operator chooses from: our own two first."""
    return (*_OURS, *sorted(BUILTIN_THEMES))


def first_theme(wanted: str, kept: str) -> str:
    """Return Textual's name for the theme to begin with: the one that was kept, if none is asked for.

    Raises:
        UsageError: there is no theme `wanted`.
    """
    return theme_named(kept if wanted == "auto" and kept in theme_names() else wanted)


def is_dark(name: str) -> bool:
    """Return whether this theme writes light on dark."""
    found = theme_named(name)
    return next(theme.dark for theme in (*THEMES, *BUILTIN_THEMES.values()) if theme.name == found)


def theme_named(name: str) -> str:
    """Return Textual's name for the operator's name of a theme.

    Raises:
        UsageError: there is no such theme.
    """
    found = {"auto": DARK, **_OURS}.get(name, name)
    ours = {theme.name for theme in THEMES}
    if found not in ours | BUILTIN_THEMES.keys():
        known = ", ".join((*_OURS, *sorted(ours | BUILTIN_THEMES.keys())))
        raise UsageError(f"There is no theme {name!r}: choose one of {known}.")
    return found


def tones_of(theme: Theme) -> dict[str, str]:
    """Return the colour of every variable that the style sheet uses, for this theme."""
    made = theme.to_color_system().generate()
    if made["background"].startswith("ansi"):
        return dict(_TERMINAL)
    paper, ink, primary = (Color.parse(made[name]) for name in ("background", "foreground", "primary"))
    far = max(_WHITE, _BLACK, key=lambda end: contrast(paper, end))
    grounds = {"paper": paper, "bar": paper.blend(ink, 0.07), "cursor": paper.blend(primary, 0.22)}
    inks = {
        "ink": ink,
        "faded": paper.blend(ink, 0.5),
        "tone-ok": Color.parse(made["success"]),
        "tone-bad": Color.parse(made["error"]),
        "tone-warn": Color.parse(made["warning"]),
        "tone-live": primary,
        "tone-dim": paper.blend(ink, 0.5),
        "tone-strong": far,
        "tone-accent": primary,
    }
    found = {name: _seen(colour, far, list(grounds.values()), READABLE) for name, colour in inks.items()}
    found["thumb"] = _seen(paper.blend(ink, 0.3), far, [paper, grounds["bar"]], VISIBLE)
    found |= grounds | {"banner": paper.blend(Color.parse(made["error"]), 0.22)}
    return {name: colour.hex for name, colour in found.items()}


def _seen(colour: Color, far: Color, grounds: list[Color], least: float) -> Color:
    """Return the colour nearest to `colour` whose contrast with every background is at least `least`."""
    for step in range(round(1 / _STEP)):
        moved = colour.blend(far, step * _STEP)
        if min(contrast(moved, ground) for ground in grounds) >= least:
            return moved
    return far


def contrast(one: Color, other: Color) -> float:
    """Return the contrast of two colours as WCAG 2 measures it: from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Color) -> float:
    parts = [part / 255 for part in colour.rgb]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
