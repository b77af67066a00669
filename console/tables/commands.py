"""The columns of commands: a new column of a field that a command already has is one line here."""

from collections.abc import Iterable
from datetime import datetime

from console.domain.commands import Command, Phase
from console.domain.identifiers import name_shown
from console.domain.short_reason import short_reason
from console.domain.text.durations import coarse_age, coarse_countdown, latency
from console.domain.text.safe import safe, safe_id
from console.tables.columns import NOTHING, Cell, ColumnOf, cells_of
from console.tables.tones import phase_cell


def _age(command: Command, now: datetime) -> Cell:
    return Cell(coarse_age(now - command.created_at))


def _answered(command: Command, _now: datetime) -> Cell:
    return Cell(latency(command.latency), "" if command.acked_at else "dim")


def _left(command: Command, now: datetime) -> Cell:
    if command.phase.settled:
        return NOTHING
    if command.never_expires:
        return Cell("never", "dim")
    left = command.expires_at - now
    seconds = left.total_seconds()
    if seconds <= 0:
        return Cell("overdue", "warn")
    return Cell(coarse_countdown(left), "warn" if seconds < 60 else "")


def _reason(command: Command, _now: datetime) -> Cell:
    return Cell(short_reason(command), "dim" if command.phase is Phase.OK else "")


def _by(command: Command, _now: datetime) -> Cell:
    return Cell(safe(name_shown(command.created_by)) or "–", "" if command.created_by else "dim")


def _params(command: Command, _now: datetime) -> Cell:
    return Cell(safe(command.params_json, 120), "dim")


COLUMNS: tuple[ColumnOf[Command], ...] = (
    ColumnOf("age", "AGE", 5, right=True, cell=_age),
    ColumnOf("device", "DEVICE", 11, most=32, cell=lambda c, _: Cell(safe_id(c.device_id))),
    ColumnOf("type", "TYPE", 12, most=30, rank=1, cell=lambda c, _: Cell(safe(c.command_type), "strong")),
    ColumnOf("phase", "PHASE", 11, most=18, cell=lambda c, _: phase_cell(c)),
    ColumnOf("reason", "REASON", 10, most=40, rank=4, cell=_reason),
    ColumnOf("answered", "ANSWERED", 8, right=True, most=10, rank=6, cell=_answered),
    ColumnOf("left", "TTL LEFT", 8, right=True, most=12, rank=5, cell=_left),
    ColumnOf("by", "BY", 6, most=16, rank=7, cell=_by),
    ColumnOf(
        "params", "PARAMS", 16, most=60, rank=8, cell=lambda c, _: Cell(safe(c.params_json, 120), "dim")
    ),
    ColumnOf("id", "ID", 36, rank=9, cell=lambda c, _: Cell(safe(c.command_id), "dim")),
)
OF_ONE_DEVICE = tuple(column for column in COLUMNS if column.key != "device")


def columns_for(commands: Iterable[Command], *, of_one_device: bool) -> tuple[ColumnOf[Command], ...]:
    """Return the columns for these rows: how long is left only while one of them waits for something."""
    waits = any(not command.phase.settled for command in commands)
    columns = OF_ONE_DEVICE if of_one_device else COLUMNS
    return columns if waits else tuple(column for column in columns if column.key != "left")


def command_cells(command: Command, now: datetime) -> dict[str, Cell]:
    """Make every cell of a command's row, by column."""
    return cells_of(COLUMNS, command, now)
