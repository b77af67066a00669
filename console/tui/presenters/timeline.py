"""What happened to one command, step by step, with the time between the steps."""

import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

from console.domain.explain import quoted_answer
from console.domain.history import CommandDetail
from console.domain.identifiers import name_shown
from console.domain.text.durations import countdown, step
from console.domain.text.safe import safe
from console.tables.columns import Cell, Tone
from console.tables.tones import phase_cell
from console.tui.presenters.cells import Line, line_width
from console.tui.presenters.times import day, instant, zone_words

_KINDS: dict[str, tuple[str, Tone]] = {
    "cancelled": ("cancelled", "dim"),
    "attempt": ("attempt", "warn"),
    "nobody_listens": ("published, no subscriber", "warn"),
    "late_ack": ("late answer, only recorded", "warn"),
    "unsent": ("expired unconfirmed", "warn"),
    "adopted": ("taken over", "dim"),
    "progress": ("in progress", "live"),
    "conflict": ("answered again, differently", "warn"),
}
_SAID = frozenset({"progress", "conflict", "late_ack"})  # what stands there is an answer
_WIDEST = 34
_NOTE = 20  # cells: a note in fewer is better beneath its step
_CLOCK = 14
_NARROW = 50


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """One thing that happened."""

    at: datetime
    what: str
    tone: Tone = ""
    note: str = ""


def steps(detail: CommandDetail) -> tuple[TimelineStep, ...]:
    """List everything on record in order of time."""
    command = detail.command
    by = f"by {safe(name_shown(command.created_by), 60)}" if command.created_by else ""
    found = [TimelineStep(command.created_at, "created", note=by)]
    if command.published_at is not None:
        note = "inferred from the answer" if command.published_at == command.acked_at else ""
        found.append(TimelineStep(command.published_at, "published", note=note))
    for entry in detail.journal:
        if entry.kind != "retry_of":
            what, tone = _KINDS.get(entry.kind, (safe(entry.kind, 40), ""))
            words = quoted_answer(entry.detail) if entry.kind in _SAID else entry.words
            note = " ".join(filter(None, (entry.by and f"by {entry.by}", words)))
            found.append(TimelineStep(entry.at, what, tone, safe(note, 300)))
    if command.acked_at is not None:
        cell = phase_cell(command)
        found.append(
            TimelineStep(command.acked_at, f"answered {cell.text}", "" if cell.tone == "calm" else cell.tone)
        )
    if _past(detail):
        found.append(TimelineStep(command.expires_at, "deadline", "dim" if command.phase.settled else "warn"))
    return tuple(sorted(found, key=lambda found_step: found_step.at))


def _past(detail: CommandDetail) -> bool:
    return detail.command.expires_at <= detail.read_at and not detail.command.never_expires


def timeline_lines(detail: CommandDetail, zone: tzinfo | None = UTC, width: int = 80) -> list[Line]:
    """Lay the steps out in columns; a note that does not fit beside its step is put beneath it."""
    found = steps(detail)
    today, left = day(found[0].at, zone), "" if width < _NARROW else "  "
    lines: list[Line] = [(Cell(f"timeline ({zone_words(zone)})", "accent"), Cell(f"  {today}", "dim"))]
    spans = ["", *(step(one.at - before.at) for before, one in pairwise(found))]
    what, span = min(_WIDEST, max(len(one.what) for one in found)), max(map(len, spans))
    exact = len(left) + _CLOCK + what + 2 + span <= width  # otherwise the spans alone tell milliseconds
    clock_width = _CLOCK if exact else _CLOCK - len(".000")
    for one, since in zip(found, spans, strict=True):
        if day(one.at, zone) != today:
            today = day(one.at, zone)
            lines.append((Cell(f"{left}{today}", "dim"),))
        clock = instant(one.at, one.at, millis=exact, zone=zone)
        line: Line = (
            Cell(f"{left}{clock:<{clock_width}}"),
            Cell(f"{one.what:<{what}}", one.tone),
            Cell(f"  {since:>{span}}" if since else "", "dim"),  # the first step's note stands in its place
        )
        room = width - line_width(line) - 2
        if len(one.note) <= room or room >= _NOTE:
            first, *rest = textwrap.wrap(one.note, max(1, room)) or [""]
            lines.append((*line, Cell(f"  {first}" if first else "", "dim")))
            indent = width - room
        else:
            lines.append(line)
            indent = len(left) + clock_width
            rest = textwrap.wrap(one.note, max(10, width - indent))
        lines += [(Cell(f"{'':{indent}}{more}", "dim"),) for more in rest]
    return lines


def deadline_line(detail: CommandDetail, now: datetime, zone: tzinfo | None = UTC) -> Line:
    """Show when it expires and how long that is from now; empty once the timeline shows it."""
    command, name = detail.command, Cell("deadline  ", "accent")
    if command.never_expires:
        return (name, Cell("none: it waits for ever"))
    if _past(detail):
        return ()
    left = command.expires_at - now
    cells = [name, Cell(instant(command.expires_at, now, zone=zone))]
    if not command.phase.settled:
        over = left <= timedelta(0)
        cells.append(Cell(" (overdue)" if over else f" (in {countdown(left)})", "warn" if over else ""))
    return tuple(cells)
