"""A bound on how many go out in a second: tokens come in evenly, and those of a tenth of a second are kept.

Decided in docs/decisions/0077-a-bound-on-the-rate.md
"""

from collections.abc import Callable

BURST_S = 0.1  # what may go at once after a pause: the tokens of this time, at least one
_PIECE_S = BURST_S / 2  # what is short waits until so many may go together, so that not each has a timer


class Pace:
    """Never more than `per_s` times the length of any span go out in it, and one burst."""

    def __init__(self, per_s: float, clock: Callable[[], float]) -> None:
        self.per_s = per_s
        self._clock = clock
        self._most = max(1.0, per_s * BURST_S)
        self._tokens = self._most
        self._looked_at = clock()

    @property
    def ready(self) -> int:
        """How many may go now."""
        return int(self._now())

    def take(self, count: int) -> None:
        """Note that so many have gone."""
        self._tokens = self._now() - count

    def wait_s(self, count: int) -> float:
        """Return for how many seconds to wait until these may go, or the first piece of them."""
        piece = max(1.0, min(count, self.per_s * _PIECE_S))
        return max(0.001, (piece - self._now()) / self.per_s)

    def room(self, held: int) -> int:
        """Return how many more to take on while `held` wait already: as many as can go within a burst's time.

        It is 0 until a piece is worth the effort.
        """
        room = int(self._soon() - held)
        return room if room >= self._worth() else 0

    def room_in_s(self, held: int) -> float:
        """Return in how many seconds there will be room."""
        return max(0.001, (self._worth() + held - self._soon()) / self.per_s)

    def _now(self) -> float:
        now = self._clock()
        self._tokens = min(self._most, self._tokens + (now - self._looked_at) * self.per_s)
        self._looked_at = now
        return self._tokens

    def _soon(self) -> float:
        return self._now() + self.per_s * BURST_S

    def _worth(self) -> float:
        return max(1.0, float(int(self.per_s * _PIECE_S)))


def in_words(per_s: float | None) -> str:
    """Return a bound as a clause: ``at most 50 commands a second``; empty without one."""
    if per_s is None:
        return ""
    return f"at most {per_s:,.10g} {'command' if per_s == 1 else 'commands'} a second"
