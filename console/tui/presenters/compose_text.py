"""What a draft would reach and what would go out, as styled parts."""

from collections.abc import Sequence
from datetime import datetime

from console.domain.safe_text import safe
from console.domain.targets import Target
from console.tui.presenters.times import age

Part = tuple[str, str]
_DANGEROUS = ("reboot", "reset", "wipe", "erase", "format", "firmware", "shutdown", "factory", "delete")


def is_dangerous(command_type: str) -> bool:
    """Whether the type sounds as if it could take a device away: then the count is typed."""
    return any(word in command_type.lower() for word in _DANGEROUS)


def reach_text(targets: Sequence[Target], now: datetime) -> list[Part]:
    """How many are online, stale, offline; what is in flight already."""
    if not targets:
        return [("reach: reading …", "dim")]
    if len(targets) == 1:
        return _one(targets[0], now)
    parts: list[Part] = [("reach  ", "dim")]
    for link, style in (("online", "good"), ("stale", "warn"), ("offline", "bad"), ("unknown", "dim")):
        count = sum(target.link == link for target in targets)
        if count:
            parts.append((f"{count:,} {link}  ", style))
    busy = sum(target.in_flight > 0 for target in targets)
    parts.append(
        (f"{busy:,} with commands in flight" if busy else "nothing in flight", "warn" if busy else "dim")
    )
    return parts


def _one(target: Target, now: datetime) -> list[Part]:
    style = {"online": "good", "stale": "warn", "offline": "bad"}.get(target.link, "dim")
    seen = f", seen {age(target.last_seen_at, now)} ago" if target.last_seen_at else ", never seen"
    flight = f"{target.in_flight} in flight" if target.in_flight else "nothing in flight"
    parts: list[Part] = [("reach  ", "dim"), (f"{target.link}{seen}; ", style), (flight, "dim")]
    if target.warning and target.link == "online":
        parts.append((f"; {safe(target.warning, 200)}", "warn"))
    return parts


def preview_text(tenant_id: str, device_ids: Sequence[str], command_type: str, params: str) -> list[Part]:
    """Topic and payload as they would go out."""
    device = device_ids[0] if len(device_ids) == 1 else f"{{{len(device_ids)} ids}}"
    topic = f"tenant/{tenant_id}/device/{device}/commands"
    payload = f'{{"type":"{command_type}","params":{" ".join(params.split())},…}}'
    return [("sends  ", "dim"), (f"{safe(topic, 200)}\n", ""), (f"       {safe(payload, 300)}", "dim")]


def target_lines(targets: Sequence[Target]) -> list[str]:
    """Who is addressed, and the warnings, for the question before sending."""
    names = ", ".join(safe(target.device_id, 40) for target in targets[:5])
    more = f" and {len(targets) - 5:,} more" if len(targets) > 5 else ""
    lines = [f"{names}{more}"]
    warnings = [target.warning for target in targets if target.warning]
    lines += [safe(warning, 120) for warning in warnings[:3]]
    if len(warnings) > 3:
        lines.append(f"and {len(warnings) - 3:,} more warnings")
    return lines
