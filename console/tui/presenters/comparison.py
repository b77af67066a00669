"""Two commands beside each other, the older left; a mark stands where they differ."""

import re
import textwrap
from datetime import datetime, tzinfo

from rich.cells import cell_len, chop_cells

from console.domain.commands import Command
from console.domain.comparison import Pair, comparison
from console.domain.text.counts import counted
from console.domain.text.durations import coarse_age
from console.domain.text.safe import safe
from console.tables.columns import Cell
from console.tables.tones import phase_cell
from console.tui.presenters.cells import Line, fit_text
from console.tui.presenters.times import instant

MARK = "←"
_SECTION = 10
_LEAST, _MOST = 12, 60  # columns of a value
_ROWS = 6  # of one value
_PIECE = re.compile(r"[^\s-]+-*|-+|\s+")
_NAMED = 8  # characters of an id


def comparison_lines(
    older: Command, newer: Command, now: datetime, width: int, zone: tzinfo | None, *, shows_all: bool
) -> list[Line]:
    """Show what differs, and what is the same only with `shows_all`."""
    pairs = comparison(older, newer)
    shown = [pair for pair in pairs if pair.differs or shows_all or pair.section == "answered"]
    key = min(max((cell_len(pair.key) for pair in shown), default=0), width // 4)
    column = min(_MOST, max(_LEAST, (width - _SECTION - key - len(MARK) - 7) // 2))
    lines = _heads((older, newer), now, _SECTION + key + 3, column, zone)
    before = ""
    for pair in shown:
        lines += _rows(pair, pair.section if pair.section != before else "", key, column)
        before = pair.section
    same = list(dict.fromkeys(pair.section for pair in pairs if pair not in shown))
    if not any(pair.differs for pair in pairs):
        lines.append((Cell("Nothing differs but when it was sent.", "strong"),))
    if same:
        count = sum(pair not in shown for pair in pairs)
        text = f"{counted(count, 'value')} the same, of {', '.join(same)}: = shows all"
        lines += [(), *((Cell(row, "dim"),) for row in textwrap.wrap(text, max(20, width)))]
    return lines


def _heads(
    both: tuple[Command, Command], now: datetime, indent: int, column: int, zone: tzinfo | None
) -> list[Line]:
    gap, lines = Cell(" " * indent), list[Line]()
    ages = [f"{coarse_age(now - one.created_at)} ago" for one in both]
    times = [f"{instant(one.created_at, now, zone=zone)}, {age}" for one, age in zip(both, ages, strict=True)]
    times = times if max(map(cell_len, times)) <= column else ages
    for texts in times, [safe(one.command_id, 128) for one in both]:
        left, right = (text if cell_len(text) <= column else _shortened(text, column) for text in texts)
        lines.append((gap, Cell(f"{fit_text(left, column)}  ", "dim"), Cell(right, "dim")))
    left_phase, right_phase = map(phase_cell, both)
    lines.append((gap, Cell(f"{fit_text(left_phase.text, column)}  ", left_phase.tone), right_phase))
    return [*lines, ()]


def _shortened(text: str, width: int) -> str:
    """Cut in the middle: ids differ at their ends."""
    tail = max(1, (width - 1) // 3)
    end = len(text)
    while end > 0 and cell_len(text[end - 1 :]) <= tail:
        end -= 1
    return f"{chop_cells(text[:end], width - 1 - cell_len(text[end:]))[0]}…{text[end:]}"


def _rows(pair: Pair, section: str, key: int, column: int) -> list[Line]:
    left, right = (_wrapped(text, column) for text in (pair.left, pair.right))
    lines: list[Line] = []
    for place in range(max(len(left), len(right))):
        first = place == 0
        mine, other = (texts[place] if place < len(texts) else "" for texts in (left, right))
        lines.append(
            (
                Cell(fit_text(section if first else "", _SECTION), "accent"),
                Cell(f" {fit_text(pair.key if first else '', key)}  ", "dim"),
                Cell(f"{fit_text(mine, column)}  ", "" if pair.differs else "dim"),
                Cell(fit_text(other, column), "" if pair.differs else "dim"),
                Cell(f"  {MARK}" if pair.differs and first else "", "warn"),
            )
        )
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    """Wrap a value behind spaces and hyphens where it can be, in rows of so many cells, not characters."""
    rows = [""]
    for piece in _PIECE.findall(text):
        if cell_len(rows[-1]) + cell_len(piece) <= width:
            rows[-1] += piece
        else:
            rows += chop_cells(piece, width)
    rows = rows if rows[0] else rows[1:] or [""]
    if len(rows) <= _ROWS:
        return rows
    last = rows[_ROWS - 1]
    return [*rows[: _ROWS - 1], f"{last if cell_len(last) < width else chop_cells(last, width - 1)[0]}…"]
