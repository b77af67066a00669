"""The bound on how many go out in a second: never more than its rate and one burst, in any span of time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.pace import BURST_S, Pace, in_words


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


RATES = st.sampled_from([0.1, 0.5, 1.0, 3.0, 10.0, 37.5, 1_000.0, 50_000.0])


@given(RATES, st.lists(st.tuples(st.floats(0, 30), st.integers(0, 300)), max_size=30))
def test_no_span_of_time_has_more_than_its_rate_and_a_burst(
    per_s: float, steps: list[tuple[float, int]]
) -> None:
    """Without a limit to what is kept, an hour of silence is followed by an hour's worth at once."""
    clock = Clock()
    pace = Pace(per_s, clock)
    gone: list[tuple[float, int]] = []
    for seconds, wanted in steps:
        clock.now += seconds
        count = min(wanted, pace.ready)
        pace.take(count)
        gone.append((clock.now, count))
    burst = max(1.0, per_s * BURST_S)
    for first, (began, _) in enumerate(gone):
        total = 0
        for at, count in gone[first:]:
            total += count
            assert total <= per_s * (at - began) + burst + 0.001


@given(RATES, st.integers(1, 2_000))
def test_who_waits_as_long_as_it_says_gets_the_whole_rate(per_s: float, count: int) -> None:
    """Without that, a queue would go out more slowly than it may, or somebody would look again and again."""
    clock = Clock()
    pace = Pace(per_s, clock)
    left, looks = count, 0
    while left:
        looks += 1
        going = min(left, pace.ready)
        pace.take(going)
        left -= going
        if left:
            clock.now += pace.wait_s(left)
    assert clock.now - 100.0 <= count / per_s + 0.001 * looks
    assert looks <= 2 + count / max(1.0, int(per_s * BURST_S / 2)) * 2


@given(RATES, st.integers(0, 20_000))
def test_there_is_room_for_what_can_go_soon_and_when_it_is_told(per_s: float, held: int) -> None:
    """Without this, what is claimed waits for its turn under a lease, or the claim comes too late for the rate."""
    clock = Clock()
    pace = Pace(per_s, clock)
    assert 0 <= pace.room(held) <= max(1.0, per_s * BURST_S) + per_s * BURST_S
    if not pace.room(held) and held <= per_s * BURST_S:
        clock.now += pace.room_in_s(held) + 0.001
        assert pace.room(held) >= 1
    pace.take(pace.ready)
    assert pace.room(0) < per_s * BURST_S + 1 + 1e-6, "what is left is less than one"


@pytest.mark.parametrize(
    ("per_s", "text"),
    [
        (None, ""), (1, "at most 1 command a second"), (0.5, "at most 0.5 commands a second"),
        (2_000.0, "at most 2,000 commands a second"),
    ],
)  # fmt: skip
def test_a_bound_is_told_in_words(per_s: float | None, text: str) -> None:
    assert in_words(per_s) == text
