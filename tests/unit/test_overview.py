"""The overview and its chart at every size: nothing that ended badly is invisible, nothing is too wide."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.commands import Command, Phase
from console.domain.devices import Device, DeviceCounts, Link
from console.domain.events import ProblemKind
from console.domain.figures import Ended, Freshness, GroupKind, GroupTotals, MinuteTotals, RecentEnd
from console.domain.headline import Headline
from console.domain.histograms import Histogram, bucket_of
from console.domain.overview import (
    MINUTE,
    Overview,
    Range,
    Span,
    answered,
    ended,
    last_piece,
    pieces_of,
)
from console.domain.problem_groups import ProblemGroup
from console.domain.text.ascii import to_ascii
from console.tui.presenters.cells import Line, line_width
from console.tui.presenters.charts import EXPIRED, FAILED, GUTTER, MISSED, mirrored
from console.tui.presenters.header import headline_lines
from console.tui.presenters.heat import MORE, ROWS, heat_lines
from console.tui.presenters.overview import newest_shown, overview_lines, problems_there, worst_shown
from console.tui.presenters.overview_view import Tile, View, minutes_shown
from console.tui.presenters.worst import group_id
from console.tui.screens.overview_tiles import Tiles

NOW = datetime(2026, 3, 1, 11, 15, 30, tzinfo=UTC)
LAST = NOW.replace(second=0)
COUNTS = st.lists(
    st.builds(Ended, *[st.integers(0, 9)] * 2, st.integers(0, 3), *[st.integers(0, 500)] * 2),
    min_size=1,
    max_size=40,
)


def text(line: Line) -> str:
    return "".join(cell.text for cell in line)


def minutes(*counts: Ended) -> tuple[MinuteTotals, ...]:
    first = LAST - MINUTE * (len(counts) - 1)
    return tuple(MinuteTotals(first + MINUTE * n, 1, one, Histogram((1,))) for n, one in enumerate(counts))


@given(COUNTS, st.integers(1, 6), st.integers(1, 4))
def test_a_minute_in_which_something_ended_badly_has_a_cell_below_the_axis(
    counts: list[Ended], up: int, down: int
) -> None:
    """Without it one bad end beside a thousand is nowhere to be seen."""
    lines = [text(line) for line in mirrored(minutes(*counts), up, down)]
    assert len(lines) == up + 1 + down
    for place, one in enumerate(counts):
        above = [line[GUTTER + place : GUTTER + place + 1].strip() for line in lines[:up]]
        below = "".join(line[GUTTER + place : GUTTER + place + 1] for line in lines[up + 1 :]).strip()
        assert bool("".join(above)) == bool(one.ok + one.late)
        assert bool(below) == bool(one.bad)
        drawn = {FAILED: one.failed, MISSED: one.missed, EXPIRED: one.expired}
        assert all(drawn[symbol] for symbol in below)
        if sum(map(bool, drawn.values())) <= len(below):
            assert {symbol for symbol, count in drawn.items() if count} == set(below)


def test_the_highest_is_full_the_worst_reaches_the_edge_and_both_are_named() -> None:
    lines = [
        text(line) for line in mirrored(minutes(Ended(ok=45), Ended(ok=22, missed=4, failed=2)), 2, 3, 1)
    ]
    assert lines == [
        "  45▕█ ",
        "    ▕██",
        "  ok├─┴",
        "    ▕ ▓",
        "    ▕ ▒",
        "   6▕ ▒",
    ]


def view(**changes: object) -> View:
    names = ("site", "model")
    groups = tuple(
        GroupTotals(GroupKind(kind), f"{kind}-{n}", Ended(ok=10, missed=n))
        for kind in names
        for n in range(1, 4)
    )
    ends = tuple(RecentEnd(LAST + timedelta(seconds=n), f"c{n}", f"pump-{n}", Phase.MISSED) for n in range(3))
    headline = Headline(
        "turku: 3 missed since 11:15.", False, ends=ends, since=LAST, parts=("turku: 3 missed",)
    )
    figures = Overview(
        headline,
        Freshness(NOW, NOW, None, has_worker=True),
        minutes(*[Ended(ok=3, missed=1)] * 70),
        groups,
        ends,
    )
    newest = [
        Command("acme", f"c{n}", "pump\x1b-1" * 5, "reboot" * 9, "queued", NOW, NOW + timedelta(hours=1))
        for n in range(80)
    ]
    ok = Command("acme", "o", "d", "ping", "delivered", NOW, NOW, published_at=NOW, acked_at=NOW)
    missed = replace(ok, status="missed", acked_at=None)
    fleet = [
        Device("acme", f"d{n}", Link.ONLINE, site_id=f"site-{n % 3}", last_command=missed if n == 7 else ok)
        for n in range(90)
    ]
    values = View(figures, NOW, newest, DeviceCounts(90, 80, 5, 5, 0), fleet)
    return replace(values, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [60, 79, 80, 117, 118, 120, 160, 200, 300])
@pytest.mark.parametrize("height", [12, 15, 16, 21, 29, 30, 37, 57])
def test_the_overview_fits_whatever_the_size_and_needs_no_other_glyphs(width: int, height: int) -> None:
    """Without it a line that is too long pushes the next one off the screen."""
    for cursor in (None, LAST - 3 * MINUTE):
        lines = overview_lines(view(cursor=cursor), width, height)
        assert len(lines) <= height
        assert all(line_width(line) <= width for line in lines)
        shown = "\n".join(map(text, lines))
        assert "\x1b" not in shown
        assert "?" not in to_ascii(shown.replace("␛", ""))
        assert "missed" in shown
        assert "p95" in shown
        assert "worst" in shown
        assert "90" in shown
        assert ("at 11:12:" in shown) == (cursor is not None)


def test_a_tile_says_when_nobody_counts_and_how_old_its_figures_are() -> None:
    """Without it, figures that stand still look like a fleet at rest."""
    figures = view().figures
    shown = lambda freshness: "\n".join(  # noqa: E731
        map(text, overview_lines(view(figures=replace(figures, freshness=freshness)), 120, 40))
    )
    assert "no worker of this console runs" in shown(Freshness(NOW))
    assert "counted up to 40s ago" in shown(Freshness(NOW, NOW, 40.0, has_worker=True))
    assert "counted up to" not in shown(Freshness(NOW, NOW, 4.0, has_worker=True))


def test_the_fleet_draws_each_device_where_it_can_and_says_of_how_many_a_cell_is() -> None:
    """Without it, the one device that did not answer is lost among those that did."""
    wide = "\n".join(map(text, overview_lines(view(), 200, 60)))
    assert wide.count("◍") >= 1
    assert " 1:" not in wide
    many = [
        replace(one, site_id="one", device_id=f"d{n:04}")
        for n, one in enumerate(list(view().fleet or ()) * 10)
    ]
    low = [text(line) for line in overview_lines(view(fleet=many), 80, 21)]
    (row,) = [line for line in low if line.startswith(" one")]
    assert any(line.startswith(" 1:n a cell is n devices, the worst shows   · ok") for line in low)
    assert "  1:" in row
    assert "◍" in row
    nothing = "\n".join(map(text, overview_lines(view(fleet=None), 80, 30)))
    assert "online" in nothing


def test_minutes_of_nothing_are_shown_and_the_cursor_finds_what_ended_badly_in_its_own() -> None:
    """Without the empty ones, the chart tells another time than its marks."""
    figures = replace(view().figures, minutes=minutes(Ended(ok=1), Ended(), Ended(missed=2)))
    columns = figures.columns(5)
    assert [one.minute for one in columns] == [LAST - MINUTE * back for back in range(4, -1, -1)]
    assert ended(columns) == Ended(ok=1, missed=2)
    assert answered(columns).answers == 3
    assert [end.command_id for end in figures.ends_in(LAST)] == ["c0", "c1", "c2"]
    assert figures.ends_in(LAST - MINUTE) == ()
    assert minutes_shown(80) == 80 - GUTTER - 1
    assert minutes_shown(120) == 60 - GUTTER - 1 < minutes_shown(1_000) == 78 - GUTTER - 1


def test_the_worst_come_first_and_no_kind_crowds_out_the_others() -> None:
    found = view().figures.worst(10)
    assert [group.name for group in found] == ["model-3", "site-3", "model-2", "site-2"]


def test_a_headline_loses_whole_clauses_before_words_and_tells_the_time_of_its_reader() -> None:
    """Without it the sentence breaks off where it says what all have in common."""
    found = Headline(
        "turku: 41 missed since 11:04, all PX-200 on 1.4.1, all by bob.", False, ends=view().figures.ends,
        since=NOW.replace(minute=4), parts=("turku: 41 missed", "all PX-200 on 1.4.1", "all by bob"),
    )  # fmt: skip
    line = lambda width, key="h", zone=UTC: text(headline_lines(found, width, key, zone)[0])  # noqa: E731
    assert line(100) == f"◍ {found.sentence}   h shows"
    assert line(100, key="") == f"◍ {found.sentence}"
    assert line(65) == "◍ turku: 41 missed since 11:04, all PX-200 on 1.4.1.   h shows"
    assert line(45) == "◍ turku: 41 missed since 11:04.   h shows"
    assert line(45, zone=timezone(timedelta(hours=2))) == "◍ turku: 41 missed since 13:04.   h shows"
    assert all(len(line(width)) <= width for width in range(20, 120))
    assert headline_lines(None, 80, "h") == []
    apart = Headline("9 of 12 ended badly in the last hour, with nothing in common.", False, ends=found.ends)
    assert text(headline_lines(apart, 100, "h")[0]) == f"◍ {apart.sentence}   h shows"
    assert apart.clauses(UTC) == ()
    well = Headline("Nothing ended in the last hour.", is_well=True)
    assert "h shows" not in text(headline_lines(well, 80, "h")[0])


@pytest.mark.parametrize("width", range(1, 60))
def test_the_overview_stands_any_width_that_a_border_passes_while_it_is_dragged(width: int) -> None:
    """Without it a width at which a site has no room for a cell ends the program."""
    for height in (1, 5, 24):
        overview_lines(view(), width, height)


def test_a_cursor_that_left_the_chart_names_no_sum() -> None:
    """Without it the sum of the whole chart stands below the name of a minute."""
    shown = "\n".join(map(text, overview_lines(view(cursor=LAST - 200 * MINUTE), 80, 24)))
    assert " at " not in shown


@given(st.sampled_from([Range.DAY, Range.WEEK]), st.integers(10, 120))
def test_a_day_and_a_week_are_whole_and_fit_where_there_is_room_for_both(wanted: Range, room: int) -> None:
    """Without it the chart ends before its time, or runs over its edge."""
    step, count = pieces_of(wanted, room)
    assert step * count == timedelta(days=1 if wanted is Range.DAY else 7)
    assert count <= max(room, 24)
    assert pieces_of(Range.HOUR, room) == (MINUTE, room)


@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from([MINUTE, 20 * MINUTE, 240 * MINUTE]))
def test_a_piece_holds_its_moment_and_begins_at_a_round_time(moment: datetime, step: timedelta) -> None:
    begin = last_piece(moment, step)
    assert begin <= moment
    assert moment - begin < step
    assert (begin - begin.replace(hour=0, minute=0, second=0, microsecond=0)) % step == timedelta(0)


@given(
    st.integers(0, 3_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC)),
    st.sampled_from([Range.DAY, Range.WEEK]),
    st.integers(10, 120),
)
def test_names_are_counted_from_the_first_whole_hour_of_the_span(
    moment: datetime, wanted: Range, room: int
) -> None:
    """Without it the rows behind a name are more than were counted, or fewer."""
    span = Span(*pieces_of(wanted, room), Freshness(moment))
    begin = span.groups_from
    assert begin == begin.replace(minute=0, second=0, microsecond=0)
    assert span.begin <= begin < span.begin + timedelta(hours=1)


@pytest.mark.parametrize("width", [60, 80, 118, 200])
@pytest.mark.parametrize("height", [12, 24, 57])
@pytest.mark.parametrize("wanted", [Range.DAY, Range.WEEK])
def test_a_day_and_a_week_fit_and_their_cursor_names_its_sum(width: int, height: int, wanted: Range) -> None:
    """Without it the sum of all stands below the time of one."""
    step, count = pieces_of(wanted, minutes_shown(width))
    begin = last_piece(NOW, step)
    pieces = (MinuteTotals(begin - 2 * step, 1, Ended(ok=3, missed=2), Histogram((0, 4))),)
    span = Span(step, count, Freshness(NOW, NOW, None, has_worker=True), pieces, view().figures.groups)
    for cursor in (None, begin - 2 * step, begin):
        lines = overview_lines(view(span=span, cursor=cursor), width, height)
        shown = "\n".join(map(text, lines))
        assert len(lines) <= height
        assert all(line_width(line) <= width for line in lines)
        assert f"missed {0 if cursor == begin else 2}" in shown
        assert "?" not in to_ascii(shown.replace("␛", ""))
        assert ("in 24 h" if wanted is Range.DAY else "in 7 days") in shown
        if cursor is not None:
            assert f" at {cursor:%a %d %H:%M}: " in shown
        if cursor is None and height > 16:
            assert f"{span.begin:%a %d %H:%M} " in shown
    narrow = overview_lines(view(span=span), 60, height)
    assert all(line_width(line) <= 60 for line in narrow), "until it is read for the new width"


@given(st.lists(st.lists(st.integers(0, 10_000), max_size=128), min_size=1, max_size=8))
def test_each_answer_is_seen_in_the_row_of_its_time(counts: list[list[int]]) -> None:
    """Without it the one answer that took half a minute is lost among a thousand quick ones."""
    columns = [MinuteTotals(LAST, 1, Ended(), Histogram(tuple(one))) for one in counts]
    lines = [text(line) for line in heat_lines(columns)]
    assert len(lines) == ROWS
    for place, one in enumerate(counts):
        drawn = [line[GUTTER + place : GUTTER + place + 1].strip() for line in lines]
        assert bool("".join(drawn)) == any(one)
        assert not any(one) or lines[0].startswith(MORE)


def test_the_rows_are_as_long_as_they_are_called_and_stand_where_there_is_room() -> None:
    def at(ms: float) -> str:
        answered_so = Histogram((*[0] * bucket_of(ms), 1))
        lines = [text(line) for line in heat_lines([MinuteTotals(LAST, 1, Ended(), answered_so)])]
        return next(line.split("▕")[0].strip() for line in lines if not line.endswith("▕"))

    assert [at(ms) for ms in (1, 9, 25, 90, 250, 900, 2_500, 9_000, 25_000, 60_000)] == [
        "10ms", "10ms", "30ms", "0.1s", "0.3s", "1s", "3s", "10s", "30s", "more",
    ]  # fmt: skip
    large = "\n".join(map(text, overview_lines(view(), 200, 57)))
    assert " 30s▕" in large
    assert "worst" in large
    assert " 30s▕" not in "\n".join(map(text, overview_lines(view(), 120, 57)))


@pytest.mark.parametrize("width", [60, 80, 118, 200])
@pytest.mark.parametrize("height", [12, 24, 57])
def test_what_a_tile_offers_is_on_the_screen_and_its_mark_too(width: int, height: int) -> None:
    """Without it enter opens a row that nobody can see."""
    problems = (
        ProblemGroup(ProblemKind.LATE_ACK, 3, ("pump-1",)),
        ProblemGroup(ProblemKind.FORGED_ACK, 1, ()),
    )
    seen = view(problems=problems)
    kinds = [group.kind.value for group in problems_there(seen, width, height)]
    assert kinds == (["forged ack", "late ack"] if height >= 30 else [])
    for tile, rows in (
        (Tile.WORST, [group_id(group) for group in worst_shown(seen, width, height)]),
        (Tile.NEWEST, [command.command_id for command in newest_shown(seen, width, height)]),
        (Tile.FLEET, ["fleet"]),
        (Tile.PROBLEMS, kinds),
    ):
        assert rows or tile is Tile.PROBLEMS
        for chosen in {*rows[:1], *rows[-1:]}:
            marked = replace(seen, tile=tile, chosen=chosen)
            lines = [text(line) for line in overview_lines(marked, width, height)]
            assert "".join(lines).count("▌") == 1, (tile, chosen)
            assert all(len(line) <= width for line in lines)
    assert "▌" not in "".join(map(text, overview_lines(view(tile=Tile.WORST, chosen="gone"), width, height)))


def test_a_mark_stays_on_its_row_and_the_next_key_takes_what_stands_where_it_stood() -> None:
    """Without it a key that comes after a new row acts on another one, or begins at the top again."""
    first, tiles, size = view(), Tiles(), (120, 40)
    tiles.go(-1, first, size)
    for _ in range(4):
        tiles.move(1, first, size)
    assert (tiles.tile, tiles.chosen) == (Tile.NEWEST, "c4")
    more = replace(first, newest=(replace(first.newest[0], command_id="new"), *first.newest))
    tiles.keep(more, size)
    assert tiles.chosen == "c4"
    tiles.move(1, more, size)
    assert tiles.chosen == "c5"
    gone = replace(first, newest=first.newest[7:])
    tiles.keep(gone, size)
    assert tiles.why_not(gone, size) is not None
    for by, chosen in ((1, "c13"), (-1, "c12")):
        other = Tiles()
        other.tile, other.chosen, other._at = tiles.tile, tiles.chosen, tiles._at
        other.move(by, gone, size)
        assert other.chosen == chosen
    tiles.move(1, replace(first, newest=()), size)
    assert tiles.chosen == ""
