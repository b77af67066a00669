"""Two themes of our own, dark and light: one accent, status colours that the colour-blind tell apart."""

from textual.theme import Theme

DARK = Theme(
    name="console-dark",
    primary="#4c9be8",
    secondary="#7aa2c9",
    accent="#4c9be8",
    warning="#e0a030",
    error="#e8705a",
    success="#4db6a0",
    foreground="#d6dde6",
    background="#11151b",
    surface="#11151b",
    panel="#1b222c",
    dark=True,
    variables={"block-cursor-background": "#26364a", "block-cursor-foreground": "#ffffff"},
)
LIGHT = Theme(
    name="console-light",
    primary="#1f5fa8",
    secondary="#4a6a8a",
    accent="#1f5fa8",
    warning="#8a5a00",
    error="#b03a20",
    success="#0b6e5a",
    foreground="#1c232b",
    background="#f7f8fa",
    surface="#f7f8fa",
    panel="#e6eaef",
    dark=False,
    variables={"block-cursor-background": "#cfe0f4", "block-cursor-foreground": "#0b1a2a"},
)
