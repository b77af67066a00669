"""Histograms of answer times, on the one scale that the database counts on (migration 909).

Bucket n counts answers of at most 2^(n/4) ms, and more than the bucket before: 128 buckets reach from a
millisecond to 41 days, and any two histograms are merged by adding. A quantile is the geometric middle of
its bucket, so it is at most 9 % off.

Decided in docs/decisions/0083-figures-are-folded.md
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, zip_longest
from math import ceil, log

BUCKETS = 128
_NEARLY = 1e-9  # a power of two must not land one bucket higher by the logarithm's last digit


def bucket_of(ms: float) -> int:
    """Return the bucket of an answer that took so many milliseconds, as `latency_bucket` of the database."""
    return min(ceil(4 * log(max(ms, 1.0)) / log(2.0) - _NEARLY), BUCKETS - 1)


def at_most_ms(bucket: int) -> float:
    """Return the longest time that a bucket counts, in milliseconds; the last one counts longer ones, too."""
    return float(2.0 ** (bucket / 4))


def middle_ms(bucket: int) -> float:
    """Return the geometric middle of a bucket, in milliseconds."""
    return float(2.0 ** ((2 * bucket - 1) / 8))


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many answers fell into each bucket; buckets behind the last are empty."""

    counts: tuple[int, ...] = ()

    @property
    def answers(self) -> int:
        """The number of answers that were counted."""
        return sum(self.counts)

    def __add__(self, other: "Histogram") -> "Histogram":
        return merged((self, other))

    @property
    def sum_ms(self) -> float:
        """How long all answers took together, in milliseconds, at most 9 % off."""
        return sum(count * middle_ms(bucket) for bucket, count in enumerate(self.counts))

    def cumulative(self, buckets: Iterable[int]) -> list[tuple[float, int]]:
        """Return for each bucket the longest time that it counts, in ms, and how many answered within that.

        The last pair is infinity and all answers.
        """
        within = list(accumulate((*self.counts, *(BUCKETS - len(self.counts)) * (0,))))
        return [*((at_most_ms(bucket), within[bucket]) for bucket in buckets), (float("inf"), within[-1])]

    def quantile_ms(self, share: float) -> float | None:
        """Return the time in milliseconds within which this share answered; None without any answer."""
        wanted = max(share * self.answers, 1)
        reached = enumerate(accumulate(self.counts))
        return next((middle_ms(bucket) for bucket, count in reached if count >= wanted), None)

    def share_within(self, ms: float) -> float:
        """Return the share that answered within so many milliseconds; 0 without any answer.

        Whole buckets count only: the share is never too large.
        """
        within = sum(count for bucket, count in enumerate(self.counts) if 2.0 ** (bucket / 4) <= ms)
        return within / self.answers if self.answers else 0.0

    @property
    def p50_ms(self) -> float | None:
        return self.quantile_ms(0.50)

    @property
    def p95_ms(self) -> float | None:
        return self.quantile_ms(0.95)

    @property
    def p99_ms(self) -> float | None:
        return self.quantile_ms(0.99)


NO_ANSWERS = Histogram()


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """Return one histogram of all these answers."""
    columns = zip_longest(*(histogram.counts for histogram in histograms), fillvalue=0)
    return Histogram(tuple(sum(column) for column in columns))
