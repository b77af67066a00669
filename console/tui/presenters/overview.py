"""The overview at any size: chart, answer times, fleet, worst, and what happened last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import groupby

from console.domain.commands import Command, Phase
from console.domain.devices import Device, DeviceCounts, Link
from console.domain.figures import Ended, GroupKind, MinuteTotals
from console.domain.overview import Overview, answered, ended
from console.domain.phases import LINK_SYMBOLS, PHASE_SYMBOLS
from console.domain.short_reason import short_reason
from console.domain.text.durations import elapsed, latency
from console.domain.text.safe import safe, safe_id
from console.tables.columns import Cell, Tone
from console.tables.tones import LINK_TONES, PHASE_TONES, phase_cell
from console.tui.presenters.cells import Line, fit_parts, fit_text, line_width
from console.tui.presenters.charts import EXPIRED, FAILED, GUTTER, MISSED, OK, mirrored
from console.tui.presenters.plots import sparkline

WIDE = 118  # columns from which what happened last stands beside the rest
_LEFT, _LEAST_LEFT, _LIVE = 78, 60, 60
_MOST_MINUTES = 120
_HOUR = 60
_MARK = 8  # columns that a time takes, with its gap
_PIECE = 5  # minutes of a bar of answer times
_LOW, _HIGH = 16, 30  # lines from which the time of day, and a second depth of each tile, have room
_LIVE_LEAST = 4  # lines of the newest commands where they stand below
_MORE_UP, _MORE_DOWN = 7, 4
_NO_SITE = "no site"
_AWAY = 3  # how bad an offline device is; what ended badly is worse
_BAD = (Phase.FAILED, Phase.MISSED, Phase.EXPIRED)


@dataclass(frozen=True, slots=True)
class View:
    """What is drawn. `fleet` is None where the fleet has too many devices to draw each."""

    figures: Overview
    now: datetime
    newest: Sequence[Command] = ()
    counts: DeviceCounts | None = None
    fleet: Sequence[Device] | None = None
    cursor: datetime | None = None


def minutes_shown(width: int) -> int:
    """Return for how many minutes a chart of this width has room."""
    return max(10, min(_MOST_MINUTES, _left(width) - GUTTER - 1))


def _left(width: int) -> int:
    """Return how many columns the chart and the tiles below it have."""
    return max(_LEAST_LEFT, min(_LEFT, width - _LIVE)) if width >= WIDE else width


def overview_lines(view: View, width: int, height: int, zone: tzinfo | None = UTC) -> list[Line]:
    """Lay the tiles out; what does not fit loses depth, and only then whole tiles from the bottom."""
    left = _left(width)
    up, down = (2, 1) if height < _LOW else (3, 2) if height < _HIGH else (5, 3)
    if width < WIDE:
        lines = _tiles(view, left, height - _LIVE_LEAST, up, down, zone)
        return [*lines, *_live(view, width, max(0, height - len(lines)), zone)][:height]
    lines = _tiles(view, left, height, up, down, zone)
    spare = max(0, height - len(lines))  # the charts grow into what is left
    lines = _tiles(
        view, left, height, up + min(_MORE_UP, spare * 2 // 3), down + min(_MORE_DOWN, spare // 3), zone
    )
    beside = _live(view, width - left - 3, height, zone)
    return [_joined(lines, beside, row, left) for row in range(height)]


def _tiles(view: View, width: int, height: int, up: int, down: int, zone: tzinfo | None) -> list[Line]:
    """Draw what stands above each other: the chart, answer times, the fleet and the worst."""
    low, roomy = height < _LOW - _LIVE_LEAST, height >= _HIGH - _LIVE_LEAST
    figures = view.figures
    minutes = figures.columns(max(10, min(_MOST_MINUTES, width - GUTTER - 1)))
    place = next((n for n, one in enumerate(minutes) if one.minute == view.cursor), None)
    shown = minutes if place is None else minutes[place : place + 1]
    lines: list[Line] = [_title(minutes, width), *mirrored(minutes, up, down, place)]
    lines += [_times(minutes, place, zone)] if not low else []
    at = view.cursor if place is not None else None
    lines += [_legend(ended(shown), at, width, zone), _answers(figures, minutes, width)]
    lines += [()] if roomy else []
    if view.counts is not None:
        lines.append(_fleet_counts(view.counts, view.fleet, width))
    worst = _worst(figures, width, 4 if roomy else 1, zone)
    between: list[Line] = [()] if roomy and worst else []
    room = height - len(lines) - len(worst) - len(between)
    lines += _fleet(view, width, max(0, room)) if not low else []
    return [*lines, *between, *worst]


def _joined(lines: Sequence[Line], beside: Sequence[Line], row: int, left: int) -> Line:
    mine = lines[row] if row < len(lines) else ()
    gap = Cell(" " * max(0, left - line_width(mine)))
    return (*mine, gap, Cell(" │ ", "dim"), *(beside[row] if row < len(beside) else ()))


def _title(minutes: Sequence[MinuteTotals], width: int) -> Line:
    total = ended(minutes)
    share: Line = ()
    if total.total:
        percent = 100 * (1 - total.ratio)
        words = "100 %" if not total.bad else f"{min(percent, 99.9):.1f} %"
        share = (Cell(f"{PHASE_SYMBOLS[Phase.OK]} ok {words}", "calm"),)
    parts: list[Line] = [
        (Cell(" ended per minute", "strong"), Cell(", up ok, down not ok", "dim")),
        (Cell(f"{total.total:,} in {len(minutes)} min"),),
        *([share] if share else []),
        (Cell("← → minute  enter opens it", "dim"),),
    ]
    return fit_parts(parts, width)


def _times(minutes: Sequence[MinuteTotals], place: int | None, zone: tzinfo | None) -> Line:
    """Write the times of the first, the middle and the last minute below the chart."""
    count = len(minutes)
    marks = [(0, ""), (count // 2, ""), (count, "")]
    if place is not None:
        marks = [mark for mark in marks if abs(mark[0] - place) > _MARK] + [(place, "▴")]
    row = [" "] * count
    for at, sign in marks:
        text = f"{sign}{minutes[min(count - 1, at)].minute.astimezone(zone):%H:%M}"
        start = min(at, count - len(text))
        row[start : start + len(text)] = text
    return (Cell(" " * GUTTER + "".join(row).rstrip(), "dim"),)


def _legend(total: Ended, cursor: datetime | None, width: int, zone: tzinfo | None) -> Line:
    when = "" if cursor is None else f" at {cursor.astimezone(zone):%H:%M}: "
    parts: list[Line] = [
        (Cell(when or " ", "accent"), Cell(OK, "ok"), Cell(f" ok {total.ok:,}")),
        (Cell(FAILED, "bad"), Cell(f" {PHASE_SYMBOLS[Phase.FAILED]} failed {total.failed:,}")),
        (Cell(MISSED, "warn"), Cell(f" {PHASE_SYMBOLS[Phase.MISSED]} missed {total.missed:,}")),
        (Cell(EXPIRED, "dim"), Cell(f" {PHASE_SYMBOLS[Phase.EXPIRED]} expired {total.expired:,}")),
        *([(Cell(f"late {total.late:,}", "dim"),)] if total.late else []),
    ]
    return fit_parts(parts, width)


def _ms(value: float | None) -> str:
    return "–" if value is None else latency(timedelta(milliseconds=value))


def _answers(figures: Overview, minutes: Sequence[MinuteTotals], width: int) -> Line:
    hour = minutes[-_HOUR:]
    times = answered(hour)
    pieces = [answered(hour[at : at + _PIECE]).p95_ms for at in range(0, len(hour), _PIECE)]
    parts: list[Line] = [
        (
            Cell(" answers ", "dim"),
            Cell(f"p50 {_ms(times.p50_ms)}  p95 {_ms(times.p95_ms)}  p99 {_ms(times.p99_ms)}"),
        ),
        (Cell("p95 by 5 min ", "dim"), Cell(sparkline(pieces), "accent")),
    ]
    age = figures.freshness
    if not age.has_worker:
        parts.insert(0, (Cell(" no worker of this console runs: not counted now", "warn"),))
    elif age.is_old:
        parts.insert(0, (Cell(f" counted up to {elapsed(age.age_s)} ago", "warn"),))
    return fit_parts(parts, width)


def _fleet_counts(counts: DeviceCounts, fleet: Sequence[Device] | None, width: int) -> Line:
    numbers = (
        (Link.ONLINE, counts.online), (Link.STALE, counts.stale), (Link.OFFLINE, counts.offline),
        (Link.UNKNOWN, counts.unknown),
    )  # fmt: skip
    flying = sum(device.in_flight for device in fleet or ())
    parts: list[Line] = [(Cell(" fleet", "strong"), Cell(f" {counts.total:,}"))]
    for link, count in numbers:
        if count:
            parts.append((Cell(f"{LINK_SYMBOLS[link]} {count:,} {link.value}", LINK_TONES[link]),))
    if flying:
        parts.append((Cell(f"{PHASE_SYMBOLS[Phase.PUBLISHED]} {flying:,} in flight", "live"),))
    return fit_parts(parts, width)


def _cell_of(device: Device) -> tuple[int, str, Tone]:
    """Return how bad it is, and the cell of a device: how its last command ended, else its link."""
    phase = device.last_command.phase if device.last_command else None
    if phase in _BAD:
        return _AWAY + len(_BAD) - _BAD.index(phase), PHASE_SYMBOLS[phase], PHASE_TONES[phase]
    if device.link in {Link.OFFLINE, Link.STALE}:
        away = _AWAY if device.link is Link.OFFLINE else _AWAY - 1
        return away, LINK_SYMBOLS[device.link], LINK_TONES[device.link]
    if device.in_flight:
        return 1, PHASE_SYMBOLS[Phase.PUBLISHED], "live"
    return 0, "·", "dim"


def _fleet(view: View, width: int, rows: int) -> list[Line]:
    """The sites, those with most that ended badly first, a cell a device.

    Of more devices than cells, a cell shows the worst of some, which is said.
    """
    if not view.fleet or rows < 1:
        return []
    ordered = sorted(view.fleet, key=lambda device: (device.site_id, device.device_id))
    sites = [(name, list(devices)) for name, devices in groupby(ordered, lambda device: device.site_id)]
    sites.sort(key=lambda item: (-sum(_cell_of(device)[0] > _AWAY for device in item[1]), item[0]))
    name_width = min(10, max(len(safe(name or _NO_SITE, 10)) for name, _ in sites))
    room = width - name_width - 13
    if room < 1:
        return []
    shown = sites if len(sites) <= rows else sites[: rows - 1]
    left = rows - (len(shown) < len(sites))
    every = sum(-(-len(devices) // room) for _, devices in shown) <= left
    lines: list[Line] = []
    for name, devices in shown:
        each = 1 if every else -(-len(devices) // room)
        pieces = [devices[at : at + each] for at in range(0, len(devices), each)]
        cells = [max(map(_cell_of, piece), key=lambda cell: cell[0]) for piece in pieces]
        for at in range(0, len(cells), room):
            drawn = [
                Cell("".join(symbol for _, symbol, _ in run), tone)
                for tone, run in groupby(cells[at : at + room], lambda cell: cell[2])
            ]
            head = f"{fit_text(safe(name or _NO_SITE, 10), name_width)}{len(devices):>6,} "
            note = f"  1:{each}" if each > 1 else ""
            lines.append((Cell(f" {head if at == 0 else ' ' * len(head)}"), *drawn, Cell(note, "dim")))
    if len(sites) > len(shown):
        lines.append((Cell(f" … {len(sites) - len(shown):,} more sites", "dim"),))
    return lines


def _worst(figures: Overview, width: int, rows: int, zone: tzinfo | None) -> list[Line]:
    """The names of which the largest share was not ok, since the hour that is named."""
    found = figures.worst(max(rows, 3))
    if not found:
        return []
    if rows == 1:
        names = [
            (Cell(f"{_called(group.kind)}{safe(group.name, 24)} {group.ended.ratio:.0%}", "warn"),)
            for group in found
        ]
        return [fit_parts([(Cell(" worst", "strong"),), *names], width)]
    since = f" since {figures.groups_from.astimezone(zone):%H:%M}" if figures.groups_from else ""
    lines: list[Line] = [(Cell(" worst", "strong"), Cell(f"   not ok of all that ended{since}", "dim"))]
    for group in found[:rows]:
        name, kind, ratio = fit_text(safe(group.name, 24), 24), group.kind.value, group.ended.ratio
        of = f"{group.ended.bad:,} of {group.ended.total:,}"
        bar = "█" * round(ratio * 20) or "▏"
        words = Cell(f"   {kind:<6} {name} {of:>13} {ratio:>4.0%}  ")
        drawn: Line = (Cell(bar, "warn"), Cell("░" * (20 - len(bar)), "dim"))
        has_room = line_width((words, *drawn)) <= width
        lines.append(_cut((words, *(drawn if has_room else ())), width))
    return lines


def _called(kind: GroupKind) -> str:
    return "fw " if kind is GroupKind.FW else "by " if kind is GroupKind.SENDER else ""


def _live(view: View, width: int, rows: int, zone: tzinfo | None) -> list[Line]:
    """The newest commands, one a line, newest on top."""
    lines: list[Line] = []
    for command in list(view.newest)[:rows]:
        symbol = phase_cell(command)
        said = latency(command.latency) if command.phase is Phase.OK else short_reason(command)
        parts = [
            Cell(f" {command.created_at.astimezone(zone):%H:%M:%S} ", "dim"),
            Cell(fit_text(symbol.text, 11), symbol.tone),
            Cell(f" {fit_text(safe_id(command.device_id), 14)} {fit_text(safe(command.command_type), 13)} "),
            Cell(safe(said, 40), "dim"),
        ]
        lines.append(_cut(parts, width))
    return lines


def _cut(cells: Sequence[Cell], width: int) -> Line:
    """Leave out what does not fit, and shorten the last piece that does."""
    line: list[Cell] = []
    left = width
    for cell in cells:
        if left <= 0:
            break
        text = cell.text if line_width((cell,)) <= left else fit_text(cell.text, left)
        line.append(Cell(text, cell.tone))
        left -= line_width((cell,))
    return tuple(line)
