"""Rows that come on top of a list shift all of it, which costs kilobytes each time: they come together."""

import math
import time
from collections.abc import Callable, Sequence

from textual.widget import Widget

EVERY_S = 2.0


class NewRows:
    """Lets the first new row in at once, and those that follow it every two seconds."""

    def __init__(self, screen: Widget, show: Callable[[], object]) -> None:
        """`show` is called when the rows that wait are due."""
        self._screen, self._show = screen, show
        self._shifted_at = -math.inf
        self._is_due_later = False

    def wait(self, shown: Sequence[str], wanted: Sequence[str]) -> bool:
        """Return whether the keys that are shown have to stay until the new ones on top of them are due."""
        if not shown or shown[:1] == wanted[:1]:
            return False
        left = self._shifted_at + EVERY_S - time.monotonic()
        if left <= 0:
            self._shifted_at = time.monotonic()
            return False
        if not self._is_due_later:
            self._is_due_later = True
            self._screen.set_timer(left, self._let_in)
        return True

    def at_once(self) -> None:
        """Let the next ones in at once: somebody asked for other rows."""
        self._shifted_at = -math.inf

    def _let_in(self) -> None:
        self._is_due_later = False
        self._show()
