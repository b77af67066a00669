"""The fleet as cells: one a device, site by site, as its last command ended or its link is."""

from collections.abc import Sequence
from itertools import groupby

from console.domain.commands import Phase
from console.domain.devices import Device, DeviceCounts, Link
from console.domain.phases import LINK_SYMBOLS, PHASE_SYMBOLS
from console.domain.text.safe import safe
from console.tables.columns import Cell, Tone
from console.tables.tones import LINK_TONES, PHASE_TONES
from console.tui.presenters.cells import Line, fit_parts, fit_text

_NO_SITE = "no site"
_ROOMY = 6  # rows of which one is spared for the legend
_AWAY = 3  # how bad an offline device is; what ended badly is worse
_BAD = (Phase.FAILED, Phase.MISSED, Phase.EXPIRED)


def fleet_counts(counts: DeviceCounts, fleet: Sequence[Device] | None, width: int) -> Line:
    numbers = (
        (Link.ONLINE, counts.online), (Link.STALE, counts.stale), (Link.OFFLINE, counts.offline),
        (Link.UNKNOWN, counts.unknown),
    )  # fmt: skip
    flying = sum(device.in_flight for device in fleet or ())
    parts: list[Line] = [(Cell(" fleet", "strong"), Cell(f" {counts.total:,}"))]
    for link, count in numbers:
        if count:
            parts.append((Cell(f"{LINK_SYMBOLS[link]} {count:,} {link.value}", LINK_TONES[link]),))
    if flying:
        parts.append((Cell(f"{PHASE_SYMBOLS[Phase.PUBLISHED]} {flying:,} in flight", "live"),))
    return fit_parts(parts, width)


def cell_of(device: Device) -> tuple[int, str, Tone]:
    """Return how bad it is, and the cell of a device: how its last command ended, else its link."""
    phase = device.last_command.phase if device.last_command else None
    if phase in _BAD:
        return _AWAY + len(_BAD) - _BAD.index(phase), PHASE_SYMBOLS[phase], PHASE_TONES[phase]
    if device.link in {Link.OFFLINE, Link.STALE}:
        away = _AWAY if device.link is Link.OFFLINE else _AWAY - 1
        return away, LINK_SYMBOLS[device.link], LINK_TONES[device.link]
    if device.link is Link.UNKNOWN and phase is None:
        return 1, LINK_SYMBOLS[Link.UNKNOWN], "dim"
    if device.in_flight:
        return 1, PHASE_SYMBOLS[Phase.PUBLISHED], "live"
    return 0, "·", "dim"


def fleet_lines(fleet: Sequence[Device] | None, width: int, rows: int) -> list[Line]:
    """The sites, those with most that ended badly first, a cell a device.

    Of more devices than cells, a cell shows the worst of some, which is said. Where there is a row to spare,
    the symbols are named.
    """
    if not fleet or rows < 1:
        return []
    ordered = sorted(fleet, key=lambda device: (device.site_id, device.device_id))
    sites = [(name, list(devices)) for name, devices in groupby(ordered, lambda device: device.site_id)]
    sites.sort(key=lambda item: (-sum(cell_of(device)[0] > _AWAY for device in item[1]), item[0]))
    name_width = min(10, max(len(safe(name or _NO_SITE, 10)) for name, _ in sites))
    room = width - name_width - 13
    if room < 1:
        return []
    has_legend = rows > len(sites) or rows >= _ROOMY
    rows -= has_legend
    shown = sites if len(sites) <= rows else sites[: rows - 1]
    left = rows - (len(shown) < len(sites))
    every = sum(-(-len(devices) // room) for _, devices in shown) <= left
    lines: list[Line] = []
    for name, devices in shown:
        each = 1 if every else -(-len(devices) // room)
        pieces = [devices[at : at + each] for at in range(0, len(devices), each)]
        cells = [max(map(cell_of, piece), key=lambda cell: cell[0]) for piece in pieces]
        for at in range(0, len(cells), room):
            drawn = [
                Cell("".join(symbol for _, symbol, _ in run), tone)
                for tone, run in groupby(cells[at : at + room], lambda cell: cell[2])
            ]
            head = f"{fit_text(safe(name or _NO_SITE, 10), name_width)}{len(devices):>6,} "
            note = f"  1:{each}" if each > 1 else ""
            lines.append((Cell(f" {head if at == 0 else ' ' * len(head)}"), *drawn, Cell(note, "dim")))
    if len(sites) > len(shown):
        lines.append((Cell(f" … {len(sites) - len(shown):,} more sites", "dim"),))
    return [*lines, legend(width, several=not every)] if has_legend else lines


def legend(width: int, *, several: bool = False) -> Line:
    """Name the symbols of the cells; `several`: a cell may be more than one device."""
    words = "1:n a cell is n devices, the worst shows   " if several else ""
    parts: list[Line] = [(Cell(f" {words}· ok", "dim"),)]
    for phase in (Phase.PUBLISHED, Phase.FAILED, Phase.MISSED, Phase.EXPIRED):
        word = "in flight" if phase is Phase.PUBLISHED else phase.value
        parts.append((Cell(f"{PHASE_SYMBOLS[phase]} {word}", PHASE_TONES[phase]),))
    parts += [
        (Cell(f"{LINK_SYMBOLS[link]} {link.value}", LINK_TONES[link]),) for link in (Link.STALE, Link.OFFLINE)
    ]
    return fit_parts(parts, width)


def is_bad(device: Device) -> bool:
    """Return whether its last command ended badly."""
    return cell_of(device)[0] > _AWAY
