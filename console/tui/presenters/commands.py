"""The row of one command, and the line that sums up a history."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from console.domain.commands import Command
from console.domain.identifiers import name_shown
from console.domain.phases import WORST_FIRST
from console.domain.text.counts import counted
from console.domain.text.durations import coarse_age, coarse_countdown, latency
from console.domain.text.safe import safe, safe_id
from console.tui.presenters.cells import Cell, Column, Line, fit_parts
from console.tui.presenters.words import counted_phase, phase_cell

_ENOUGH = 5
_AGE = Column("age", "AGE", 5, right=True)
_DEVICE = Column("device", "DEVICE", 11, most=32)
_REST = (
    Column("type", "TYPE", 12, most=30, rank=1),
    Column("phase", "PHASE", 11, most=18),
    Column("answered", "ANSWERED", 8, right=True, most=10, rank=6),
    Column("left", "TTL LEFT", 8, right=True, most=12, rank=5),
    Column("by", "BY", 6, most=16, rank=7),
    Column("params", "PARAMS", 16, most=60, rank=8),
    Column("id", "ID", 36, rank=9),
)
DEVICE_COLUMNS = (_AGE, *_REST)
TENANT_COLUMNS = (_AGE, _DEVICE, *_REST)


def command_cells(command: Command, now: datetime) -> dict[str, Cell]:
    """Every cell of a command's row, by column."""
    return {
        "age": Cell(coarse_age(now - command.created_at)),
        "device": Cell(safe_id(command.device_id)),
        "type": Cell(safe(command.command_type), "strong"),
        "phase": phase_cell(command),
        "answered": Cell(latency(command.latency), "" if command.acked_at else "dim"),
        "left": _left(command, now),
        "by": Cell(safe(name_shown(command.created_by)) or "–", "" if command.created_by else "dim"),
        "params": Cell(safe(command.params_json, 120), "dim"),
        "id": Cell(safe(command.command_id), "dim"),
    }


def _left(command: Command, now: datetime) -> Cell:
    if command.phase.settled:
        return Cell("–", "dim")
    if command.never_expires:
        return Cell("never", "dim")
    left = command.expires_at - now
    seconds = left.total_seconds()
    if seconds <= 0:
        return Cell("overdue", "warn")
    return Cell(coarse_countdown(left), "warn" if seconds < 60 else "")


def history_line(
    title: str, commands: Iterable[Command], width: int, *, more: bool, plotted: bool = False
) -> Line:
    """What is loaded of a history, by phase, trouble first; how long answers took, unless a plot tells it."""
    shown = list(commands)
    counts = Counter(command.phase for command in shown)
    total = counted(sum(counts.values()), "command")
    parts: list[Line] = [(Cell(f" {title}", "strong"),), (Cell(f"{total}{' so far' if more else ''}"),)]
    parts += [(counted_phase(p, f"{counts[p]:,} {p}"),) for p in WORST_FIRST if counts[p]]
    took = sorted(command.latency for command in shown if command.latency is not None)
    if len(took) >= _ENOUGH and not plotted:
        half, most = took[len(took) // 2], took[len(took) * 95 // 100]
        parts.append((Cell(f"answers p50 {latency(half)}  p95 {latency(most)}", "dim"),))
    return fit_parts(parts, width)
