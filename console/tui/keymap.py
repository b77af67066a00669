"""Keys of the operator's own: checked when the program starts, then used by bindings, footer and help."""

from collections.abc import Mapping
from dataclasses import replace

from textual.keys import Keys

from console.errors import UsageError
from console.tui.actions import ACTIONS, SCREENS, Action

MOVING = frozenset({
    "up", "down", "j", "k", "pageup", "pagedown", "g", "G", "home", "end", "tab", "shift+tab", "ctrl+p",
    "ctrl+c",
})  # fmt: skip
_NAMED = frozenset(key.value for key in Keys) | {
    "space", "slash", "colon", "question_mark", "comma", "full_stop", "minus", "plus", "equals_sign",
    "semicolon", "underscore", "asterisk", "number_sign", "at", "percent_sign", "ampersand",
    "exclamation_mark", "apostrophe",
}  # fmt: skip


def keymap(wanted: Mapping[str, str]) -> dict[str, str]:
    """The operator's keys by binding id: ``screen.action``; a bare ``action`` means every screen that has it.

    Raises:
        UsageError: there is no such action, no such key, or two actions of a screen want the same one.
    """
    found: dict[str, str] = {}
    for name, key in wanted.items():
        ids = _ids(name.strip())
        if not ids:
            raise UsageError(
                f"The keymap names {name!r}, which is no action: `?` in the screen shows them all."
            )
        cleaned = key.strip()
        _check_key(name, cleaned)
        found.update(dict.fromkeys(ids, cleaned))
    for screen in SCREENS:
        _check_clashes(screen, found)
    return found


def _some() -> str:
    return ", ".join(f"{screen}.{a.id}" for a in ACTIONS for screen in SCREENS if screen in a.screens)


def _ids(name: str) -> list[str]:
    screen, dot, action = name.rpartition(".")
    every = [(a.id, s) for a in ACTIONS for s in sorted(a.screens)]
    return [f"{s}.{a}" for a, s in every if a == action and (not dot or s == screen)]


def _check_key(name: str, key: str) -> None:
    for part in key.split(","):
        plain = part.strip().split("+")[-1]
        if not (plain in _NAMED or (len(plain) == 1 and plain.isascii() and plain.isalnum())):
            raise UsageError(
                f"The keymap gives {name} the key {part!r}, which does not exist: write for example r, R, "
                "ctrl+r, f5, space or slash."
            )
        if part.strip() in MOVING:
            raise UsageError(f"The keymap gives {name} the key {part!r}, which moves in every list.")


def _check_clashes(screen: str, found: Mapping[str, str]) -> None:
    seen: dict[str, str] = {}
    for action in ACTIONS:
        if screen not in action.screens:
            continue
        for key in with_keys(action, screen, found).keys.split(","):
            other = seen.setdefault(key.strip(), action.id)
            if other != action.id:
                both = f"{screen}.{action.id} and {screen}.{other}"
                raise UsageError(f"The keymap gives {both} the same key {key.strip()!r}.")


def with_keys(action: Action, screen: str, keys: Mapping[str, str]) -> Action:
    """The action with the operator's key, where there is one."""
    own = keys.get(f"{screen}.{action.id}")
    return action if own is None else replace(action, keys=own, shown=own.split(",")[0])
