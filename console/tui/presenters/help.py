"""The help: every action of the table, screen by screen, and the language of the filters."""

import textwrap
from collections.abc import Sequence
from typing import Any

from console.domain.filters.language import KEYS, SPANS, WORDS, Scope
from console.tables.columns import Cell
from console.tui.keys.actions import MOVES, Action
from console.tui.presenters.cells import Line

_WIDTH = 13
_FILTERS = (
    ("word", "Must occur somewhere in the row; all terms of a filter must match"),
    ("key:a,b", "The key's whole value is a or b; * is any text, ? one character: device:pump-*"),
    ("age>1h", "Older than that; < is younger. Durations: 30s, 10m, 1h30m, 7d"),
    ("-term", "Not this: -status:offline, -age<1d, -word"),
    ('"a: b"', "Quotes keep spaces, colons and commas as they are"),
)


def help_lines(groups: Sequence[tuple[str, Sequence[Action[Any]]]], width: int) -> list[Line]:
    """Write one line a key, the shell command beneath it where there is one."""
    lines: list[Line] = []
    for place, (title, actions) in enumerate(groups):
        if place == 1:
            lines += [*filter_lines(width), ()]
        lines.append((Cell(title, "strong"),))
        for action in actions:
            lines += _hanging(action.shown, action.help, width)
            for command in filter(None, action.shell.split(", ")):
                lines += [(Cell(" " * (_WIDTH + 2)), Cell(part, "dim")) for part in _folded(command, width)]
        lines.append(())
    lines.append((Cell("everywhere", "strong"),))
    for keys, text in MOVES:
        lines += _hanging(keys, text, width)
    return lines


def _folded(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(20, width - _WIDTH - 2), break_on_hyphens=False) or [""]


def filter_lines(width: int) -> list[Line]:
    """Describe the filter language: the terms, and the keys of each list."""
    lines: list[Line] = [(Cell("filters", "strong"),)]
    for term, text in _FILTERS:
        lines += _hanging(term, text, width)
    for scope in Scope:
        keys = f"{', '.join(KEYS[scope])}; with < and >: {', '.join(SPANS[scope])}"
        lines += _hanging(f"in {scope.value}", keys, width)
    for key, words in WORDS.items():
        lines += _hanging(f"{key}:", f"One of {', '.join(w.replace(' ', '_') for w in words)}", width)
    gone = (
        "Decommissioned devices are hidden: state:decommissioned or the exact id, device:pump-5, finds them"
    )
    lines += _hanging("state:", gone, width)
    lines += _hanging("status:", "In the list of devices: the same as link", width)
    stale = "Silent for longer than the platform expects, but not offline yet; the platform decides"
    lines += _hanging("stale", stale, width)
    return lines


def _hanging(key: str, text: str, width: int) -> list[Line]:
    first, *rest = _folded(text, width)
    return [
        (Cell(f"  {key:<{_WIDTH}}", "accent"), Cell(first)),
        *[(Cell(" " * (_WIDTH + 2)), Cell(line)) for line in rest],
    ]
