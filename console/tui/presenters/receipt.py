"""The line that follows what was sent: symbol, what, how long it takes, and how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass

from console.domain.commands import OPEN, Command, Phase
from console.domain.histograms import Histogram
from console.domain.phases import PHASE_SYMBOLS
from console.domain.text.durations import elapsed, latency
from console.tables.columns import Cell
from console.tables.tones import PHASE_TONES, phase_cell
from console.tui.presenters.cells import Line, fit_text, line_width

_MOST = 3
_LEAST_WHAT = 12  # columns


def in_flight(command: Command | None) -> bool:
    """Return whether a command that was sent may still be answered; it may not be read yet."""
    return command is None or command.phase in OPEN


@dataclass(frozen=True, slots=True)
class Receipt:
    """One command as it stands: `since_s` seconds after it was sent, and how long its type takes usually."""

    what: str
    command: Command | None
    since_s: float
    answered: Histogram

    @property
    def in_flight(self) -> bool:
        return in_flight(self.command)

    @property
    def is_late(self) -> bool:
        """Whether 99 % of the answers to this type came sooner."""
        most = self.answered.p99_ms
        return self.in_flight and most is not None and self.since_s * 1_000 > most


def receipt_line(shown: Sequence[Receipt], width: int, key: str, *, ticks: bool) -> Line:
    """Show the newest, at most three, and count the others; `key` opens the newest.

    `ticks`: the time since it was sent stands there too, so the line changes each second.
    """
    head = (Cell(f" {key}" if key else "", "accent"), Cell(" "))
    for count in range(min(_MOST, len(shown)), 0, -1):
        left = len(shown) - count
        rest = (Cell(f"   +{left}", "dim"),) if left else ()
        for brief in (False, True):
            line = (*head, *_joined([_parts(one, ticks=ticks, brief=brief) for one in shown[:count]]), *rest)
            if line_width(line) <= width:
                return line
    return _cut(head, _parts(shown[0], ticks=ticks, brief=True), rest, width)


def _joined(parts: Sequence[Line]) -> Line:
    return tuple(cell for at, part in enumerate(parts) for cell in ((Cell("   "),) if at else ()) + part)


def _cut(head: Line, part: Line, rest: Line, width: int) -> Line:
    """Shorten what was sent, so that how it stands and how many others there are stay readable."""
    symbol, what, *stands = part
    room = width - line_width((*head, symbol, *stands, *rest))
    return (*head, symbol, Cell(fit_text(what.text, max(_LEAST_WHAT, room)), what.tone), *stands, *rest)


def _parts(one: Receipt, *, ticks: bool, brief: bool) -> Line:
    """Return symbol, what was sent, and how that stands."""
    phase = Phase.WAITING if one.command is None else one.command.phase
    symbol = Cell(f"{PHASE_SYMBOLS[phase]} ", PHASE_TONES[phase])
    what = Cell(one.what, "strong")
    if not one.in_flight and one.command is not None:
        word = phase_cell(one.command)
        took = "" if one.command.latency is None else f" {latency(one.command.latency)}"
        return symbol, what, Cell(f"  {word.text.partition(' ')[2]}{took}", word.tone)
    stands = [Cell(f"  {phase.value}", "live")]
    if ticks:
        stands.append(Cell(f" {elapsed(one.since_s)}"))
    usual = one.answered.p50_ms
    if one.is_late:
        stands.append(Cell("  late", "warn"))
    if usual is not None and not brief:
        stands.append(Cell(f"  usual {usual / 1_000:.2g}s", "dim"))
    return (symbol, what, *stands)
