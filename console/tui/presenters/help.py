"""The help: every action of the table, screen by screen."""

from collections.abc import Sequence

from console.tui.actions import MOVES, Action
from console.tui.presenters.cells import Cell, Line

_WIDTH = 13


def help_lines(groups: Sequence[tuple[str, Sequence[Action]]]) -> list[Line]:
    """One line a key, the shell twin beneath it where there is one."""
    lines: list[Line] = []
    for title, actions in groups:
        lines.append((Cell(title, "strong"),))
        for action in actions:
            lines.append((Cell(f"  {action.shown:<{_WIDTH}}", "accent"), Cell(action.help)))
            if action.cli:
                lines.append((Cell(" " * (_WIDTH + 2)), Cell(action.cli, "dim")))
        lines.append(())
    lines.append((Cell("everywhere", "strong"),))
    lines += [(Cell(f"  {keys:<{_WIDTH}}", "accent"), Cell(text)) for keys, text in MOVES]
    return lines
