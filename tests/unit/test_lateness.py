"""Lateness is a figure, and an honest one: never less than it was."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.lateness import Lateness
from console.domain.text.durations import lateness


def test_nothing_is_shown_before_the_first() -> None:
    assert Lateness().at_most_s(0.99) is None


def test_the_p99_is_a_bound_and_one_outlier_in_a_thousand_is_beyond_it() -> None:
    """Without the number of commands as weight, a rare late batch would be told as the rule."""
    lateness = Lateness()
    lateness.add(0.03, 999)
    lateness.add(12.0, 1)
    assert (lateness.at_most_s(0.99), lateness.at_most_s(1.0), lateness.settled) == (0.05, 12.0, 1_000)


@given(st.lists(st.tuples(st.floats(0, 10_000), st.integers(1, 50)), min_size=1, max_size=30))
def test_it_is_never_less_than_the_exact_value(batches: list[tuple[float, int]]) -> None:
    lateness = Lateness()
    for seconds, commands in batches:
        lateness.add(seconds, commands)
    exact = sorted(s for s, n in batches for _ in range(n))
    reported = lateness.at_most_s(0.99)
    assert reported is not None
    assert exact[max(0, -(-99 * len(exact) // 100) - 1)] <= reported <= exact[-1]


def test_it_is_reported_in_few_words() -> None:
    assert [lateness(s) for s in (0.0004, 0.025, 0.25, 2.5, 60.0)] == [
        "1ms",
        "25ms",
        "0.25s",
        "2.5s",
        "60s",
    ]


@given(st.lists(st.tuples(st.floats(0, 10_000), st.integers(1, 50)), max_size=30))
def test_the_buckets_are_what_prometheus_reads_a_histogram_from(batches: list[tuple[float, int]]) -> None:
    """Without the sums, a quantile of them is nonsense that looks like a figure."""
    lateness = Lateness()
    for seconds, commands in batches:
        lateness.add(seconds, commands)
    for bound, within in lateness.cumulative:
        assert within == sum(commands for seconds, commands in batches if seconds <= bound)
    assert lateness.cumulative[-1] == (float("inf"), lateness.settled)
    assert lateness.sum_s == pytest.approx(math.fsum(seconds * commands for seconds, commands in batches))
