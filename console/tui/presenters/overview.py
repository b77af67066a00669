"""The overview at any size: chart, answer times, fleet, worst, and what happened last."""

from collections.abc import Sequence
from datetime import UTC, timedelta, tzinfo

from console.domain.commands import Command, Phase
from console.domain.figures import Ended, GroupTotals, MinuteTotals
from console.domain.overview import MINUTE, answered, ended
from console.domain.phases import PHASE_SYMBOLS
from console.domain.problem_groups import ProblemGroup
from console.domain.text.durations import elapsed, latency
from console.tables.columns import Cell
from console.tui.presenters.cells import Line, fit_parts, line_width
from console.tui.presenters.charts import EXPIRED, FAILED, GUTTER, MISSED, OK, mirrored
from console.tui.presenters.fleet import fleet_counts, fleet_lines
from console.tui.presenters.heat import heat_lines
from console.tui.presenters.newest import marked, newest_lines
from console.tui.presenters.overview_view import WIDE, Tile, View, clock, left_of
from console.tui.presenters.plots import sparkline
from console.tui.presenters.problem_tile import problem_lines, problems_shown
from console.tui.presenters.worst import worst_lines, worst_names

_MINUTES, _PIECES = 60, 14
_MARK = 8  # columns that a time takes, with its gap
_PIECE = 5  # minutes of a bar of answer times
_LOW, _HIGH = 16, 30  # lines from which the time of day, and a second depth of each tile, have room
_WIDEST, _HIGHEST = 180, 54  # from which answers have a row for each length of time
_LIVE_LEAST = 4  # lines of the newest commands where they stand below
_MORE_UP, _MORE_DOWN = 7, 4


def _depth(height: int) -> tuple[int, int]:
    """Return how many rows the chart has above and below its axis at least."""
    return (2, 1) if height < _LOW else (3, 2) if height < _HIGH else (5, 3)


