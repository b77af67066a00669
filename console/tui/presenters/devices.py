"""The lines around the list of devices: counts, what is hidden, and the line of one device."""

from console.domain.devices import (
    SEEN_IN_FULL,
    SORTED_AT_MOST,
    Device,
    DeviceCounts,
    DeviceOrder,
    DeviceSearch,
    Link,
    Sort,
)
from console.domain.filters.language import Filter
from console.domain.phases import LINK_SYMBOLS
from console.domain.text.counts import counted
from console.domain.text.safe import safe, safe_id
from console.tables.columns import Cell
from console.tables.devices import state_cell
from console.tables.tones import LINK_TONES
from console.tui.presenters.cells import Line, fit_parts


def pending_cells(device_id: str) -> dict[str, Cell]:
    """Make the cells of a row that has not been read yet: its id."""
    return {"device": Cell(safe_id(device_id), "strong")}


def hidden_words(counts: DeviceCounts | None, shown: Filter) -> str:
    """``2 decommissioned hidden``; empty if there are none, or if the filter asks for them."""
    if counts is None or not counts.decommissioned or shown.shows_decommissioned:
        return ""
    return f"{counts.decommissioned:,} decommissioned hidden"


def seen_words(counts: DeviceCounts | None, shown: Filter, order: Sort) -> str:
    """Name what sorting or filtering by "seen" ignores in a large fleet; empty if it ignores nothing."""
    asked = order.by is DeviceOrder.SEEN or "seen" in shown.keys
    if counts is None or not asked or counts.total + counts.decommissioned <= SEEN_IN_FULL:
        return ""
    return "seen: without answers"


def sorted_words(title: str, order: Sort, shown: int, *, headed: bool) -> str:
    """Name the order where no heading does, and how many are sorted: ``by recent, first 5,000``."""
    first = f"first {SORTED_AT_MOST:,}" if order.looks_up and shown > SORTED_AT_MOST else ""
    if headed:
        return first and f"{first} sorted"
    return f"by {title}{', reversed' if order.reverse else ''}{f', {first}' if first else ''}"


def empty_words(
    search: DeviceSearch | None, counts: DeviceCounts | None, shown: Filter, *, filtered: bool
) -> str:
    """Explain why no device is listed, and what to do."""
    if search and search.looked < search.total:
        of = counted(search.total, "device")
        return f"No match among the first {search.looked:,} of {of}; the others follow…"
    hidden = hidden_words(counts, shown)
    if filtered:
        more = f" {hidden}: state:decommissioned finds them." if hidden else ""
        return f"No device matches the filter.{more} Press esc to clear it, or / to change it."
    return (
        "This tenant has no devices yet. They appear here as soon as the platform registers one; "
        "press t to look at another tenant, q to leave."
    )


def make_of(device: Device) -> str:
    """Return manufacturer and model; empty if neither is known."""
    maker, model = safe(device.manufacturer, 40), safe(device.model, 40)
    return model if model.lower().startswith(maker.lower()) else f"{maker} {model}".rstrip()


def place_line(device: Device, width: int) -> Line:
    """Describe a device: its name, make, template, site and gateway."""
    make = make_of(device)
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


def counts_line(
    counts: DeviceCounts | None,
    marked: int,
    anchor: str | None,
    width: int,
    unseen: int = 0,
    news: str = "",
    order: str = "",
    notes: tuple[str, ...] = (),
    asks: str = "",
    grouped: str = "",
    view: str = "",
) -> Line:
    """Count the devices and the marked ones (`unseen`: not shown); then by link, trouble first.

    `news` is what else an operator should look at; `order` how it is sorted where no heading says it;
    `notes` say which devices are left out, and by what they are sorted; `asks` what the next key is for;
    `grouped` what the devices are grouped by; `view` the saved view that is shown.
    """
    title = Cell(" Devices", "strong")
    if counts is None:
        return (title, Cell("   reading…", "dim"))
    parts: list[Line] = [(title, Cell(f"   {counts.total:,}"), Cell(f" by {grouped}" if grouped else ""))]
    parts += [(Cell(view, "accent"),)] if view else []
    parts += [(Cell(asks, "accent"),)] if asks else []
    parts += [(Cell(note, "dim"),) for note in notes if note]
    if anchor is not None:
        parts.append((Cell(f"range from {safe(anchor, 20)}: v ends it", "accent"),))
    if news:
        parts.append((Cell(f"! {news}", "warn"),))
    if order:
        parts.append((Cell(order, "dim"),))
    if marked:
        away = (Cell(f" ({unseen:,} not shown)", "warn"),) if unseen else ()
        parts.append((Cell(f"✓ {marked:,} marked", "accent"), *away))
    return fit_parts([*parts, *_by_link(counts)], width)


def _by_link(counts: DeviceCounts) -> list[Line]:
    numbers = {
        Link.OFFLINE: counts.offline,
        Link.STALE: counts.stale,
        Link.UNKNOWN: counts.unknown,
        Link.ONLINE: counts.online,
    }
    return [
        (Cell(f"{LINK_SYMBOLS[link]} {count:,} {link.value}", LINK_TONES[link]),)
        for link, count in numbers.items()
        if count
    ]
