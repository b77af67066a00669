"""Two themes of our own: calm, one accent, tones that colour-blind eyes tell apart by lightness and hue."""

from textual.theme import Theme

from console.tui.presenters.cells import TONES

DARK = "console-dark"
LIGHT = "console-light"

_DARK_TONES = {
    "tone-ok": "#5fc8a8",
    "tone-bad": "#ff8f66",
    "tone-warn": "#e6c05c",
    "tone-live": "#6fb8ee",
    "tone-dim": "#8b949e",
    "tone-strong": "#ffffff",
    "tone-accent": "#6fb8ee",
    "bar": "#1d232b",
    "cursor": "#264461",
    "banner": "#4a2a1c",
    "paper": "#12161b",
    "faded": "#6c757f",
}
_LIGHT_TONES = {
    "tone-ok": "#00664a",
    "tone-bad": "#a83800",
    "tone-warn": "#7a5800",
    "tone-live": "#005a9e",
    "tone-dim": "#5c6670",
    "tone-strong": "#000000",
    "tone-accent": "#005a9e",
    "bar": "#e4e8ec",
    "cursor": "#cbe1f5",
    "banner": "#fbe3d6",
    "paper": "#fbfbf9",
    "faded": "#878f97",
}

THEMES = (
    Theme(
        name=DARK,
        primary="#6fb8ee",
        secondary="#8b949e",
        accent="#6fb8ee",
        warning="#e6c05c",
        error="#ff8f66",
        success="#5fc8a8",
        foreground="#d5dae0",
        background="#12161b",
        surface="#12161b",
        panel="#1d232b",
        dark=True,
        variables=_DARK_TONES,
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
        variables=_LIGHT_TONES,
    ),
)

# For themes that are not ours: every variable that the style sheet names must exist.
DEFAULTS = dict(_DARK_TONES)
STYLES: dict[str, str] = {"": "", **{tone: f"$tone-{tone}" for tone in TONES}, "strong": "bold $tone-strong"}
