"""The header line and the banner, as styled parts."""

from datetime import datetime

from console.domain.dispatch import OutboxView
from console.domain.safe_text import safe
from console.services.health import HealthView, LinkState
from console.tui.presenters.times import short

Part = tuple[str, str]


def link_part(name: str, link: LinkState, now: float) -> Part:
    """``pg ok 2ms`` or ``pg DOWN 14s, retry in 3s``."""
    if link.up:
        latency = f" {max(1, round(link.latency_s * 1000))}ms" if link.latency_s else ""
        detail = "" if link.detail == "not used" else f" {link.detail}" if link.detail else ""
        word = "unused" if link.detail == "not used" else "ok"
        return f"{name} {word}{detail}{latency}", "dim" if word == "unused" else "good"
    if not link.error:
        return f"{name} connecting", "warn"
    retry = ""
    if link.retry_at is not None and link.retry_at > now:
        retry = f", retry in {max(1, round(link.retry_at - now))}s"
    return f"{name} DOWN {int(now - link.since)}s{retry}", "bad"


def header_parts(
    view: HealthView,
    outbox: OutboxView | None,
    *,
    tenant: str,
    operator: str,
    flags: tuple[str, ...],
    width: int,
) -> tuple[list[Part], list[Part]]:
    """The left and the right part of the header; what matters least goes first when it is narrow."""
    left: list[Part] = [(f"{safe(tenant, 32)} ", "bold"), (f"· {safe(operator, 32)}", "dim")]
    pg, mqtt = link_part("pg", view.database, view.now), link_part("mqtt", view.broker, view.now)
    sweep: Part = (f"sweep {view.sweep}", "good" if view.sweep == "on" else "dim")
    depth = outbox.depth if outbox else 0
    waits: Part = (f"outbox {depth}{'+' if depth >= 10_000 else ''}", "warn" if depth else "dim")
    right = [pg, mqtt, sweep, waits, *((flag, "flag") for flag in flags)]
    for victim in (sweep, waits):
        if _width(left) + _width(right) + 3 * len(right) <= width:
            break
        if victim is not waits or not depth:
            right.remove(victim)
    if _width(left) + _width(right) + 3 * len(right) > width:
        left = left[:1]
    return left, right


def _width(parts: list[Part]) -> int:
    return sum(len(text) for text, _ in parts)


def banner_text(view: HealthView, outbox: OutboxView | None, now: datetime) -> str:
    """A sentence while a link is down; empty when all is well."""
    if not view.database.up and view.database.error:
        return (
            f"{safe(view.database.error, 160)} What you see may be old. You can compose; sending is blocked."
        )
    if view.broker.up or not view.broker.error:
        return ""
    text = safe(view.broker.error, 160)
    if outbox and outbox.depth:
        noun = "command waits" if outbox.depth == 1 else "commands wait"
        text += f" {outbox.depth} {noun}"
        if outbox.next_deadline:
            text += f"; the first expires in {short(outbox.next_deadline - now)}"
        text += "."
    return f"{text} You can send; it goes out when the broker is back and TTL remains."
