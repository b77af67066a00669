"""One device in some lines: what it is, how fast and how it answered, and its last commands."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.cells import cell_len

from console.domain.commands import OPEN, Command, Phase
from console.domain.devices import RECENT, Device
from console.domain.figures import TypeLatency
from console.domain.identifiers import name_shown
from console.domain.phases import WORST_FIRST
from console.domain.text.durations import coarse_age, latency
from console.domain.text.safe import safe, safe_id
from console.tables.columns import Cell
from console.tables.devices import device_cells, state_cell
from console.tables.tones import phase_cell
from console.tui.presenters.cells import Line, fit_text, inked, line_width
from console.tui.presenters.devices import make_of

_TYPES = 3  # for which answer times are shown
_PHASE, _AGE = 18, 4
_INDENT = 2


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What is read of a device besides its row: its newest commands, and how fast its model answers."""

    device_id: str
    commands: tuple[Command, ...] = ()
    latencies: tuple[TypeLatency, ...] = ()


def device_lines(
    device: Device, facts: DeviceFacts | None, now: datetime, width: int, height: int
) -> list[Line]:
    """Lines of at most `width` cells, at most `height`: those at the end give way first."""
    lines: list[Line] = [
        (Cell(fit_text(safe_id(device.device_id), width).rstrip(), "strong"),),
        *_wrapped(_state(device, now), width),
        *_wrapped(_registered(device), width),
        (),
    ]
    found = facts if facts is not None and facts.device_id == device.device_id else None
    if found is not None:
        lines += _answers(device, found, width)
    if device.recent:
        lines += _wrapped([*_ends(device, now)], width)
        lines.append(())
    if found is not None:
        lines += _commands(found.commands, now, width)
    return [_cut(line, width) for line in lines[:height]]


def _state(device: Device, now: datetime) -> list[Line]:
    seen = (
        "never seen" if device.last_seen_at is None else f"seen {coarse_age(now - device.last_seen_at)} ago"
    )
    flight = [(Cell(f"{device.in_flight:,} in flight", "live"),)] if device.in_flight else []
    return [(state_cell(device),), (Cell(seen),), *flight]


def _registered(device: Device) -> list[Line]:
    """Return what the registry knows, named where it does not name itself."""
    named = (
        ("", safe(device.name, 60)), ("", make_of(device)),
        ("fw", safe(device.fw_version, 40)), ("site", safe(device.site_id, 40)),
        ("template", safe(device.template, 40)), ("behind", safe_id(device.parent_id, 60)),
    )  # fmt: skip
    parts: list[Line] = [
        (Cell(f"{name} ", "dim"), Cell(value)) if name else (Cell(value),) for name, value in named if value
    ]
    tags = [(Cell(safe(tag, 40)),) for tag in device.tags[:20]]
    return [*parts, *([(Cell("tags ", "dim"), *tags[0]), *tags[1:]] if tags else [])]


def _answers(device: Device, facts: DeviceFacts, width: int) -> list[Line]:
    """Return the learned answer times of the types that it got lately: they are of its model, not its own."""
    kinds = list(dict.fromkeys(command.command_type for command in facts.commands))
    learned = {one.command_type: one.answered for one in facts.latencies if one.answered.answers}
    known = [kind for kind in kinds if kind in learned][:_TYPES]
    if not known:
        return []
    room = max(8, min(24, width - 20))
    head = fit_text(f"answers of {safe(device.own_model, 30) or 'devices without a model'}", room + _INDENT)
    lines: list[Line] = [(Cell(f"{head} {'p50':>8} {'p95':>8}", "dim"),)]
    for kind in known:
        times = (learned[kind].p50_ms, learned[kind].p95_ms)
        words = [latency(timedelta(milliseconds=ms)) if ms is not None else "–" for ms in times]
        lines.append((Cell(f"{'':{_INDENT}}{fit_text(safe(kind), room)} {words[0]:>8} {words[1]:>8}"),))
    return [*lines, ()]


def _ends(device: Device, now: datetime) -> Iterable[Line]:
    yield (Cell(f"last {RECENT}  ", "dim"), device_cells(device, now)["recent"])
    yield (Cell(ends_words(device.recent)),)


def ends_words(phases: Sequence[Phase]) -> str:
    """Count how commands ended: ``4 missed, 1 failed of 12``, or ``11 of 12 ok, 1 in flight``."""
    counts, total = Counter(phases), len(phases)
    bad = [f"{counts[phase]} {phase}" for phase in WORST_FIRST if counts[phase] and phase not in _WELL]
    flight = sum(counts[phase] for phase in OPEN)
    words = f"{', '.join(bad)} of {total}" if bad else f"{counts[Phase.OK]} of {total} ok"
    return f"{words}, {flight} in flight" if flight else words


_WELL = frozenset({Phase.OK, *OPEN})


def _commands(commands: Sequence[Command], now: datetime, width: int) -> list[Line]:
    """Return a line a command, newest first: when, what, how it ended, by whom, as far as there is room."""
    if not commands:
        return [(Cell("no commands yet", "dim"),)]
    lines: list[Line] = [(Cell("commands", "dim"),)]
    room = max(6, width - _INDENT - _AGE - _PHASE - 4)
    kinds = min(room, max(len(safe(command.command_type, 40)) for command in commands))
    phases = min(_PHASE, max(cell_len(phase_cell(command).text) for command in commands))
    for command in commands:
        phase = phase_cell(command)
        line: Line = (
            Cell(f"{'':{_INDENT}}{coarse_age(now - command.created_at):>{_AGE}}  "),
            Cell(fit_text(safe(command.command_type, 40), kinds) + "  ", "strong"),
            *inked(Cell(fit_text(phase.text, phases), phase.tone)),
        )
        took = latency(command.latency) if command.phase is Phase.OK and command.acked_at else ""
        for more, size in ((took, 8), (safe(name_shown(command.created_by)), 0)):
            shown = f"  {more:>{size}}" if size else f"  {more}"
            if line_width(line) + len(shown) <= width:
                line = (*line, Cell(shown))
        lines.append(line)
    return lines


def _cut(line: Line, width: int) -> Line:
    """Leave out what exceeds the width: on a narrow terminal the end of a line."""
    shown: Line = ()
    left = width
    for cell in line:
        size = cell_len(cell.text)
        if size > left:
            return (*shown, Cell(fit_text(cell.text, left), cell.tone)) if left else shown
        shown, left = (*shown, cell), left - size
    return shown


def _wrapped(parts: Sequence[Line], width: int) -> list[Line]:
    """Join parts with gaps into as many lines as they need; one that is too long is cut."""
    lines: list[Line] = []
    for part in parts:
        if lines and line_width(lines[-1]) + 3 + line_width(part) <= width:
            lines[-1] = (*lines[-1], Cell("   "), *part)
        elif line_width(part) <= width:
            lines.append(part)
        else:
            lines.append((Cell(fit_text("".join(cell.text for cell in part), width)),))
    return lines
