"""Counts, histograms and how new they are: values only."""

from datetime import UTC, datetime
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.figures import Ended, Freshness, all_ended
from console.domain.histograms import BUCKETS, Histogram, bucket_of, merged, middle_ms

NOW = datetime(2026, 3, 1, 11, 15, tzinfo=UTC)
COUNTS = st.lists(st.integers(0, 1_000), max_size=BUCKETS).map(lambda counts: Histogram(tuple(counts)))
TIMES = st.floats(1.0, 2.0 ** (127 / 4))


@given(TIMES)
def test_a_time_is_within_nine_percent_of_its_bucket(ms: float) -> None:
    """Without one scale of quarter octaves, a quantile is wrong by as much as a bucket is wide."""
    bucket = bucket_of(ms)
    assert 0 <= bucket < BUCKETS
    assert ms <= 2.0 ** (bucket / 4) * 1.0001
    assert ms > 2.0 ** ((bucket - 1) / 4) / 1.0001 or bucket == 0
    assert abs(log(ms / middle_ms(bucket))) < 0.0867 * 1.01 or bucket == 0


@pytest.mark.parametrize(
    ("ms", "bucket"), [(-1, 0), (0, 0), (1, 0), (1.01, 1), (2, 4), (8, 12), (1024, 40), (1e18, 127)]
)
def test_powers_of_two_end_their_bucket(ms: float, bucket: int) -> None:
    """Without the last digit's grace, 8 ms is in the bucket of 9."""
    assert bucket_of(ms) == bucket


@given(st.lists(TIMES, min_size=1, max_size=50), st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_that_of_the_times_up_to_nine_percent(times: list[float], share: float) -> None:
    """Without the rank, p95 of few answers is their median, or none."""
    counts = [0] * BUCKETS
    for ms in times:
        counts[bucket_of(ms)] += 1
    exact = sorted(times)[max(-int(-(share * len(times)) // 1), 1) - 1]
    found = Histogram(tuple(counts)).quantile_ms(share)
    assert found is not None
    assert found == pytest.approx(exact, rel=0.092)


@given(COUNTS, COUNTS, COUNTS)
def test_merging_is_adding(one: Histogram, two: Histogram, three: Histogram) -> None:
    """Without the longer one's end, the slowest answers are lost."""
    assert (one + two).answers == one.answers + two.answers
    assert one + two == two + one
    assert (one + two) + three == one + (two + three) == merged([one, two, three])
    assert one + Histogram() == one


@given(st.lists(TIMES, max_size=50))
def test_times_are_told_by_bounds_that_end_a_bucket(times: list[float]) -> None:
    """Without the bucket's own end, an answer of 8 ms is none of at most 8 ms for whoever watches from outside."""
    counts = [0] * BUCKETS
    for ms in times:
        counts[bucket_of(ms)] += 1
    found = Histogram(tuple(counts))
    for most_ms, answers in found.cumulative(range(12, 92, 4)):
        assert answers == sum(ms <= most_ms * (1 + 1e-9) for ms in times)
    assert found.sum_ms == pytest.approx(sum(times), rel=0.092)


def test_the_last_bound_counts_what_is_slower_than_all() -> None:
    few = Histogram((0, 3, 0, 0, 2))
    assert few.cumulative((0, 4, 8)) == [(1, 0), (2, 5), (4, 5), (float("inf"), 5)]
    assert Histogram().cumulative((4,)) == [(2, 0), (float("inf"), 0)]


def test_nothing_has_no_quantile() -> None:
    """Without that, a type that nobody answered looks fast."""
    empty = Histogram()
    assert (empty.p50_ms, empty.p95_ms, empty.p99_ms, empty.answers) == (None, None, None, 0)
    assert merged(()) == empty
    many = Histogram((90, 0, 0, 0, 9, 0, 0, 0, 1))
    assert (many.p50_ms, many.p95_ms, many.p99_ms) == (middle_ms(0), middle_ms(4), middle_ms(4))
    assert many.quantile_ms(1) == middle_ms(8)


def test_ends_are_counted_by_outcome() -> None:
    """Without late among the answered, an answer past its deadline is called bad."""
    ended = Ended(ok=5, failed=1, late=2, missed=3, expired=1)
    assert (ended.total, ended.answered, ended.bad) == (12, 8, 5)
    assert ended.ratio == pytest.approx(5 / 12)
    assert Ended().ratio == 0
    assert ended + ended == all_ended([ended, ended]) == Ended(10, 2, 4, 6, 2)
    assert all_ended([]) == Ended()


@pytest.mark.parametrize(
    ("waiting_s", "age_s", "is_old"), [(None, 0, False), (-1, 0, False), (15, 15, False), (16, 16, True)]
)
def test_figures_are_as_old_as_what_waits_to_be_counted(
    waiting_s: float | None, age_s: float, *, is_old: bool
) -> None:
    """Without it, a quiet night looks like a worker that stands still."""
    freshness = Freshness(NOW, NOW.replace(year=2025), waiting_s)
    assert (freshness.age_s, freshness.is_old) == (age_s, is_old)
