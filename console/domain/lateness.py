"""How late commands are settled: counts by bounds, so that a week of it takes no more room than an hour."""

from bisect import bisect_left
from itertools import accumulate

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3_600.0)


class Lateness:
    """A histogram of seconds between a deadline and its commit.

    Of a batch only the latest command is measured, so each count is a bound from above.
    """

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self._longest_s = 0.0

    def add(self, seconds: float, commands: int) -> None:
        """Count `commands` that were settled at most `seconds` late."""
        self._counts[bisect_left(BOUNDS_S, seconds)] += commands
        self._longest_s = max(self._longest_s, seconds)

    @property
    def settled(self) -> int:
        """How many commands were counted."""
        return sum(self._counts)

    def at_most_s(self, share: float) -> float | None:
        """Seconds that this share of the commands was at most late, by the bounds; None before the first."""
        if not self.settled:
            return None
        reached = zip((*BOUNDS_S, self._longest_s), accumulate(self._counts), strict=True)
        bound = next((b for b, count in reached if count >= share * self.settled), self._longest_s)
        return min(bound, self._longest_s)
