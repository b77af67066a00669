"""The help: every action of the table, screen by screen."""

import textwrap
from collections.abc import Sequence

from console.tui.actions import MOVES, Action
from console.tui.presenters.cells import Cell, Line

_WIDTH = 13


def help_lines(groups: Sequence[tuple[str, Sequence[Action]]], width: int) -> list[Line]:
    """One line a key, the shell twin beneath it where there is one."""
    lines: list[Line] = []
    for title, actions in groups:
        lines.append((Cell(title, "strong"),))
        for action in actions:
            lines += _hanging(action.shown, action.help, width)
            for twin in filter(None, action.cli.split(", ")):
                lines += [(Cell(" " * (_WIDTH + 2)), Cell(part, "dim")) for part in _folded(twin, width)]
        lines.append(())
    lines.append((Cell("everywhere", "strong"),))
    for keys, text in MOVES:
        lines += _hanging(keys, text, width)
    return lines


def _folded(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(20, width - _WIDTH - 2)) or [""]


def _hanging(key: str, text: str, width: int) -> list[Line]:
    first, *rest = _folded(text, width)
    return [
        (Cell(f"  {key:<{_WIDTH}}", "accent"), Cell(first)),
        *[(Cell(" " * (_WIDTH + 2)), Cell(line)) for line in rest],
    ]
