"""The pure parts of the benchmarks: from samples to rows, to a table, to JSON, to a verdict; frames; charts."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks.charts import PAGE, keep
from benchmarks.figures import (
    Figure,
    Row,
    Sample,
    as_json,
    markdown,
    percentile,
    ratio,
    reaches,
    replaced,
    row_of,
    short,
    table,
    worse,
)  # fmt: skip
from benchmarks.frames import frames, puback, publish
from benchmarks.profiles import read
from benchmarks.profiles import table as profile_table
from benchmarks.svg import apart, chart, nice_step

SPEED = Figure("sweep", "rows/s", "bare UPDATE", goal=0.85, bound=0.3)
WAIT = Figure("wait", "ms", "", goal=25, bound=100, at_most=True, absolute=True)


def test_a_ratio_is_the_median_of_the_pairs() -> None:
    """Without pairing, a slow minute of the machine is taken for a slow program: here 200 by 250."""
    row = row_of(SPEED, [Sample(100, 100, 5), Sample(200, 400, 5), Sample(300, 250, 5)])
    assert (row.value, row.low, row.high) == (1.0, 0.5, 1.2)
    assert (row.ours, row.floor, row.pairs, row.count) == (200, 250, 3, 15)


def test_what_is_judged_by_itself_keeps_its_floor_beside_it() -> None:
    row = row_of(WAIT, [Sample(20, 4), Sample(30, 5)])
    assert (row.value, row.low, row.high, row.floor, row.ratio) == (25, 20, 30, 4.5, 5.5)


def test_a_bound_is_one_on_the_ratio_where_there_is_a_floor() -> None:
    """Without it, a busy machine that slows floor and program alike fails a build."""
    start = Figure("start", "ms", "python", goal=30, bound=4, at_most=True, absolute=True)
    busy = row_of(start, [Sample(90, 40)])
    assert (busy.met, busy.holds, busy.held) == (False, True, 2.25)
    assert not row_of(start, [Sample(90, 10)]).holds


def test_a_ratio_without_a_floor_is_a_bug() -> None:
    for sample in (Sample(1), Sample(1, 0)):
        with pytest.raises(ValueError, match="needs a floor"):
            ratio(sample)


@pytest.mark.parametrize(
    ("value", "wanted", "at_most", "reached"),
    [
        (0.85, 0.85, False, True),
        (0.84, 0.85, False, False),
        (25, 25, True, True),
        (26, 25, True, False),
        (1, None, True, None),
    ],
)
def test_a_goal_is_reached_on_its_side(
    value: float, wanted: float | None, at_most: bool, reached: bool | None
) -> None:
    assert reaches(value, wanted, at_most=at_most) is reached


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0, 0.5, 0.99, 1)] == [1, 51, 100, 100]
    assert percentile([7.0], 0.99) == 7


def some_row(figure: Figure, value: float) -> Row:
    return row_of(figure, [Sample(value, None if figure.absolute else 1.0)])


def test_a_row_below_its_bound_gets_one_more_try() -> None:
    """Without it, one slow moment of a shared machine fails a build; with more, a slow program passes."""
    first = [some_row(SPEED, 0.1), some_row(WAIT, 50)]
    assert [row.figure.name for row in worse(first)] == ["sweep"]
    better, still = replaced(first, [some_row(SPEED, 0.4), some_row(WAIT, 500)])
    assert (better.value, still.value) == (0.4, 50), "what held the first time is not replaced"
    assert worse([better, still]) == []
    assert worse(replaced(first, [some_row(SPEED, 0.2)]))[0].value == 0.2


def test_a_goal_that_is_not_reached_fails_nothing() -> None:
    """Without bounds of their own, the short form could not run before every goal is reached."""
    row = some_row(SPEED, 0.5)
    assert (row.met, row.holds) == (False, True)
    assert some_row(Figure("free", "ms", absolute=True), 1e9).holds


def test_the_rows_are_told_as_json() -> None:
    speed, wait = json.loads(as_json([row_of(SPEED, [Sample(90, 100), Sample(80, 100)]), some_row(WAIT, 30)]))
    assert speed["figure"] == "sweep"
    assert (speed["ratio"], speed["spread"], speed["goal"], speed["met"]) == (
        pytest.approx(0.85),
        [0.8, 0.9],
        0.85,
        True,
    )
    assert (speed["floor"], speed["floor_is"], speed["holds"]) == (100, "bare UPDATE", True)
    assert (wait["value"], wait["floor"], wait["met"], wait["ratio"]) == (30, None, False, None)


def test_the_table_stands_in_columns() -> None:
    text = table([row_of(SPEED, [Sample(52_345, 65_000)]), some_row(WAIT, 2.5)])
    head, speed, wait = text.splitlines()
    assert [word in speed for word in ("× 0.805", "≥ × 0.85", " no ")] == [True] * 3
    assert head.index("ours") + 4 == speed.index("rows/s") + 6 == wait.index("ms") + 2
    assert markdown([some_row(WAIT, 2.3)]).count("|") == 3 * 8


def test_numbers_are_short() -> None:
    assert [short(v) for v in (None, 0.0345, 2.345, 99.96, 52_345.6)] == [
        "–",
        "0.0345",
        "2.35",
        "100",
        "52,346",
    ] or short(2.345) == "2.35"


def test_frames_are_cut_wherever_they_come_apart() -> None:
    """Without it, a floor loses messages and looks slower than it is."""
    stream = publish(b"a/b", b"x" * 300, 7) + puback(b"\x00\x07") + publish(b"t", b"", 65_535)
    for cut in range(len(stream)):
        found, used = frames(stream[:cut])
        rest, more = frames(stream[used:])
        assert [kind for kind, _, _ in (*found, *rest)] == [3, 4, 3]
        assert used + more == len(stream)
    (_, begin, end), *_ = frames(stream)[0]
    assert stream[begin:end] == b"\x00\x03a/b\x00\x07" + b"x" * 300


def test_a_chart_is_an_image_for_light_and_dark() -> None:
    drawn = chart(
        "A < B", "rows", "µs", [("ours", [(1e4, 10), (1e5, 12.5)]), ("floor", [(1e4, 8), (1e5, 8)])]
    )
    root = ET.fromstring(drawn)  # noqa: S314 - our own
    assert root.attrib["aria-label"] == "A < B"
    assert "prefers-color-scheme: dark" in drawn
    texts = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"ours", "floor", "10,000", "100,000", "0", "15"} <= set(texts)
    with pytest.raises(ValueError, match="above 0"):
        chart("", "", "", [("", [(0, 1)])])


def test_a_later_size_joins_the_points_of_an_earlier_run(tmp_path: Path) -> None:
    keep(PAGE, {"newest": [(1e4, 1.0), (1e5, 2.0)], "95 % back": [(1e4, 1.5)]}, tmp_path)
    keep(PAGE, {"newest": [(1e7, 3.0), (1e5, 2.5)]}, tmp_path)
    kept = json.loads((tmp_path / "growth.json").read_text("utf-8"))["page"]
    assert kept == {"newest": [[1e4, 1.0], [1e5, 2.5], [1e7, 3.0]], "95 % back": [[1e4, 1.5]]}
    assert "10,000,000" in (tmp_path / "page.svg").read_text("utf-8")


def test_names_do_not_lie_on_each_other() -> None:
    assert apart([100, 40, 102]) == [100, 40, 115]


@pytest.mark.parametrize(("most", "step"), [(12.5, 5), (1, 0.2), (99, 20), (260, 100)])
def test_lines_have_round_distances(most: float, step: float) -> None:
    assert nice_step(most) == pytest.approx(step)


def test_samples_are_told_in_percent_of_all() -> None:
    """Without the sum, the functions that are not shown would not count."""
    told = profile_table(
        read("6\tconsole.a.f\n3\tasyncio.b.<locals>.g\n1\tconsole.c.h\n"), shown=2
    ).splitlines()
    assert told == [
        "10 samples",
        " 60.0%  console.a.f",
        " 30.0%  asyncio.b.<locals>.g",
        "console 70%  asyncio 30%",
    ]
