"""How late commands are settled: counts per bucket, so that a week takes no more memory than an hour."""

from bisect import bisect_left
from itertools import accumulate

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3_600.0)


class Lateness:
    """A histogram of the seconds from a deadline to the commit that settles it.

    Only the latest command of a batch is measured, so each count is an upper bound.
    """

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self._longest_s = 0.0
        self.sum_s = 0.0  # over all commands

    def add(self, seconds: float, commands: int) -> None:
        """Count `commands` that were settled at most `seconds` late."""
        self._counts[bisect_left(BOUNDS_S, seconds)] += commands
        self._longest_s = max(self._longest_s, seconds)
        self.sum_s += seconds * commands

    @property
    def cumulative(self) -> list[tuple[float, int]]:
        """Bounds in seconds, and how many were settled within each; the last bound has no limit."""
        return list(zip((*BOUNDS_S, float("inf")), accumulate(self._counts), strict=True))

    @property
    def settled(self) -> int:
        """The number of commands that were counted."""
        return sum(self._counts)

    def at_most_s(self, share: float) -> float | None:
        """Return the bound in seconds within which this share was settled; None before the first command."""
        if not self.settled:
            return None
        reached = zip((*BOUNDS_S, self._longest_s), accumulate(self._counts), strict=True)
        bound = next((b for b, count in reached if count >= share * self.settled), self._longest_s)
        return min(bound, self._longest_s)
