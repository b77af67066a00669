"""The newest commands, one a line, and what lines of the overview share."""

from collections.abc import Sequence
from datetime import tzinfo

from console.domain.commands import Command, Phase
from console.domain.short_reason import short_reason
from console.domain.text.durations import latency
from console.domain.text.safe import safe, safe_id
from console.tables.columns import Cell
from console.tables.tones import phase_cell
from console.tui.presenters.cells import Line, fit_text, line_width


def newest_lines(
    newest: Sequence[Command], chosen: str, width: int, rows: int, zone: tzinfo | None
) -> list[Line]:
    """Draw commands, the newest on top; the one with the `chosen` id is marked."""
    lines: list[Line] = []
    for command in newest[:rows]:
        symbol = phase_cell(command)
        said = latency(command.latency) if command.phase is Phase.OK else short_reason(command)
        parts = [
            Cell(f" {command.created_at.astimezone(zone):%H:%M:%S} ", "dim"),
            Cell(fit_text(symbol.text, 11), symbol.tone),
            Cell(f" {fit_text(safe_id(command.device_id), 14)} {fit_text(safe(command.command_type), 13)} "),
            Cell(safe(said, 40), "dim"),
        ]
        lines.append(marked(cut(parts, width), here=chosen == command.command_id))
    return lines


def marked(line: Line, *, here: bool) -> Line:
    """Put the mark of the tile that enter acts on before a line, in its first column."""
    if not here or not line:
        return line
    return (Cell("▌", "accent"), Cell(line[0].text[1:], line[0].tone), *line[1:])


def cut(cells: Sequence[Cell], width: int) -> Line:
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
