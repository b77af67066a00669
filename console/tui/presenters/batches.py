"""A bulk send in words: its row, its progress, and its answers pivoted into columns."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.cells import cell_len

from console.domain.answer_groups import MOST_SAMPLES, TELLING, VARIES
from console.domain.batches import (
    RETRIED,
    AnswerGroup,
    Batch,
    BatchDraft,
    BatchState,
    BatchView,
    state_of,
)
from console.domain.commands import OPEN, Phase
from console.domain.phases import PHASE_SYMBOLS, SETTLED_FIRST
from console.domain.text.counts import counted
from console.domain.text.durations import coarse_age
from console.domain.text.safe import safe, safe_id
from console.services.batch_send import BatchRun
from console.tables.columns import Cell, Column
from console.tables.tones import PHASE_TONES, counted_phase
from console.tui.presenters.cells import Line, fit_parts, line_width

COLUMNS = (
    Column("age", "AGE", 5, right=True),
    Column("type", "TYPE", 12, most=30),
    Column("went", "WENT", 12, most=48),
    Column("state", "STATE", 11, most=30),
    Column("target", "TARGET", 16, most=60, rank=1),
    Column("by", "BY", 6, most=16, rank=2),
    Column("devices", "DEVICES", 7, right=True, rank=3),
    Column("id", "ID", 36, rank=4),
)
DONE = "✓"
UNSENT = "·"  # of a device without a command
_MOST_COLUMNS = 8
_NAMES = 40  # devices that may be named in one line
_BEFORE_SAMPLE = 2  # columns of answers that matter more than the names of the devices
_OF_SAMPLE = _BEFORE_SAMPLE + 1
_NUMBERS = re.compile(r"-?[\d.e+-]+( to -?[\d.e+-]+)?")


_FILLS = {
    Phase.OK: "█", Phase.FAILED: "▓", Phase.MISSED: "▒", Phase.EXPIRED: "░", Phase.CANCELLED: "╱",
    Phase.UNKNOWN: "?",
}  # fmt: skip
_UNDER_WAY = "─"
_BAR = tuple((phase, _FILLS.get(phase, _UNDER_WAY)) for phase in SETTLED_FIRST)


def batch_cells(
    batch: Batch, now: datetime, phases: Mapping[Phase, int] | None = None, *, is_sending: bool = False
) -> dict[str, Cell]:
    """Make every cell of a bulk send's row, by column; `phases` is None until its commands are counted."""
    draft = batch.draft
    return {
        "age": Cell(coarse_age(now - batch.created_at)),
        "type": Cell(safe(draft.command_type), "strong"),
        "devices": Cell(f"{draft.wanted:,}"),
        "target": Cell(_target(draft, 120)),
        "by": Cell(safe(draft.created_by) or "–", "" if draft.created_by else "dim"),
        "went": _went(draft, phases),
        "state": _state_cell(batch, phases, is_sending=is_sending),
        "id": Cell(safe(draft.batch_id), "dim"),
    }


def _went(draft: BatchDraft, phases: Mapping[Phase, int] | None) -> Cell:
    """Count the outcomes: ``● 14 ◍ 41 · 185``."""
    if phases is None:
        return Cell("…", "dim")
    parts = [f"{PHASE_SYMBOLS[phase]} {phases[phase]:,}" for phase in SETTLED_FIRST if phases.get(phase)]
    left = draft.wanted - sum(phases.values())
    parts += [f"{UNSENT} {left:,}"] if left > 0 else []
    bad = any(phases.get(phase) for phase in RETRIED)
    return Cell(" ".join(parts) or "–", "warn" if bad else "" if parts else "dim")


def _state_cell(batch: Batch, phases: Mapping[Phase, int] | None, *, is_sending: bool) -> Cell:
    """Say in words whether anything more will happen."""
    if phases is None and batch.stopped_at is None:
        return Cell("…", "dim")
    known = phases or {}
    state, waits = state_of(batch, known, is_sending=is_sending), sum(known.get(phase, 0) for phase in OPEN)
    if state is BatchState.STOPPED:
        words = f"{PHASE_SYMBOLS[Phase.CANCELLED]} stopped by {safe(batch.stopped_by, 20)}"
        return Cell(f"{words}, {waits:,} open" if waits else words, "warn")
    if state is BatchState.UNFINISHED:
        return Cell(f"! {batch.draft.wanted - sum(known.values()):,} got nothing", "warn")
    if state is BatchState.DONE:
        return Cell(f"{DONE} done", "dim")
    symbol = PHASE_SYMBOLS[Phase.PUBLISHED]
    return Cell(
        f"{symbol} {'sending' if state is BatchState.SENDING else f'running, {waits:,} open'}", "live"
    )


