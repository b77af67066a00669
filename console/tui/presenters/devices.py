"""The row of one device, and the line that counts them."""

from datetime import datetime

from console.domain.commands import Phase
from console.domain.devices import Device, DeviceCounts
from console.domain.safe_text import safe, safe_id
from console.domain.spans import age, latency
from console.tui.presenters.cells import Cell, Column, Line
from console.tui.presenters.words import PHASES, link_cell

COLUMNS = (
    Column("device", "DEVICE", 12, most=40),
    Column("link", "LINK", 9),
    Column("seen", "SEEN", 5, right=True),
    Column("site", "SITE", 6, most=16, rank=4),
    Column("model", "MODEL", 7, most=14, rank=6),
    Column("fw", "FW", 5, most=10, rank=5),
    Column("flight", "FLIGHT", 6, right=True, rank=3),
    Column("last", "LAST COMMAND", 21, most=44, rank=2),
    Column("tags", "TAGS", 14, most=30, rank=7),
)


def device_cells(device: Device, now: datetime) -> dict[str, Cell]:
    """Every cell of a device's row, by column."""
    seen = device.last_seen_at
    return {
        "device": Cell(safe_id(device.device_id), "strong"),
        "link": link_cell(device.link),
        "seen": Cell(age(now - seen) if seen else "–", "" if seen else "dim"),
        "site": Cell(safe(device.site_id)),
        "model": Cell(safe(device.model)),
        "fw": Cell(safe(device.fw_version)),
        "flight": Cell(f"{device.in_flight:,}", "live") if device.in_flight else Cell("–", "dim"),
        "last": _last(device, now),
        "tags": Cell(_tags(device), "dim"),
    }


def pending_cells(device_id: str) -> dict[str, Cell]:
    """What is known of a row before it has been read: its id."""
    return {"device": Cell(safe_id(device_id), "strong")}


def _tags(device: Device) -> str:
    words = [safe(tag, 40) for tag in device.tags[:10]]
    if device.decommissioned_at is not None:
        words.insert(0, "decommissioned")
    if device.registry_status not in {"", "ACTIVE"}:
        words.insert(0, safe(device.registry_status.lower(), 20))
    return " ".join(words)


def _last(device: Device, now: datetime) -> Cell:
    command = device.last_command
    if command is None:
        return Cell("–", "dim")
    symbol, tone = PHASES[command.phase]
    kind = safe(command.command_type, 60)
    late = " (late)" if command.late else ""
    if command.phase is Phase.OK:
        return Cell(f"{symbol} ok{late} {kind} {latency(command.latency)}")
    return Cell(f"{symbol} {command.phase}{late} {kind} {age(now - command.created_at)}", tone)


def counts_line(
    counts: DeviceCounts | None, marked: int, anchor: str | None, unseen: int = 0, news: str = ""
) -> Line:
    """How many devices the tenant has, by link, and how many are marked; `unseen` of these are not shown.

    `news` is what else an operator should look at.
    """
    if counts is None:
        return (Cell(" Devices", "strong"), Cell("  reading…", "dim"))
    line = [Cell(" Devices", "strong"), Cell(f"  {counts.total:,}   "), Cell(f"{counts.online:,} online")]
    line += [Cell("   "), Cell(f"{counts.stale:,} stale", "warn" if counts.stale else "dim")]
    line += [Cell("   "), Cell(f"{counts.offline:,} offline", "bad" if counts.offline else "dim")]
    if counts.unknown:
        line += [Cell("   "), Cell(f"{counts.unknown:,} unknown", "dim")]
    if marked:
        line += [Cell("   "), Cell(f"✓ {marked:,} marked", "accent")]
    if unseen:
        line.append(Cell(f" ({unseen:,} not shown)", "warn"))
    if anchor is not None:
        line += [Cell("   "), Cell(f"range from {safe(anchor, 20)}: v ends it", "accent")]
    if news:
        line += [Cell("   "), Cell(f"! {news}", "warn")]
    return tuple(line)
