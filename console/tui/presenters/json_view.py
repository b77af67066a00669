"""JSON from rows as text that is safe on a terminal: indented, its numbers untouched, and limited in size."""

import re

from console.domain.text.safe import safe, safe_block
from console.tables.columns import Cell
from console.tui.presenters.cells import Line

MAX_SHOWN = 8_000
_ONE_LINE = 44
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{},:]|[^\s\[\]{},:"]+')  # an open string takes the rest
_KEY = re.compile(r'"(?:[^"\\]|\\.)*"(?=\s*:)')


def pretty(text: str | None, limit: int = MAX_SHOWN) -> list[str]:
    """Indent JSON text; text that is not JSON, or was cut, is indented as far as possible."""
    if text is None:
        return ["–"]
    flat = text.strip()
    if len(flat) <= _ONE_LINE and "\n" not in flat:
        return [safe(flat)]
    shown = safe_block(_indented(flat[: limit * 2]), limit).split("\n")
    return shown if len(flat) <= limit * 2 else [*shown, f"… ({len(flat):,} characters in all)"]


def keyed(line: str) -> Line:
    """Split a line of JSON so that its keys are dimmer than its values."""
    cells: list[Cell] = []
    end = 0
    for match in _KEY.finditer(line):
        cells += [Cell(line[end : match.start()]), Cell(match.group(), "dim")]
        end = match.end()
    return (*cells, Cell(line[end:]))


def _indented(text: str) -> str:
    parts: list[str] = []
    depth = 0
    previous = ""
    for match in _PIECE.finditer(text):
        piece = match.group()
        if piece in "}]":
            depth = max(0, depth - 1)
            parts.append(piece if previous in "{[" else _break(depth) + piece)
        else:
            if previous in {"{", "[", ","}:
                parts.append(_break(depth))
            parts.append(": " if piece == ":" else piece)
            if piece in "{[":
                depth += 1
        previous = piece
    return "".join(parts)


def _break(depth: int) -> str:
    return "\n" + "  " * min(depth, 40)
