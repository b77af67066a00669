"""Keys of the operator's own: checked when the program starts, then used by bindings, footer and help."""

from collections.abc import Mapping
from dataclasses import replace

from textual.keys import Keys

from console.errors import UsageError
from console.tui.keys.actions import ACTIONS, CONFIRM_KEY, SCREENS, Action

MOVING = frozenset({
    "up", "down", "j", "k", "pageup", "pagedown", "g", "G", "home", "end", "tab", "shift+tab", "ctrl+p",
    "ctrl+c", "ctrl+q", "ctrl+z",
})  # fmt: skip
_EDITING = frozenset({
    "left", "right", "backspace", "delete", "enter", "insert", *(f"ctrl+{letter}" for letter in "adefkuvwxy"),
    "ctrl+left", "ctrl+right", "shift+left", "shift+right", "shift+home", "shift+end",
})  # fmt: skip
_CHARACTERS = frozenset({
    "space", "slash", "colon", "question_mark", "comma", "full_stop", "minus", "plus", "equals_sign",
    "semicolon", "underscore", "asterisk", "number_sign", "at", "percent_sign", "ampersand",
    "exclamation_mark", "apostrophe",
})  # fmt: skip
_NAMED = frozenset(key.value for key in Keys) | _CHARACTERS


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
        if "." not in name and (_has_own(name.strip()) or any(map(_typed, cleaned.split(",")))):
            ids = [there for there in ids if not _is_typing(there)] or ids
        for binding_id in ids:
            _check_use(binding_id, cleaned)
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
            raise UsageError(
                f"The keymap gives {name} the key {part!r}, which moves in every list or belongs to the "
                "terminal."
            )


def _typed(key: str) -> bool:
    """Whether fields take this key for themselves: it writes a character, or edits."""
    plain = key.strip()
    return len(plain) == 1 or plain in _CHARACTERS or plain in _EDITING


def _has_own(action_id: str) -> bool:
    """Whether the sheet has its own key for it, which only `compose.…` changes."""
    return any(a.id == action_id and a.beside_fields for a in ACTIONS)


def _is_typing(binding_id: str) -> bool:
    return binding_id.startswith("compose.")


def _check_use(binding_id: str, keys: str) -> None:
    """Refuse what would send by accident, and what could not be typed or left any more."""
    action = next(a for a in ACTIONS if a.id == binding_id.rpartition(".")[2])
    for key in (part.strip() for part in keys.split(",")):
        if action.act and key == CONFIRM_KEY:
            raise UsageError(
                f"The keymap gives {binding_id} the key {key!r}, which says yes in the dialog that follows: "
                "pressed twice it would act unread."
            )
        if action.priority and _typed(key):
            raise UsageError(
                f"The keymap gives {binding_id} the key {key!r}, which could then not be typed into a field: "
                "choose a function key, or ctrl with a letter that no field edits with."
            )
        if _is_typing(binding_id) and _typed(key):
            raise UsageError(
                f"The keymap gives {binding_id} the key {key!r}, which the fields take for themselves: it "
                "would do nothing there."
            )


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
