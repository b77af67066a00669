"""What shell commands print: tables for people, JSON lines for programs; a pipe gets the same."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from console.domain.command_json import instant
from console.domain.commands import Command
from console.domain.devices import Device
from console.domain.events import Problem
from console.domain.phases import phase_words
from console.domain.text.durations import age, latency
from console.domain.text.safe import cell_width, safe, safe_id
from console.tables.columns import NOTHING, Cell, ColumnOf

T = TypeVar("T")
_CELL, _LAST_CELL = 80, 1_000
_NUMBER = re.compile(r"-|ahead|[\d,.]+[smhd]?( \d+[smh])?")
_NOTHING = "-"


def say(text: str) -> None:
    """Print a message for the operator on standard error."""
    print(safe(text, 2_000), file=sys.stderr)


def print_json(document: Mapping[str, object]) -> None:
    """Print one JSON object on one line; everything that is not ASCII is escaped."""
    print(json.dumps(document, ensure_ascii=True), flush=True)


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print aligned columns, numbers to the right; every cell is made safe, and all but the last are cut."""
    last = len(header) - 1
    cells = [
        [
            safe_id(None if c is None else str(c), _LAST_CELL if i == last else _CELL)
            for i, c in enumerate(row)
        ]
        for row in rows
    ]
    right = [all(_NUMBER.fullmatch(row[i]) for row in cells) for i in range(len(header))]
    _print_aligned(header, cells, right)


def print_columns(columns: Sequence[ColumnOf[T]], rows: Sequence[T], now: datetime) -> None:
    """Print the same columns as the screen; an optional one only if a row has a value for it."""
    limits = [_CELL] * (len(columns) - 1) + [_LAST_CELL]
    cells = [
        [_plain(column.cell(row, now), limit) for column, limit in zip(columns, limits, strict=True)]
        for row in rows
    ]
    shown = [
        i
        for i, column in enumerate(columns)
        if not column.optional or any(row[i] != _NOTHING for row in cells)
    ]
    _print_aligned(
        [columns[i].title for i in shown],
        [[row[i] for i in shown] for row in cells],
        [columns[i].right for i in shown],
    )


def _plain(cell: Cell, limit: int) -> str:
    """Replace the dash for an empty cell by ASCII, for programs that split columns."""
    return safe_id(_NOTHING if cell.text in {"", NOTHING.text} else cell.plain, limit)


def _print_aligned(header: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
    columns = [[row[i] for row in cells] for i in range(len(header))]
    widths = [max(map(cell_width, [title, *column])) for title, column in zip(header, columns, strict=True)]
    for line in [list(header), *cells]:
        parts = [
            " " * (width - cell_width(cell)) + cell if rightmost else cell + " " * (width - cell_width(cell))
            for cell, width, rightmost in zip(line, widths, right, strict=True)
        ]
        print("  ".join(parts).rstrip())


def phase_text(command: Command) -> str:
    """Return symbol, word and flags: late, and a later answer that differs."""
    return phase_words(command)


def age_text(at: datetime | None, now: datetime) -> str:
    """Return how long ago, in one unit; ASCII for none, for programs that split columns."""
    return _NOTHING if at is None else age(now - at)


def latency_text(span: timedelta | None) -> str:
    """Return how long an answer took."""
    return _NOTHING if span is None else latency(span)


def device_json(device: Device) -> dict[str, object]:
    """Return every field of a device."""
    last = device.last_command
    return {
        "device_id": device.device_id,
        "tenant_id": device.tenant_id,
        "link": device.link.value,
        "last_seen_at": instant(device.last_seen_at),
        "site": device.site_id,
        "name": device.name,
        "model": device.model,
        "manufacturer": device.manufacturer,
        "device_type": device.device_type,
        "template": device.template,
        "parent_device_id": device.parent_id,
        "firmware": device.fw_version,
        "registry_status": device.registry_status,
        "state": device.state,
        "decommissioned_at": instant(device.decommissioned_at),
        "tags": list(device.tags),
        "in_flight": device.in_flight,
        "recent": [phase.value for phase in device.recent],
        "last_command": None if last is None else {"type": last.command_type, "phase": last.phase.value},
    }


def problem_json(problem: Problem) -> dict[str, object]:
    """Return every field of a problem."""
    return {
        "kind": problem.kind.value,
        "device_id": problem.device_id,
        "command_id": problem.command_id,
        "reason": problem.reason,
        "count": problem.count,
        "first_at": instant(problem.first_at),
        "last_at": instant(problem.last_at),
        "detail": problem.detail,
    }
