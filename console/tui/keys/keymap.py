"""The operator's own keys: checked when the program starts, then used by bindings, footer and help."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from textual.keys import Keys

from console.errors import UsageError
from console.tui.keys.actions import CONFIRM_KEY, Action

Actions = Mapping[str, Sequence[Action[Any]]]

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
    "exclamation_mark", "apostrophe", "left_square_bracket", "right_square_bracket",
})  # fmt: skip
_TYPING = "compose"  # the screen whose fields take letters for themselves
_NAMED = frozenset(key.value for key in Keys) | _CHARACTERS


def keymap(wanted: Mapping[str, str], actions: Actions) -> dict[str, str]:
    """Return the operator's keys by binding id, ``screen.action``, for the `actions` of each screen.

    A bare ``action`` means every screen that has it.

    Raises:
        UsageError: an action or key does not exist, or two actions of a screen have the same key.
    """
    found: dict[str, str] = {}
    for name, key in wanted.items():
        ids = _ids(name.strip(), actions)
        if not ids:
            raise UsageError(
                f"The keymap names {name!r}, which is not an action: `?` on the screen shows them all."
            )
        cleaned = key.strip()
        _check_key(name, cleaned)
        if "." not in name and (_has_own(name.strip(), actions) or any(map(_typed, cleaned.split(",")))):
            ids = [binding_id for binding_id in ids if not _is_typing(binding_id)] or ids
        for binding_id in ids:
            _check_use(binding_id, _action(binding_id, actions), cleaned)
        found.update(dict.fromkeys(ids, cleaned))
    for screen, there in actions.items():
        _check_clashes(screen, there, found)
    return found


def _ids(name: str, actions: Actions) -> list[str]:
    screen, dot, action_id = name.rpartition(".")
    every = [(s, action.id) for s, there in actions.items() for action in there]
    return [f"{s}.{a}" for s, a in every if a == action_id and (not dot or s == screen)]


def _action(binding_id: str, actions: Actions) -> Action[Any]:
    screen, _, action_id = binding_id.rpartition(".")
    return next(action for action in actions[screen] if action.id == action_id)


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
    """Return whether input fields handle this key themselves: it types a character, or edits."""
    plain = key.strip()
    return len(plain) == 1 or plain in _CHARACTERS or plain in _EDITING


def _has_own(action_id: str, actions: Actions) -> bool:
    """Return whether the compose screen has its own key for the action, which only `compose.…` changes."""
    own = {a.keys for a in actions.get(_TYPING, ()) if a.id == action_id}
    elsewhere = {a.keys for s, there in actions.items() if s != _TYPING for a in there if a.id == action_id}
    return bool(own and elsewhere - own)


def _is_typing(binding_id: str) -> bool:
    return binding_id.startswith(f"{_TYPING}.")


def _check_use(binding_id: str, action: Action[Any], keys: str) -> None:
    """Refuse a key that could send by accident, or that a field needs for typing."""
    for key in (part.strip() for part in keys.split(",")):
        if action.act and key == CONFIRM_KEY:
            raise UsageError(
                f"The keymap gives {binding_id} the key {key!r}, which confirms the dialog that "
                "follows: pressed twice, it would confirm a question nobody has read."
            )
        if action.priority and _typed(key):
            raise UsageError(
                f"The keymap gives {binding_id} the key {key!r}, which could then not be typed into a field: "
                "choose a function key, or ctrl with a letter that no field edits with."
            )
        if _is_typing(binding_id) and _typed(key):
            raise UsageError(
                f"The keymap gives {binding_id} the key {key!r}, which input fields use themselves: it "
                "would do nothing there."
            )


def _check_clashes(screen: str, actions: Sequence[Action[Any]], found: Mapping[str, str]) -> None:
    seen: dict[str, str] = {}
    for action in actions:
        for key in with_keys(action, screen, found).keys.split(","):
            other = seen.setdefault(key.strip(), action.id)
            if other != action.id:
                both = f"{screen}.{action.id} and {screen}.{other}"
                raise UsageError(f"The keymap gives {both} the same key {key.strip()!r}.")


def with_keys(action: Action[Any], screen: str, keys: Mapping[str, str]) -> Action[Any]:
    """Return the action with the operator's key, if one is configured."""
    own = keys.get(f"{screen}.{action.id}")
    return action if own is None else replace(action, keys=own, shown_as="")
