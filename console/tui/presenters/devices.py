"""The row of one device, and the line that counts them."""

from datetime import datetime

from console.domain.devices import SEEN_IN_FULL, Device, DeviceCounts, DeviceOrder, Link
from console.domain.filters.language import Filter
from console.domain.phases import GONE, LINK_SYMBOLS, PHASE_SYMBOLS, later_words
from console.domain.text.durations import coarse_age
from console.domain.text.safe import safe, safe_id
from console.tui.presenters.cells import Cell, Column, Line, fit_parts
from console.tui.presenters.words import LINK_TONES, PHASE_TONES, link_cell

COLUMNS = (
    Column("device", "DEVICE", 9, most=40),
    Column("link", "LINK", 9, most=16, arrow="↓"),
    Column("seen", "SEEN", 6, right=True),
    Column("site", "SITE", 6, most=20, rank=6),
    Column("model", "MODEL", 8, most=24, rank=8),
    Column("fw", "FW", 6, most=14, rank=7),
    Column("flight", "FLIGHT", 6, right=True, rank=5),
    Column("last", "LAST", 11, most=18, rank=1),
    Column("command", "COMMAND", 11, most=30, rank=2),
    Column("ago", "AGO", 4, right=True, rank=4),
    Column("tags", "TAGS", 6, most=40, rank=9),
)
WITH_NAMES = (COLUMNS[0], Column("name", "NAME", 8, most=28, rank=3), *COLUMNS[1:])


def device_cells(device: Device, now: datetime) -> dict[str, Cell]:
    """Every cell of a device's row, by column."""
    seen = device.last_seen_at
    return {
        "device": Cell(safe_id(device.device_id), "strong"),
        "name": Cell(safe(device.name, 60)),
        "link": state_cell(device),
        "seen": Cell(coarse_age(now - seen) if seen else "–", "" if seen else "dim"),
        "site": Cell(safe(device.site_id)),
        "model": Cell(safe(device.model)),
        "fw": Cell(safe(device.fw_version)),
        "flight": Cell(f"{device.in_flight:,}", "live") if device.in_flight else Cell("–", "dim"),
        "tags": Cell(" ".join(safe(tag, 40) for tag in device.tags[:10]), "dim"),
        **_last(device, now),
    }


def pending_cells(device_id: str) -> dict[str, Cell]:
    """What is known of a row before it has been read: its id."""
    return {"device": Cell(safe_id(device_id), "strong")}


def state_cell(device: Device) -> Cell:
    """The link; of a device that is not in service the symbol of its link with what the registry calls it."""
    if device.in_service:
        return link_cell(device.link)
    symbol = GONE if device.decommissioned else LINK_SYMBOLS[device.link]
    return Cell(f"{symbol} {safe(device.state, 14)}", "dim" if device.decommissioned else "warn")


def hidden_words(counts: DeviceCounts | None, shown: Filter) -> str:
    """``2 decommissioned hidden``; empty where none is, or where the filter asks for them."""
    if counts is None or not counts.decommissioned or shown.shows_decommissioned:
        return ""
    return f"{counts.decommissioned:,} decommissioned hidden"


def seen_words(counts: DeviceCounts | None, shown: Filter, order: DeviceOrder) -> str:
    """What sorting or filtering by "seen" leaves out in a large fleet; empty where it leaves out nothing."""
    asked = order is DeviceOrder.SEEN or "seen" in shown.keys
    if counts is None or not asked or counts.total + counts.decommissioned <= SEEN_IN_FULL:
        return ""
    return "seen: without answers"


def place_line(device: Device, width: int) -> Line:
    """What a device is: its name, make, template, where it stands and behind which gateway."""
    maker, model = safe(device.manufacturer, 40), safe(device.model, 40)
    make = model if model.lower().startswith(maker.lower()) else f"{maker} {model}".rstrip()
    parts: list[Line] = [
        (Cell(" "), state_cell(device)),
        *([(Cell(safe(device.name, 60), "strong"),)] if device.name else []),
        *([(Cell(make),)] if make else []),
        *([(Cell(f"template {safe(device.template, 40)}", "dim"),)] if device.template else []),
        *([(Cell(f"behind {safe_id(device.parent_id, 40)}"),)] if device.parent_id else []),
        *([(Cell(f"site {safe(device.site_id, 40)}", "dim"),)] if device.site_id else []),
        *([(Cell(f"fw {safe(device.fw_version, 20)}", "dim"),)] if device.fw_version else []),
        *([(Cell(safe(device.device_type, 30), "dim"),)] if device.device_type else []),
    ]
    return fit_parts(parts, width)


def _last(device: Device, now: datetime) -> dict[str, Cell]:
    """How the newest command stands, what it was, and how long ago it was created."""
    command = device.last_command
    if command is None:
        return dict.fromkeys(("last", "command", "ago"), Cell("–", "dim"))
    symbol, tone = PHASE_SYMBOLS[command.phase], PHASE_TONES[command.phase]
    return {
        "last": Cell(
            f"{symbol} {command.phase}{' (late)' if command.late else ''}{later_words(command)}", tone
        ),
        "command": Cell(safe(command.command_type, 60)),
        "ago": Cell(coarse_age(now - command.created_at)),
    }


def counts_line(
    counts: DeviceCounts | None,
    marked: int,
    anchor: str | None,
    width: int,
    unseen: int = 0,
    news: str = "",
    order: str = "",
    notes: tuple[str, ...] = (),
) -> Line:
    """How many devices there are, how many are marked (`unseen`: not shown); then by link, trouble first.

    `news` is what else an operator should look at; `order` what it is sorted by where no heading says it;
    `notes` say which devices are left out, and by what they are sorted.
    """
    title = Cell(" Devices", "strong")
    if counts is None:
        return (title, Cell("   reading…", "dim"))
    parts: list[Line] = [(title, Cell(f"   {counts.total:,}"))]
    parts += [(Cell(note, "dim"),) for note in notes if note]
    if anchor is not None:
        parts.append((Cell(f"range from {safe(anchor, 20)}: v ends it", "accent"),))
    if news:
        parts.append((Cell(f"! {news}", "warn"),))
    if order:
        parts.append((Cell(f"by {order}", "dim"),))
    if marked:
        away = (Cell(f" ({unseen:,} not shown)", "warn"),) if unseen else ()
        parts.append((Cell(f"✓ {marked:,} marked", "accent"), *away))
    numbers = {
        Link.OFFLINE: counts.offline,
        Link.STALE: counts.stale,
        Link.UNKNOWN: counts.unknown,
        Link.ONLINE: counts.online,
    }
    for link, count in numbers.items():
        if count:
            parts.append((Cell(f"{LINK_SYMBOLS[link]} {count:,} {link.value}", LINK_TONES[link]),))
    return fit_parts(parts, width)