def _target(draft: BatchDraft, limit: int) -> str:
    """Name the target; a retry names the bulk send that it repeats, by the beginning of its id."""
    return f"retry of {safe(draft.retry_of[:8])}" if draft.retry_of else safe(draft.target, limit)


def batch_line(view: BatchView, now: datetime, width: int) -> Line:
    """Show what was sent to whom, by whom and when."""
    draft = view.batch.draft
    parts: list[Line] = [
        (
            Cell(f" {safe(draft.command_type, 40)}", "strong"),
            Cell(f" to {counted(draft.wanted, 'device')}"),
        )
    ]
    if view.batch.stopped_at is not None:
        parts.append((Cell(f"stopped by {safe(view.batch.stopped_by, 24)}", "warn"),))
    parts.append((Cell(_target(draft, 60), "dim"),))
    by = safe(draft.created_by, 24) or "nobody"
    parts.append((Cell(f"by {by}, {coarse_age(now - view.batch.created_at)} ago"),))
    return fit_parts(parts, width)


def progress_lines(view: BatchView, job: BatchRun | None, width: int) -> list[Line]:
    """Show the progress: a bar with one fill for each phase, the counts in words, and who got nothing."""
    wanted = view.batch.draft.wanted
    settled = Cell(f"▏ {view.settled:,} of {wanted:,} ended")
    room = max(10, width - line_width((settled,)) - 2)
    counts = [view.phases.get(phase, 0) for phase, _ in _BAR]
    sizes = shares([*counts, max(0, wanted - sum(counts))], room)
    bar: list[Cell] = [Cell(" ")]
    for (phase, glyph), size in zip(_BAR, sizes, strict=False):
        tone = PHASE_TONES[phase]
        bar.append(Cell(glyph * size, "ok" if tone == "calm" else tone))
    bar += [Cell(" " * sizes[-1], "dim"), settled]
    parts: list[Line] = []
    for phase, glyph in _BAR:
        if view.phases.get(phase):
            count = counted_phase(phase, f"{view.phases[phase]:,} {phase.value}")
            parts.append((Cell(f"{glyph} ", count.tone), count))
    state = _state(view, job)
    parts += [(state,)] if state.text else []
    nothing = nothing_line(view, width)
    return [tuple(bar), *_flowing(parts, width), *([nothing] if nothing else [])]


def _flowing(parts: Sequence[Line], width: int) -> list[Line]:
    """Put parts beside each other, in as many lines as they need: none is torn."""
    lines: list[Line] = []
    for part in parts:
        if lines and line_width(lines[-1]) + 3 + line_width(part) <= width:
            lines[-1] = (*lines[-1], Cell("   "), *part)
        else:
            lines.append((Cell(" "), *part))
    return lines


def nothing_line(view: BatchView, width: int) -> Line:
    """Name who got nothing: those without a command, and those whose command was never published."""
    unsent = view.unsent
    ended = [group for group in view.groups if group.phase in {Phase.CANCELLED, Phase.EXPIRED}]
    count = unsent.count + sum(group.count for group in ended)
    if not count:
        return ()
    names = [
        *unsent.waiting[:_NAMES],
        *unsent.refused[:_NAMES],
        *(d for group in ended for d in group.sample),
    ]
    lead = f" {count:,} got nothing: "
    shown = _named(names, count, width - len(lead) - 1)
    return (Cell(lead, "warn"), Cell(shown or "their commands have been deleted"))


def _named(names: Sequence[str], count: int, width: int) -> str:
    """Name as many as fit, at least one, and say how many more there are: ``pump-1, pump-2 +183``."""
    text = ""
    for place, name in enumerate(names):
        left = count - place - 1
        longer = f"{text}, {safe_id(name, 40)}" if text else safe_id(name, 40)
        if place and cell_len(longer) + (len(f" +{left:,}") if left else 0) > width:
            return f"{text} +{count - place:,}"
        text = longer
    return f"{text} +{count - len(names):,}" if text and count > len(names) else text


