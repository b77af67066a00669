"""One command in full: what it is, why it is in its phase, and what was sent and answered."""

import textwrap
from datetime import datetime

from rich.cells import cell_len

from console.domain.commands import Command, Phase
from console.domain.explain import explain
from console.domain.history import Around, CommandDetail
from console.domain.short_reason import short_reason
from console.domain.text.durations import coarse_age, latency
from console.domain.text.safe import safe, safe_id
from console.tables.columns import Cell
from console.tables.tones import phase_cell
from console.tui.presenters.cells import Line, fit_parts, fit_text, line_width
from console.tui.presenters.json_view import keyed, pretty

FOLDED = 7  # lines of answer and params that stand above row 19 of 24
_BESIDE = 60  # columns from which answer and params stand beside each other
_GAP = 2
_ENOUGH = 5  # answers: a quantile of fewer says nothing


def head_lines(detail: CommandDetail, width: int) -> list[Line]:
    """Say what the command is, to whom and by which id, and explain its phase."""
    command = detail.command
    whom: Line = (Cell(f"to {safe_id(command.device_id)}"), Cell(f" of {safe(command.tenant_id)}", "dim"))
    name = Cell(safe(command.command_id), "dim")
    together = line_width((*whom, name)) + 3 <= width
    return [
        (Cell(safe(command.command_type), "strong"), Cell("   "), phase_cell(command)),
        *([(*whom, Cell("   "), name)] if together else [whom, (name,)]),
        (),
        *((Cell(row),) for row in textwrap.wrap(explain(detail), max(20, width))),
        (),
    ]


def content_lines(detail: CommandDetail, width: int, unfolds: str) -> list[Line]:
    """Show the answer and the params, beside each other where there is room, and which command it repeats.

    With `unfolds`, the key that shows all, each is cut after some lines and says how many are left out.
    """
    command, verdict = detail.command, detail.answer_verdict
    notes: list[Line] = []
    old = retry_link(detail)
    if old is not None:
        notes.append((Cell("retry of  ", "accent"), Cell(safe(old, 128)), Cell("  (o opens it)", "dim")))
    if command.attempts:
        notes.append((Cell("attempts  ", "accent"), Cell(f"{command.attempts:,}")))
    if verdict:
        said = f"! The answer does not match the catalogue: {safe(verdict, 300)}"
        notes += [(Cell(row, "warn"),) for row in textwrap.wrap(said, max(20, width))]
    fits = "  as the catalogue describes it" if verdict == "" else ""
    beside = width >= _BESIDE
    column = (width - _GAP) // 2 if beside else width
    answer = [_heading("answer", fits, column), *_block(command.ack_json, column, unfolds)]
    params = [_heading("params", "", column), *_block(command.params_json, column, unfolds)]
    blocks = _side_by_side(answer, params, column) if beside else [*answer, (), *params]
    return [*blocks, (), *notes, *([()] if notes else [])]


def around_lines(around: Around, command: Command, now: datetime, width: int) -> list[Line]:
    """Show how the last commands of its type ended on the device, and how long it usually takes to answer."""
    lines: list[Line] = []
    if around.like:
        parts: list[Line] = [(Cell("like it   ", "accent"), *_like(around.like[0], now))]
        parts += [_like(one, now) for one in around.like[1:]]
        lines.append(fit_parts(parts, width))
    usual, took = around.usual, command.latency
    if usual is not None and usual.answers >= _ENOUGH and took is not None:
        of = f"within {latency(usual.p95)} (95 % of {usual.answers:,} answers); this one took {latency(took)}"
        lines.append((Cell("usually   ", "accent"), Cell(of, "warn" if took > usual.p95 else "")))
    return [*lines, ()] if lines else []


def _like(command: Command, now: datetime) -> Line:
    cell = phase_cell(command)
    took = f" {latency(command.latency)}" if command.phase is Phase.OK and command.latency else ""
    why = f" {fit_text(short_reason(command), 16).rstrip()}" if command.phase is Phase.FAILED else ""
    return (Cell(f"{coarse_age(now - command.created_at)} ago ", "dim"), cell, Cell(f"{took}{why}"))


def folds(detail: CommandDetail) -> bool:
    """Return whether folding leaves something out."""
    command = detail.command
    return any(len(pretty(text)) > FOLDED for text in (command.ack_json, command.params_json))


def retry_link(detail: CommandDetail) -> str | None:
    """Return the id of the command that this one repeats."""
    return next((entry.detail for entry in detail.journal if entry.kind == "retry_of"), None)


def _heading(name: str, note: str, width: int) -> Line:
    return (Cell(name, "accent"), Cell(fit_text(note, width - len(name)).rstrip() if note else "", "dim"))


def _block(text: str | None, width: int, unfolds: str) -> list[Line]:
    rows = [piece for line in pretty(text) for piece in _wrapped(line, max(20, width - _GAP))]
    left_out = len(rows) - FOLDED
    if unfolds and left_out > 0:
        rows = rows[: FOLDED - 1]
    lines: list[Line] = [(Cell("  "), *keyed(row)) for row in rows]
    if unfolds and left_out > 0:
        lines.append((Cell(f"  ▸ {left_out + 1:,} more lines: {unfolds} shows them", "accent"),))
    return lines


def _wrapped(line: str, width: int) -> list[str]:
    """Break a line at the width, its continuation indented as its beginning."""
    if cell_len(line) <= width:
        return [line]
    indent = " " * min(len(line) - len(line.lstrip()) + 2, width // 2)
    return textwrap.wrap(line, width, subsequent_indent=indent, drop_whitespace=False) or [line]


def _side_by_side(left: list[Line], right: list[Line], width: int) -> list[Line]:
    lines: list[Line] = []
    for place in range(max(len(left), len(right))):
        mine = left[place] if place < len(left) else ()
        gap = Cell(" " * (width - line_width(mine) + _GAP))
        lines.append((*mine, gap, *right[place]) if place < len(right) else mine)
    return lines
