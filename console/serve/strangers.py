"""Connections that have not logged in: few of one address, and few in all, of which the oldest goes.

Decided in docs/decisions/0070-what-one-client-may-hold.md
"""

from collections import Counter
from collections.abc import Callable

MOST = 30


class Strangers:
    """They keep nobody out: a login takes a moment, and whoever waits longer makes room for the next.

    `most` is at least as many as there may be sessions: after a restart all of them come at once.
    """

    def __init__(self, most_per_address: int, most: int = MOST) -> None:
        self._most_per_address, self._most = most_per_address, most
        self._of_address: Counter[str] = Counter()
        self._end: dict[object, tuple[str, Callable[[], object]]] = {}  # the oldest first

    def admit(self, who: object, address: str, end: Callable[[], object]) -> bool:
        """Note a new connection, which `end` would end; return False if its address has too many."""
        if self._of_address[address] >= self._most_per_address:
            return False
        if len(self._end) >= self._most:
            oldest = next(iter(self._end))
            end_oldest = self._end[oldest][1]
            self.leave(oldest)
            end_oldest()
        self._of_address[address] += 1
        self._end[who] = (address, end)
        return True

    def leave(self, who: object) -> None:
        """Note that a connection has logged in or is gone; nothing if it is not among them."""
        address, _ = self._end.pop(who, ("", None))
        if self._of_address[address] > 1:
            self._of_address[address] -= 1
        else:
            del self._of_address[address]
