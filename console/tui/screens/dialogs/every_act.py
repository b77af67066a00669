"""All that can be done on a screen, by its word or by what it is for: what ctrl+p lists first."""

from collections.abc import Sequence

from console.tui.screens.base import ConsoleScreen
from console.tui.screens.dialogs.choices import is_exactly
from console.tui.state.choices import Choice, Kind


def every_act(text: str, screen: ConsoleScreen) -> list[Choice]:
    """Return the acts of a screen: a word of the label begins so, the label has it, or the help has it."""
    typed = text.casefold()
    found: list[tuple[int, Choice]] = []
    for action in screen.actions:
        label, reason = screen.label(action), action.reason(screen)
        note = f"not now: {reason}" if reason else action.help
        choice = Choice(Kind.ACT, action.id, f"{label}  {action.shown}", note, action=action)
        words = f" {label.casefold()}"
        places = (f" {typed}" in words, typed in words, typed in action.help.casefold())
        if True in places:
            found.append((places.index(True), choice))
    return [choice for _, choice in sorted(found, key=lambda one: one[0])]


def acts_first(text: str, choices: Sequence[Choice]) -> tuple[Choice, ...]:
    """Put acts before the rest, but behind what the text names in full."""
    return tuple(sorted(choices, key=lambda one: (not is_exactly(one, text), one.kind is not Kind.ACT)))
