"""Rows that come on top of a list shift all of it, which costs kilobytes each time: they come together."""

import math
import time
from collections.abc import Callable

from textual.timer import Timer
from textual.widget import Widget

from console.tui.lists.history_rows import HistoryRows
from console.tui.widgets.table import LineTable

EVERY_S = 2.0


class NewRows:
    """Lets the first new row in at once, and those that follow it every two seconds."""

    def __init__(self, screen: Widget, show: Callable[[], object]) -> None:
        """`show` is called when the rows that wait are due."""
        self._screen, self._show = screen, show
        self._shifted_at = -math.inf
        self._due: Timer | None = None

    def wait(self, table: LineTable, rows: HistoryRows) -> bool:
        """Return whether the rows that are shown have to stay until the new ones on top of them are due.

        They cannot stay where one of them is no longer there, as after more new ones than a page holds.
        """
        in_view = table.window()
        if not in_view or table.keys[:1] == rows.order[:1] or not rows.commands.keys() >= set(in_view):
            return False
        left = self._shifted_at + EVERY_S - time.monotonic()
        if left <= 0:
            self._shifted_at = time.monotonic()
            return False
        if self._due is None:
            self._due = self._screen.set_timer(left, self._let_in)
        return True

    def at_once(self) -> None:
        """Let the next ones in at once: somebody asked for other rows."""
        self._shifted_at = -math.inf
        if self._due is not None:
            self._due.stop()
            self._due = None

    def _let_in(self) -> None:
        self._due = None
        self._show()