def overview_lines(view: View, width: int, height: int, zone: tzinfo | None = UTC) -> list[Line]:
    """Lay the tiles out; what does not fit loses depth, and only then whole tiles from the bottom."""
    left = left_of(width)
    up, down = _depth(height)
    if width < WIDE:
        lines = _tiles(view, left, height - _LIVE_LEAST, up, down, zone)
        lines += _problems(view, width, height)
        newest = newest_lines(view.newest, _here(view), width, max(0, height - len(lines)), zone)
        return [*lines, *newest][:height]
    lines = _tiles(view, left, height, up, down, zone)
    spare = max(0, height - len(lines))  # the charts grow into what is left
    depth = up + min(_MORE_UP, spare * 2 // 3), down + min(_MORE_DOWN, spare // 3)
    lines = _tiles(view, left, height, *depth, zone, heat=width >= _WIDEST and height >= _HIGHEST)
    problems = _problems(view, width, height)
    rows = height - len(problems)
    beside = newest_lines(view.newest, _here(view), width - left - 3, rows, zone)
    beside += [()] * (rows - len(beside)) + problems
    return [_joined(lines, beside, row, left) for row in range(height)]


def _tiles(
    view: View, width: int, height: int, up: int, down: int, zone: tzinfo | None, *, heat: bool = False
) -> list[Line]:
    """Draw what stands above each other: the chart, answer times, the fleet and the worst."""
    low, roomy = height < _LOW - _LIVE_LEAST, height >= _HIGH - _LIVE_LEAST
    columns = view.columns(width)
    place = next((n for n, one in enumerate(columns) if one.minute == view.cursor), None)
    shown = columns if place is None else columns[place : place + 1]
    title = marked(_title(view, columns, width), here=view.tile is Tile.CHART)
    lines: list[Line] = [title, *mirrored(columns, up, down, place)]
    lines += [_times(columns, view.step, place, zone)] if not low else []
    at = "" if place is None else clock(columns[place].minute, view.step, zone)
    lines += [_legend(ended(shown), at, width), *([()] if heat else []), _answers(view, columns, width)]
    lines += heat_lines(columns) if heat else []
    lines += [()] if roomy else []
    if view.counts is not None:
        lines.append(marked(fleet_counts(view.counts, view.fleet, width), here=view.tile is Tile.FLEET))
    worst = worst_lines(view, width, 4 if roomy else 1, zone)
    between: list[Line] = [()] if roomy and worst else []
    room = height - len(lines) - len(worst) - len(between)
    lines += fleet_lines(view.fleet, width, max(0, room)) if not low else []
    return [*lines, *between, *worst]


def _joined(lines: Sequence[Line], beside: Sequence[Line], row: int, left: int) -> Line:
    mine = lines[row] if row < len(lines) else ()
    gap = Cell(" " * max(0, left - line_width(mine)))
    return (*mine, gap, Cell(" │ ", "dim"), *(beside[row] if row < len(beside) else ()))


def _long(length: timedelta) -> str:
    """Write how long a column or the whole chart is: 20 min, 3 h, some days."""
    minutes = round(length / MINUTE)
    if minutes % 60 or minutes < 180:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes <= 24 * 60 else f"{minutes // (24 * 60)} days"


def _title(view: View, columns: Sequence[MinuteTotals], width: int) -> Line:
    total, step = ended(columns), view.step
    reading: Line = (Cell(f"reading the {view.awaited.value} …", "live"),) if view.awaited else ()
    share: Line = ()
    if total.total:
        percent = 100 * (1 - total.ratio)
        words = "100 %" if not total.bad else f"{min(percent, 99.9):.1f} %"
        share = (Cell(f"{PHASE_SYMBOLS[Phase.OK]} ok {words}", "calm"),)
    per = "minute" if step == MINUTE else _long(step)
    parts: list[Line] = [
        (Cell(f" ended per {per}", "strong"),),
        (Cell(f"{total.total:,} in {_long(step * len(columns))}"),),
        *([reading] if reading else []),
        *([share] if share else []),
        (Cell("up ok, down not ok", "dim"),),
        (Cell("[ ] hour, day, week", "dim"),),
        (Cell("← →  enter opens it", "dim"),),
    ]
    return fit_parts(parts, width)


def _times(columns: Sequence[MinuteTotals], step: timedelta, place: int | None, zone: tzinfo | None) -> Line:
    """Write the times of the first, the middle and the last column below the chart."""
    count, mark = len(columns), _MARK if step == MINUTE else 2 * _MARK
    marks = [(0, ""), *([(count // 2, "")] if count > 3 * mark else []), (count, "")]
    if place is not None:
        marks = [one for one in marks if abs(one[0] - place) > mark] + [(place, "▴")]
    row = [" "] * count
    for at, sign in marks:
        text = f"{sign}{clock(columns[min(count - 1, at)].minute, step, zone)}"
        start = min(at, count - len(text))
        row[start : start + len(text)] = text
    return (Cell(" " * GUTTER + "".join(row).rstrip(), "dim"),)


def _legend(total: Ended, at: str, width: int) -> Line:
    parts: list[Line] = [
        (Cell(f" at {at}: " if at else " ", "accent"), Cell(OK, "ok"), Cell(f" ok {total.ok:,}")),
        (Cell(FAILED, "bad"), Cell(f" {PHASE_SYMBOLS[Phase.FAILED]} failed {total.failed:,}")),
        (Cell(MISSED, "warn"), Cell(f" {PHASE_SYMBOLS[Phase.MISSED]} missed {total.missed:,}")),
        (Cell(EXPIRED, "dim"), Cell(f" {PHASE_SYMBOLS[Phase.EXPIRED]} expired {total.expired:,}")),
        *([(Cell(f"late {total.late:,}", "dim"),)] if total.late else []),
    ]
    return fit_parts(parts, width)


def _ms(value: float | None) -> str:
    return "–" if value is None else latency(timedelta(milliseconds=value))


def _answers(view: View, columns: Sequence[MinuteTotals], width: int) -> Line:
    figures = view.figures
    recent = columns[-_MINUTES:] if view.span is None else columns
    times = answered(recent)
    each = _PIECE if view.span is None else -(-len(recent) // _PIECES)
    pieces = [answered(recent[at : at + each]).p95_ms for at in range(0, len(recent), each)]
    parts: list[Line] = [
        (
            Cell(" answers ", "dim"),
            Cell(f"p50 {_ms(times.p50_ms)}  p95 {_ms(times.p95_ms)}  p99 {_ms(times.p99_ms)}"),
        ),
        (Cell(f"p95 by {_long(view.step * each)} ", "dim"), Cell(sparkline(pieces), "accent")),
    ]
    age = figures.freshness
    if not age.has_worker:
        parts.insert(0, (Cell(" no worker of this console runs: not counted now", "warn"),))
    elif age.is_old:
        parts.insert(0, (Cell(f" counted up to {elapsed(age.age_s)} ago", "warn"),))
    return fit_parts(parts, width)


def _problems(view: View, width: int, height: int) -> list[Line]:
    """Draw the problems where there is room for a second depth: beside the rest, or below the worst."""
    room = width - left_of(width) - 3 if width >= WIDE else width
    lines = problem_lines(view, room) if height >= _HIGH else []
    return [(), *lines] if lines else []


def problems_there(view: View, width: int, height: int) -> tuple[ProblemGroup, ...]:
    """Return the kinds of problems that have a row on a screen of this size."""
    return problems_shown(view) if _problems(view, width, height) else ()


def _here(view: View) -> str:
    return view.chosen if view.tile is Tile.NEWEST else ""


def worst_shown(view: View, width: int, height: int) -> tuple[GroupTotals, ...]:
    """Return the rows of the worst on a screen of this size."""
    room = height if width >= WIDE else height - _LIVE_LEAST
    return worst_names(view, left_of(width), 4 if room >= _HIGH - _LIVE_LEAST else 1)


def newest_shown(view: View, width: int, height: int) -> tuple[Command, ...]:
    """Return the commands that are listed on a screen of this size."""
    first = len(_problems(view, width, height))
    if width < WIDE:
        first += len(_tiles(view, width, height - _LIVE_LEAST, *_depth(height), UTC))
    return tuple(view.newest)[: max(0, height - first)]
