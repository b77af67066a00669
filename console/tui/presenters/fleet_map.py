"""The whole fleet on one screen: a cell a device, site by site, with a cursor that walks over them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from console.domain.devices import Device
from console.domain.text.durations import elapsed
from console.domain.text.safe import safe, safe_id
from console.tables.columns import Cell
from console.tables.tones import link_cell, phase_cell
from console.tui.presenters.cells import Line, fit_parts, fit_text
from console.tui.presenters.fleet import cell_of, is_bad

_NAME, _COUNT = 12, 6
HEAD = 1 + _NAME + _COUNT  # columns before the first cell of a row
CELL = 3  # columns: the symbol between what shows mark and cursor
_NO_SITE = "no site"


@dataclass(frozen=True, slots=True)
class Row:
    """Some devices of one site; `count` is the number of all of them, in the first row of a site only."""

    site: str
    count: int
    device_ids: tuple[str, ...]


def fleet_rows(devices: Mapping[str, Device], width: int) -> tuple[Row, ...]:
    """Lay the devices out by site and id, as many in a row as the width has room for."""
    room = max(1, (width - HEAD - 1) // CELL)
    ordered = sorted(devices.values(), key=lambda device: (device.site_id, device.device_id))
    rows: list[Row] = []
    for site, group in groupby(ordered, lambda device: device.site_id):
        ids = [device.device_id for device in group]
        rows += [
            Row(site, 0 if at else len(ids), tuple(ids[at : at + room])) for at in range(0, len(ids), room)
        ]
    return tuple(rows)


def place_of(rows: Sequence[Row], device_id: str) -> tuple[int, int]:
    """Return row and place in it; the first cell for a device that is not there."""
    for number, row in enumerate(rows):
        if device_id in row.device_ids:
            return number, row.device_ids.index(device_id)
    return 0, 0


def moved(rows: Sequence[Row], device_id: str, across: int, down: int) -> str:
    """Return the device so many cells further, through the ends of rows, or so many rows further down."""
    if not rows:
        return device_id
    number, place = place_of(rows, device_id)
    if down:
        row = rows[max(0, min(len(rows) - 1, number + down))]
        return row.device_ids[min(place, len(row.device_ids) - 1)]
    ids = [one for row in rows for one in row.device_ids]
    at = sum(len(row.device_ids) for row in rows[:number]) + place
    return ids[max(0, min(len(ids) - 1, at + across))]


def nearest(rows: Sequence[Row], device_id: str, left: Collection[str]) -> str:
    """Return the device if it is left; else the one behind it in these rows that is, or before it, or any."""
    if device_id in left:
        return device_id
    ids = [one for row in rows for one in row.device_ids]
    at = ids.index(device_id) if device_id in ids else 0
    return next((one for one in [*ids[at:], *ids[:at][::-1]] if one in left), next(iter(left), ""))


def next_bad(rows: Sequence[Row], devices: Mapping[str, Device], device_id: str, by: int) -> str | None:
    """Return the next device, or the one before, whose last command was not ok; None if there is none."""
    ids = [one for row in rows for one in row.device_ids]
    at = ids.index(device_id) if device_id in ids else 0
    further = ids[at + 1 :] + ids[: at + 1] if by > 0 else ids[:at][::-1] + ids[at:][::-1]
    return next((one for one in further if is_bad(devices[one]) and one != device_id), None)


def map_lines(
    rows: Sequence[Row], devices: Mapping[str, Device], cursor: str, marks: Collection[str]
) -> list[Line]:
    """Draw these rows: brackets around the cell under the cursor, a tick before a marked one."""
    lines: list[Line] = []
    for row in rows:
        name = fit_text(safe(row.site or _NO_SITE, _NAME), _NAME)
        head = f" {name}{row.count:>{_COUNT},}" if row.count else " " * HEAD
        cells = [Cell(head, "strong")]
        for device_id in row.device_ids:
            _, symbol, tone = cell_of(devices[device_id])
            is_here = device_id == cursor
            before = "✓" if device_id in marks else "[" if is_here else " "
            cells += [Cell(before, "accent"), Cell(symbol, tone), Cell("]" if is_here else " ", "accent")]
        lines.append(_joined(cells))
    return lines


def _joined(cells: Sequence[Cell]) -> Line:
    """Join neighbours of one tone: each piece costs the line some twenty bytes."""
    return tuple(
        Cell("".join(cell.text for cell in group), tone)
        for tone, group in groupby(cells, lambda cell: cell.tone)
    )


def device_line(device: Device | None, marked: int, now: datetime, width: int) -> Line:
    """Say which device the cell under the cursor is, and how its last command went."""
    parts: list[Line] = [(Cell(f" ✓ {marked:,} marked", "accent"),)] if marked else []
    if device is None:
        return fit_parts(parts, width)
    link = link_cell(device.link)
    parts.append((Cell(f" {safe_id(device.device_id, 40)}", "strong"),))
    parts.append((Cell(link.text, link.tone),))
    command = device.last_command
    if command is not None:
        phase = phase_cell(command)
        ago = elapsed(max(0.0, (now - command.created_at).total_seconds()))
        parts.append((Cell(phase.text, phase.tone), Cell(f" {safe(command.command_type, 30)} {ago} ago")))
    parts += [
        (Cell(safe(word, 30), "dim"),) for word in (device.site_id, device.model, device.fw_version) if word
    ]
    return fit_parts(parts, width)