def shares(counts: Sequence[int], room: int) -> list[int]:
    """Divide `room` cells in proportion to the counts, at least one to each that is not 0."""
    total = sum(counts)
    if not total:
        return [0] * len(counts)
    sizes = [max(1, count * room // total) if count else 0 for count in counts]
    by_need = sorted(range(len(counts)), key=lambda n: counts[n] * room / total - sizes[n])
    while sum(sizes) > room and max(sizes) > 1:
        sizes[sizes.index(max(sizes))] -= 1
    while sum(sizes) < room:
        sizes[by_need.pop()] += 1
    return sizes


def _state(view: BatchView, job: BatchRun | None) -> Cell:
    if job is not None and not job.ended:
        return Cell(f"sending {job.done:,} of {job.total:,}…", "live")
    if job is not None and job.error:
        return Cell(f"{safe(job.error, 200)} R sends the rest, nothing twice.", "bad")
    never = f"{view.unsendable:,} cannot be sent to" if view.unsendable else ""
    if not view.left:
        return Cell(never, "warn" if never else "")
    left = f"{view.left:,} without a command: R sends to them"
    if view.batch.stopped_at is not None:  # then nobody does, and the next line names them
        left = "" if view.unsent.waiting else f"{view.left:,} without a command"
    return Cell("   ".join(words for words in (never, left) if words), "warn")


def group_columns(groups: Sequence[AnswerGroup]) -> tuple[Column, ...]:
    """Make a column of each key of the answers: why something failed first, then what most devices said."""
    counts: dict[str, int] = {}
    for group in groups:
        for key in group.fields:
            counts[key] = counts.get(key, 0) + group.count
    keys = sorted(counts, key=lambda key: (_worth(key), -counts[key], key))[:_MOST_COLUMNS]
    pivoted = tuple(
        _field_column(key, n + (1 if n < _BEFORE_SAMPLE else 2), groups) for n, key in enumerate(keys)
    )
    return (
        Column("count", "DEVICES", 7, right=True),
        Column("phase", "PHASE", 11, most=16),
        *pivoted,
        Column("sample", "FOR EXAMPLE", 14, most=60, rank=_OF_SAMPLE),
    )


def _worth(key: str) -> int:
    return 0 if key == "status" else 1 if key.rpartition(".")[2] in TELLING else 2


def _field_column(key: str, rank: int, groups: Sequence[AnswerGroup]) -> Column:
    """Return the column of one key; numbers and ranges are aligned to the right."""
    title = safe(key, 20).upper()
    values = [group.fields[key] for group in groups if key in group.fields]
    right = all(_NUMBERS.fullmatch(value) for value in values)
    return Column(f"field:{key}", title, max(6, len(title)), right=right, most=24, rank=rank)


def group_cells(group: AnswerGroup) -> dict[str, Cell]:
    """Make every cell of a group's row, by column."""
    cells: dict[str, Cell] = {
        "count": Cell(f"{group.count:,}", "strong"),
        "phase": counted_phase(group.phase, group.phase.value),
        "sample": Cell(_sample(group), "dim"),
    }
    cells.update((f"field:{key}", Cell(safe(value, 60))) for key, value in group.fields.items())
    return cells


def unsent_cells(why: str, names: Sequence[str], count: int) -> dict[str, Cell]:
    """Make the cells of the row of devices without a command; `why` is one word."""
    return {
        "count": Cell(f"{count:,}", "strong"),
        "phase": Cell(f"{UNSENT} {why}", "warn"),
        "sample": Cell(_named(names[:MOST_SAMPLES], count, 60), "dim"),
    }


def _sample(group: AnswerGroup) -> str:
    more = group.count - len(group.sample)
    return ", ".join(safe(device, 40) for device in group.sample) + (f" +{more:,}" if more > 0 else "")


def group_key(group: AnswerGroup) -> str:
    """Return a key of the group that does not change while answers of the same kind come in."""
    return f"{group.phase.value}\x1f" + "\x1f".join(f"{key}={value}" for key, value in _stable(group).items())


def _stable(group: AnswerGroup) -> Mapping[str, str]:
    """Return the fields that another answer of the same kind does not change."""
    return {key: "" if " to " in value or value == VARIES else value for key, value in group.fields.items()}
