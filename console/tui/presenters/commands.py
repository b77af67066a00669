"""The line that sums up a history."""

from collections import Counter
from collections.abc import Iterable

from console.domain.commands import Command
from console.domain.phases import WORST_FIRST
from console.domain.text.counts import counted
from console.domain.text.durations import latency
from console.services.health import HealthView
from console.services.sender import SendReceipt
from console.tables.columns import Cell
from console.tables.tones import counted_phase
from console.tui.presenters.cells import Line, fit_parts

_ENOUGH = 5


def history_line(
    title: str, commands: Iterable[Command], width: int, *, more: bool, plotted: bool = False
) -> Line:
    """Count the loaded commands by phase, trouble first, and how long answers took unless a plot shows it."""
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


def sent_words(receipt: SendReceipt, health: HealthView) -> str:
    """Say that commands are committed, what comes next, and what was warned about."""
    soon = health.broker.up and health.dispatch != "off"
    next_step = "the dispatcher publishes next" if soon else "waiting for publication"
    committed = f"{counted(len(receipt.command_ids), 'command')} committed; {next_step}."
    return " ".join((committed, *receipt.warnings[:3]))


def nothing_listed(*, searching: bool, filtered: bool, clears: bool, only: bool, read_only: bool) -> str:
    """Say why a history has no row; `clears`: esc clears the filter, `only`: it is of certain commands."""
    if searching:
        return f"Searching…{' Press esc to clear the filter.' if clears else ''}"
    if filtered:
        keys = "Press esc to clear it, or / to change it." if clears else "Press / to change it."
        return f"No command matches the filter. {keys}"
    if only:
        return "None of these commands is kept any longer. Press esc to go back."
    how = "New ones appear by themselves." if read_only else "Press c to compose the first one."
    return f"No command has been sent here yet. {how}"
