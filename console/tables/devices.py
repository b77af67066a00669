"""The columns of devices: a new column of a field that a device already has is one line here."""

from datetime import datetime

from console.domain.devices import RECENT, Device
from console.domain.phases import GONE, LINK_SYMBOLS, PHASE_SYMBOLS, later_words
from console.domain.text.durations import coarse_age
from console.domain.text.safe import safe, safe_id
from console.tables.columns import NOTHING, Cell, ColumnOf, cells_of
from console.tables.tones import PHASE_TONES, link_cell


def state_cell(device: Device) -> Cell:
    """Return the link; for a device that is not in service, its link's symbol and its registry status."""
    if device.in_service:
        return link_cell(device.link)
    symbol = GONE if device.decommissioned else LINK_SYMBOLS[device.link]
    return Cell(f"{symbol} {safe(device.state, 14)}", "dim" if device.decommissioned else "warn")


def _id(device: Device, _now: datetime) -> Cell:
    return Cell(safe_id(device.device_id), "strong")


def _model(device: Device, _now: datetime) -> Cell:
    return Cell(safe(device.model))


def _seen(device: Device, now: datetime) -> Cell:
    return NOTHING if device.last_seen_at is None else Cell(coarse_age(now - device.last_seen_at))


def _flight(device: Device, _now: datetime) -> Cell:
    return Cell(f"{device.in_flight:,}", "live") if device.in_flight else NOTHING


def _last(device: Device, now: datetime) -> Cell:
    command = device.last_command
    if command is None:
        return NOTHING
    word = f"{command.phase}{' (late)' if command.late else ''}{later_words(command)}"
    ago = coarse_age(now - command.created_at)
    kind = safe(command.command_type, 60)
    return Cell(f"{PHASE_SYMBOLS[command.phase]} {word}", PHASE_TONES[command.phase], kind, ago)


def _recent(device: Device, _now: datetime) -> Cell:
    if not device.recent:
        return NOTHING
    return Cell("".join(PHASE_SYMBOLS[phase] for phase in device.recent), "phases")


def _tags(device: Device, _now: datetime) -> Cell:
    return Cell(" ".join(safe(tag, 40) for tag in device.tags[:10]), "dim")


COLUMNS: tuple[ColumnOf[Device], ...] = (
    ColumnOf("device", "DEVICE", 9, most=40, cell=_id),
    ColumnOf("name", "NAME", 8, most=28, rank=4, cell=lambda d, _: Cell(safe(d.name, 60)), optional=True),
    ColumnOf("link", "LINK", 9, most=16, arrow="↓", cell=lambda d, _: state_cell(d)),
    ColumnOf("seen", "SEEN", 6, right=True, rank=3, cell=_seen, optional=True),
    ColumnOf("site", "SITE", 6, most=20, rank=6, cell=lambda d, _: Cell(safe(d.site_id)), optional=True),
    ColumnOf("model", "MODEL", 8, most=24, rank=8, cell=_model, optional=True, extra=True),
    ColumnOf("fw", "FW", 6, most=14, rank=7, cell=lambda d, _: Cell(safe(d.fw_version)), optional=True),
    ColumnOf("flight", "FLIGHT", 6, right=True, rank=5, arrow="↓", cell=_flight, optional=True),
    ColumnOf(
        "recent", f"LAST {RECENT}", RECENT // 2, most=RECENT, right=True, strip=True, arrow="↓",
        short=f"LAST {RECENT // 2}", rank=2, cell=_recent, optional=True,
    ),
    ColumnOf("last", "LAST COMMAND", 23, most=52, rank=1, cell=_last, optional=True),
    ColumnOf("tags", "TAGS", 6, most=40, rank=9, extra=True, cell=_tags, optional=True),
)  # fmt: skip


MORE: tuple[ColumnOf[Device], ...] = (
    ColumnOf("manufacturer", "MAKER", 8, most=24, rank=6, cell=lambda d, _: Cell(safe(d.manufacturer))),
    ColumnOf("type", "TYPE", 6, most=20, rank=6, cell=lambda d, _: Cell(safe(d.device_type))),
    ColumnOf("template", "TEMPLATE", 8, most=24, rank=6, cell=lambda d, _: Cell(safe(d.template))),
    ColumnOf("parent", "BEHIND", 8, most=24, rank=6, cell=lambda d, _: Cell(safe_id(d.parent_id))),
)  # fmt: skip
EVERY = (*COLUMNS, *MORE)  # those that are shown when they are chosen, too
_ALWAYS = frozenset({"device", "link"})


def columns_with(
    values: frozenset[str], chosen: frozenset[str] | None = None
) -> tuple[ColumnOf[Device], ...]:
    """Return the columns to show where rows have these values: one in which nothing stands is left out.

    `chosen` are the columns that an operator wants instead of `COLUMNS`; the device is always among them.
    """
    wanted = COLUMNS if chosen is None else [c for c in EVERY if c.key in chosen or c.key == "device"]
    return tuple(column for column in wanted if column.key in values | _ALWAYS)


def filled(device: Device, now: datetime) -> frozenset[str]:
    """Return the columns in which something stands for this device."""
    return frozenset(
        column.key for column in EVERY if column.cell(device, now).text not in {"", NOTHING.text}
    )


def device_cells(device: Device, now: datetime) -> dict[str, Cell]:
    """Make every cell of a device's row, by column."""
    return cells_of(EVERY, device, now)
