"""What a command would do before it is sent: reach, preview, warnings, and how much care it needs."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from console.domain.safe_text import safe
from console.domain.targets import Target
from console.tui.presenters.cells import Cell, Line
from console.tui.presenters.times import age
from console.tui.presenters.words import counted, link_cell, link_of

MANY = 10
_DANGEROUS = (
    "reboot",
    "reset",
    "wipe",
    "firmware",
    "factory",
    "erase",
    "format",
    "delete",
    "shutdown",
    "ota",
)


def is_dangerous(command_type: str) -> bool:
    """Whether the type's name says that a device may not come back from it as it was."""
    return any(word in command_type.lower() for word in _DANGEROUS)


def must_type_count(command_type: str, count: int) -> bool:
    """Whether the operator has to type the number of devices before a send."""
    return count > MANY or is_dangerous(command_type)


def devices_words(device_ids: Sequence[str]) -> str:
    """``pump-1``, ``3 devices``."""
    return safe(device_ids[0], 40) if len(device_ids) == 1 else counted(len(device_ids), "device")


def reach_line(targets: Sequence[Target] | None, now: datetime) -> Line:
    """How many of the targets are reachable, in words."""
    if targets is None:
        return (Cell("asking…", "dim"),)
    links = Counter(link_of(target.link) for target in targets)
    cells: list[Cell] = []
    for link, count in sorted(links.items(), key=lambda item: -item[1]):
        symbol = link_cell(link)
        cells += [Cell(f"{symbol.text.split(' ')[0]} {count:,} {link.value}", symbol.tone), Cell("  ")]
    flight = sum(target.in_flight for target in targets)
    cells.append(
        Cell(f"{flight:,} in flight" if flight else "nothing in flight", "live" if flight else "dim")
    )
    if len(targets) == 1 and targets[0].last_seen_at is not None:
        cells.append(Cell(f"  seen {age(now - targets[0].last_seen_at)} ago", "dim"))
    faults = sum(1 for target in targets if target.fault)
    if faults:
        cells.append(Cell(f"  {faults:,} cannot be sent to", "bad"))
    return tuple(cells)


def notable(targets: Sequence[Target], limit: int = 200) -> list[Target]:
    """The targets to show one by one: what stands in the way comes first."""
    return sorted(targets, key=lambda t: (t.fault is None, t.warning is None))[:limit]


def target_lines(shown: Sequence[Target], total: int, now: datetime) -> list[Line]:
    """Some targets, a line each, and how many more there are."""
    lines: list[Line] = []
    for target in shown:
        seen = age(now - target.last_seen_at) if target.last_seen_at else "–"
        note = Cell("  cannot be sent to", "bad") if target.fault else Cell("")
        link = link_cell(link_of(target.link))
        name = Cell(f"{safe(target.device_id, 24):<24} ")
        lines.append((name, Cell(f"{link.text:<10}", link.tone), Cell(f"{seen:>5}", "dim"), note))
    if total > len(shown):
        lines.append((Cell(f"… and {total - len(shown):,} more", "dim"),))
    return lines


def first_fault(targets: Sequence[Target]) -> str | None:
    return next((safe(target.fault, 300) for target in targets if target.fault), None)


def warnings_of(targets: Sequence[Target], limit: int = 4) -> list[str]:
    """What may be sent but is unlikely to arrive, a few of them by name."""
    found = [safe(target.warning, 120) for target in targets if target.warning]
    if len(found) <= limit:
        return found
    links = Counter(target.link for target in targets if target.warning)
    words = ", ".join(f"{count:,} {link_of(link).value}" for link, count in links.most_common())
    return [f"{len(found):,} of {counted(len(targets), 'device')} may not be reached ({words})."]


def preview_topic(tenant: str, device_ids: Sequence[str]) -> str:
    """The topic or topics that it goes to."""
    where = device_ids[0] if len(device_ids) == 1 else f"{{{len(device_ids):,} ids}}"
    return safe(f"tenant/{tenant}/device/{where}/commands", 300)


def preview_payload(command_type: str, params_text: str, ttl: timedelta, now: datetime) -> str:
    """The bytes a device gets, as far as they are known before the commit."""
    instant = (now + ttl).replace(microsecond=0).isoformat() if now.year < 9998 else "…"
    params = " ".join(params_text.split())
    kind = json.dumps(command_type, ensure_ascii=False)
    return safe(f'{{"command_id":"…","type":{kind},"params":{params},"expires_at":"{instant}"}}', 400)
