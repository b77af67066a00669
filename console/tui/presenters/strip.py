"""The strip of a history: a symbol for each command, the newest right, and below it where in time one is.

Decided in docs/decisions/0093-a-strip-and-a-comparison.md
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from console.domain.batches import RETRIED
from console.domain.commands import Command, Phase
from console.domain.phases import PHASE_SYMBOLS
from console.domain.text.durations import coarse_age
from console.tables.columns import Cell, Tone
from console.tables.tones import PHASE_TONES
from console.tui.presenters.cells import Line

CURSOR = "▴"
MOST = 2_000  # commands that are looked at: of more, a strip says that there are older ones
_FEWEST = 2
_NARROWEST = 30
_OLDER = "‹"


@dataclass(slots=True)
class _Run:
    """Neighbours in the same phase. Merged, they are one symbol with their number."""

    phase: Phase
    first: int  # place of the newest of them, counted from the newest command
    count: int
    merged: bool = False

    @property
    def text(self) -> str:
        symbol = PHASE_SYMBOLS[self.phase]
        return f"{symbol}×{self.count}" if self.merged else symbol * self.count

    @property
    def saves(self) -> bool:
        return len(f"{PHASE_SYMBOLS[self.phase]}×{self.count}") < self.count


class CommandStrip:
    """Commands, newest first; their phases are looked at once, however often it is drawn."""

    def __init__(self, commands: Sequence[Command]) -> None:
        self._commands = commands
        self._runs = _runs(commands)
        self._places = {command.command_id: place for place, command in enumerate(commands)}

    def lines(self, cursor: str | None, width: int, now: datetime, *, more: bool, marks: bool) -> list[Line]:
        """Draw the strip, and with `marks` the times below it.

        `cursor` is the id of the command under the cursor. Equal neighbours are merged (``●×14``) only where
        the strip is too long otherwise: those that ended well first, the oldest first. What ended badly is
        never left out while anything older is shown. `more` says that older ones exist.
        """
        if len(self._commands) < _FEWEST or width < _NARROWEST:
            return []
        lead = f"{_OLDER} " if more else ""
        runs, cut = _fitting([replace(run) for run in self._runs], width - 2 - len(lead))
        lead = f"{_OLDER} " if cut else lead
        shown = list(reversed(runs))
        cells = [
            Cell("".join(run.text for run in group), tone)
            for tone, group in groupby(shown, key=lambda run: _tone(run.phase))
        ]
        lines: list[Line] = [(Cell(f" {lead}", "dim"), *cells)]
        if marks:
            place = self._places.get(cursor or "")
            lines.append(_marks(self._commands, runs, place, now, len(lead) + 1, width))
        return lines


def _tone(phase: Phase) -> Tone:
    tone = PHASE_TONES[phase]
    return "ok" if tone == "calm" else tone


def _runs(commands: Sequence[Command]) -> list[_Run]:
    runs: list[_Run] = []
    place = 0
    for phase, group in groupby(commands, key=lambda command: command.phase):
        count = sum(1 for _ in group)
        runs.append(_Run(phase, place, count))
        place += count
    return runs


def _fitting(runs: list[_Run], room: int) -> tuple[list[_Run], bool]:
    """Merge as many runs as must be, and leave out the oldest if even that is too long."""
    size = sum(run.count for run in runs)
    if size <= room:
        return runs, False
    room -= len(_OLDER) + 1
    well = [run for run in reversed(runs) if run.phase not in RETRIED]
    for run in (*well, *(run for run in reversed(runs) if run.phase in RETRIED)):
        if size <= room:
            break
        if run.saves:
            run.merged = True
            size -= run.count - len(run.text)
    kept, used = list[_Run](), 0
    for run in runs:
        if used + len(run.text) > room:
            return kept, True
        kept.append(run)
        used += len(run.text)
    return kept, False


def _marks(
    commands: Sequence[Command],
    runs: Sequence[_Run],
    cursor: int | None,
    now: datetime,
    lead: int,
    width: int,
) -> Line:
    """Write the age of the oldest at the left, and the age of the one under the cursor below its symbol."""
    end = lead + sum(len(run.text) for run in runs)
    oldest = commands[runs[-1].first + runs[-1].count - 1]
    row = [" "] * width
    _write(row, lead, coarse_age(now - oldest.created_at))
    place = None if cursor is None else _column(runs, cursor)
    if cursor is not None and place is not None:
        column, age = end - 1 - place, coarse_age(now - commands[cursor].created_at)
        if column + len(age) + 1 <= width:
            _write(row, column, f"{CURSOR}{age}")
        else:
            _write(row, column - len(age), f"{age}{CURSOR}")
    return (Cell("".join(row)[:width].rstrip(), "dim"),)


def _write(row: list[str], at: int, text: str) -> None:
    """Write a text over what stands there, with a space at both of its sides."""
    before, after = max(0, at - 1), min(len(row), at + len(text) + 1)
    row[before:after] = " " * (after - before)
    row[at : at + len(text)] = text


def _column(runs: Sequence[_Run], place: int) -> int | None:
    """Return how many cells from the right end a command's symbol stands; None where it is left out."""
    used = 0
    for run in runs:
        if run.first <= place < run.first + run.count:
            return used + (len(run.text) - 1 if run.merged else place - run.first)
        used += len(run.text)
    return None
