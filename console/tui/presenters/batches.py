"""A bulk send in words: its row, its progress, and its answers pivoted into columns."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from console.domain.batches import AnswerGroup, Batch, BatchView
from console.domain.commands import Phase
from console.domain.safe_text import safe
from console.domain.spans import age
from console.services.bulk import BulkJob
from console.tui.presenters.cells import Cell, Column, Line
from console.tui.presenters.words import PHASES, counted

COLUMNS = (
    Column("age", "AGE", 5, right=True),
    Column("type", "TYPE", 12, most=30),
    Column("devices", "DEVICES", 7, right=True),
    Column("target", "TARGET", 16, most=60),
    Column("by", "BY", 6, most=16, rank=1),
    Column("note", "", 12, most=40, rank=2),
    Column("id", "ID", 36, rank=3),
)
_MOST_COLUMNS = 8


def batch_cells(batch: Batch, now: datetime) -> dict[str, Cell]:
    """Every cell of a batch's row, by column."""
    draft = batch.draft
    note = f"stopped by {safe(batch.stopped_by, 20)}" if batch.stopped_at else ""
    if draft.retry_of:
        note = f"{note} retry".strip()
    return {
        "age": Cell(age(now - batch.created_at)),
        "type": Cell(safe(draft.command_type), "strong"),
        "devices": Cell(f"{draft.wanted:,}"),
        "target": Cell(safe(draft.target, 120)),
        "by": Cell(safe(draft.created_by) or "–", "" if draft.created_by else "dim"),
        "note": Cell(note, "warn" if batch.stopped_at else "dim"),
        "id": Cell(safe(draft.batch_id), "dim"),
    }


def batch_line(view: BatchView, now: datetime) -> Line:
    """What was sent to whom, by whom and when."""
    draft = view.batch.draft
    line = [
        Cell(f" {safe(draft.command_type, 40)}", "strong"),
        Cell(f" to {counted(draft.wanted, 'device')}"),
    ]
    line.append(Cell(f"   {safe(draft.target, 60)}", "dim"))
    line.append(
        Cell(f"   by {safe(draft.created_by, 24) or 'nobody'}, {age(now - view.batch.created_at)} ago")
    )
    if view.batch.stopped_at is not None:
        line.append(Cell(f"   stopped by {safe(view.batch.stopped_by, 24)}", "warn"))
    if draft.retry_of:
        line.append(Cell(f"   retry of {safe(draft.retry_of, 8)}…", "dim"))
    return tuple(line)


def progress_lines(view: BatchView, job: BulkJob | None, width: int) -> list[Line]:
    """How far it is: a bar of the phases, and their numbers in words."""
    wanted = max(1, view.batch.draft.wanted)
    room = max(10, min(60, width - 30))
    bar: list[Cell] = [Cell(" ")]
    used = 0
    order = (
        Phase.OK,
        Phase.FAILED,
        Phase.MISSED,
        Phase.EXPIRED,
        Phase.CANCELLED,
        Phase.PUBLISHED,
        Phase.WAITING,
    )
    for phase in order:
        count = view.phases.get(phase, 0)
        size = min(room - used, max(1, round(count * room / wanted))) if count else 0
        mark = "█" if phase.settled else "▒"
        bar.append(Cell(mark * size, PHASES[phase][1]))
        used += size
    bar.append(Cell("░" * (room - used), "dim"))
    bar.append(Cell(f"  {view.settled:,} of {wanted:,} settled"))
    words: list[Cell] = [Cell(" ")]
    for phase in order:
        if view.phases.get(phase):
            symbol, tone = PHASES[phase]
            words.append(Cell(f"{symbol} {view.phases[phase]:,} {phase.value}   ", tone))
    words.append(_state(view, job))
    return [tuple(bar), tuple(words)]


def _state(view: BatchView, job: BulkJob | None) -> Cell:
    if job is not None and not job.ended:
        return Cell(f"sending {job.done:,} of {job.total:,}…", "live")
    if job is not None and job.error:
        return Cell(f"{safe(job.error, 200)} R sends the rest, nothing twice.", "bad")
    never = f"{view.unsendable:,} cannot be sent to" if view.unsendable else ""
    if not view.left:
        return Cell(never, "warn" if never else "")
    left = f"{view.left:,} got nothing{'' if view.batch.stopped_at else ': R sends to them'}"
    return Cell("   ".join(words for words in (never, left) if words), "warn")


def group_columns(groups: Sequence[AnswerGroup]) -> tuple[Column, ...]:
    """The answers' keys become columns, those that most groups have first."""
    counts: dict[str, int] = {}
    for group in groups:
        for key in group.fields:
            counts[key] = counts.get(key, 0) + group.count
    keys = sorted(counts, key=lambda key: (key != "status", -counts[key], key))[:_MOST_COLUMNS]
    pivoted = tuple(
        Column(
            f"field:{key}", safe(key, 20).upper(), max(6, min(20, len(safe(key, 20)))), most=24, rank=2 + n
        )
        for n, key in enumerate(keys)
    )
    return (
        Column("count", "DEVICES", 7, right=True),
        Column("phase", "PHASE", 11, most=16),
        *pivoted,
        Column("sample", "FOR EXAMPLE", 14, most=60, rank=1),
    )


def group_cells(group: AnswerGroup) -> dict[str, Cell]:
    """Every cell of a group's row, by column."""
    symbol, tone = PHASES[group.phase]
    cells: dict[str, Cell] = {
        "count": Cell(f"{group.count:,}", "strong"),
        "phase": Cell(f"{symbol} {group.phase.value}", tone),
        "sample": Cell(", ".join(safe(device, 40) for device in group.sample), "dim"),
    }
    cells.update((f"field:{key}", Cell(safe(value, 60))) for key, value in group.fields.items())
    return cells


def group_key(group: AnswerGroup) -> str:
    """Names a group as long as it stays what it is."""
    return f"{group.phase.value}\x1f" + "\x1f".join(f"{key}={value}" for key, value in _stable(group).items())


def _stable(group: AnswerGroup) -> Mapping[str, str]:
    """What does not change when another answer of the same kind comes in."""
    return {key: "" if " to " in value else value for key, value in group.fields.items()}
