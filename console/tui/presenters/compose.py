"""The lines about an unsent command: reach, preview and warnings."""

import json
import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias

from rich.cells import cell_len

from console.domain.batches import Preview
from console.domain.filters.ids import nearest
from console.domain.identifiers import name_shown
from console.domain.targets import Target
from console.domain.text.counts import counted
from console.domain.text.durations import coarse_age, latency
from console.domain.text.json import one_line
from console.domain.text.safe import safe, safe_id
from console.tables.columns import Cell
from console.tables.tones import link_cell, link_of
from console.tui.presenters.cells import Line, fit_parts, fit_text, line_width

Sent: TypeAlias = tuple[tuple[str, ...], tuple[str, str, str]]  # to whom, and type, params, ttl
_OFFERED = 8
_ABOUT = 2  # lines of a description
_WEAK = frozenset({"offline", "stale"})
_UP_TO_COMMA = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^",])+,?|.')


def types_line(recent: Sequence[str], listed: Sequence[str], chosen: str, width: int) -> list[Line]:
    """List the types on offer, as many as fit: recent ones, then others of the catalogue."""
    line: Line = ()
    for title, kinds in (("recent", recent[:_OFFERED]), ("models take", listed[: _OFFERED - len(recent)])):
        heading = Cell(f"  {title} " if line else f"{title} ", "dim")
        for kind in kinds:
            more = (heading, Cell(f" {safe(kind, 30)} ", "accent" if kind == chosen else ""))
            if line_width((*line, *more)) > width:
                return [line] if line else []
            line = (*line, *(cell for cell in more if cell.text))
            heading = Cell("")
    return [line] if line else []


def about_lines(description: str, width: int, *, dangerous: bool) -> list[Line]:
    """Wrap what the catalogue says of the chosen type; empty where it says nothing."""
    rows = textwrap.wrap(safe(description, 300), max(20, width))
    if len(rows) > _ABOUT:
        rows = [*rows[: _ABOUT - 1], fit_text(f"{rows[_ABOUT - 1]}…", max(20, width)).rstrip()]
    return [(Cell(line, "warn" if dangerous else "dim"),) for line in rows]


class Offer(NamedTuple):
    """A type that fits what is typed."""

    kind: str
    about: str
    is_dangerous: bool


def offer_lines(
    typed: str, offers: Sequence[Offer], marked: str | None, known: int, width: int, rows: int
) -> list[Line]:
    """List types with what they do, around the marked one: a heading and at most `rows` - 1 of them."""
    place = next((n for n, offer in enumerate(offers) if offer.kind == marked), 0)
    first = max(0, min(place - rows + 2, len(offers) - rows + 1))
    takes = "enter takes the marked" if marked is not None else "enter takes what you typed"
    head = f" {len(offers):,} of {known:,} fit “{safe(typed, 20)}”: {takes}"
    name = max(cell_len(safe(offer.kind, 30)) for offer in offers)
    lines: list[Line] = [(Cell(fit_text(head, width), "dim"),)]
    for offer in offers[first : first + rows - 1]:
        is_marked = offer.kind == marked
        about = f"  {'! ' if offer.is_dangerous else ''}{safe(offer.about, 200)}"
        lines.append(
            (
                Cell("▌" if is_marked else " ", "accent"),
                Cell(fit_text(safe(offer.kind, 30), name), "strong" if is_marked else ""),
                Cell(fit_text(about, max(0, width - name - 1)), "warn" if offer.is_dangerous else "dim"),
            )
        )
    return lines


def devices_words(device_ids: Sequence[str]) -> str:
    """``pump-1``, ``3 devices``."""
    return safe_id(device_ids[0], 40) if len(device_ids) == 1 else counted(len(device_ids), "device")


def reach_line(preview: Preview | None, seen_at: datetime | None, now: datetime, width: int) -> Line:
    """Count the reachable targets, in words; `seen_at` is when a single one was last seen."""
    if preview is None:
        return (Cell("asking…", "dim"),)
    parts: list[Line] = []
    for word, count in sorted(preview.links.items(), key=lambda item: -item[1]):
        link = link_of(word)
        symbol = link_cell(link)
        parts.append((Cell(f"{symbol.text.split(' ')[0]} {count:,} {link.value}", symbol.tone),))
    if preview.forbidden:
        parts.append((Cell(f"{preview.forbidden:,} cannot be sent to", "bad"),))
    flight = preview.in_flight
    parts.append(
        (Cell(f"{flight:,} in flight" if flight else "nothing in flight", "live" if flight else "dim"),)
    )
    if seen_at is not None:
        parts.append((Cell(f"seen {coarse_age(now - seen_at)} ago", "dim"),))
    if preview.last_latency is not None and preview.last_acked_at is not None:
        ago = coarse_age(now - preview.last_acked_at)
        parts.append((Cell(f"last answer in {latency(preview.last_latency)}, {ago} ago", "dim"),))
    return fit_parts(parts, width)


def guard_line(preview: Preview | None, now: datetime) -> Line:
    """``reboot by alice, 12s ago`` when something is in flight already; empty otherwise."""
    if preview is None or preview.newest is None:
        return ()
    newest, same = preview.newest, preview.same_in_flight
    who = (
        f"{safe(newest.command_type, 40)} by {safe(name_shown(newest.by), 40) or 'somebody'},"
        f" {coarse_age(now - newest.created_at)} ago"
    )
    if preview.total == 1:
        return (Cell(f"! In flight already: {who}.", "warn"),)
    if same:
        return (Cell(f"! In flight already to {counted(same, 'device')}: {who}.", "warn"),)
    others = counted(preview.in_flight, "other command")
    return (Cell(f"! {others} in flight, the newest {who}.", "warn"),)


def bulk_lines(preview: Preview, *, named: bool) -> list[Line]:
    """What to know before sending to many: how many are unlikely to answer, and who gets nothing.

    With `named` the first is shown already, device by device.
    """
    lines: list[Line] = []
    weak = {word: count for word, count in preview.links.items() if word in _WEAK}
    if weak and not named:
        words = ", ".join(f"{count:,} {word}" for word, count in weak.items())
        of = f"{sum(weak.values()):,} of {counted(preview.total, 'device')}"
        lines.append((Cell(f"! {of} may not be reached ({words}).", "warn"),))
    if preview.forbidden:
        why = "decommissioned, or an id that no topic can carry"
        lines.append((Cell(f"! {preview.forbidden:,} get nothing: {why}.", "warn"),))
    return lines


def notable(targets: Sequence[Target], limit: int = 200) -> list[Target]:
    """Choose the targets to show one by one, those with a warning first."""
    return sorted(targets, key=lambda t: (t.fault is None, t.warning is None))[:limit]


def target_lines(shown: Sequence[Target], total: int, now: datetime) -> list[Line]:
    """Write a line for each of some targets, and how many more there are."""
    lines: list[Line] = []
    for target in shown:
        seen = coarse_age(now - target.last_seen_at) if target.last_seen_at else "–"
        note = Cell("  cannot be sent to", "bad") if target.fault else Cell("")
        link = link_cell(link_of(target.link))
        name = Cell(f"{safe_id(target.device_id, 24):<24} ")
        lines.append((name, Cell(f"{link.text:<10}", link.tone), Cell(f"{seen:>5}", "dim"), note))
    if total > len(shown):
        lines.append((Cell(f"… and {total - len(shown):,} more", "dim"),))
    return lines


def first_fault(targets: Sequence[Target]) -> str | None:
    return next((safe(target.fault, 300) for target in targets if target.fault), None)


def warnings_of(targets: Sequence[Target], limit: int = 4) -> list[str]:
    """List what may be sent but is unlikely to arrive, a few targets by name."""
    found = [target for target in targets if target.warning]
    if len(found) <= limit:
        return [_warning(target) for target in found]
    links = Counter(target.link for target in found if target.link in _WEAK)
    reasons = [f"{count:,} {link}" for link, count in links.most_common()]
    held = sum(target.held for target in found)
    reasons += [f"{held:,} inactive or suspended in the registry"] if held else []
    return [f"{len(found):,} of {counted(len(targets), 'device')} may not be reached ({', '.join(reasons)})."]


def _warning(target: Target) -> str:
    """Write one target's warning, with its link where the registry's word would hide that it is away."""
    warning = safe(target.warning, 120)
    return f"{warning[:-1]}, and {target.link}." if target.held and target.link in _WEAK else warning


def unknown_type(kind: str, known: Sequence[str]) -> str:
    """Say that no model lists a type, and which one is probably meant."""
    typed = kind.lower()
    near = nearest(typed, {name.lower() for name in known})
    meant = next((name for name in known if name.lower() == near or name.lower().startswith(typed)), "")
    return f"no model of these devices lists {safe(kind, 60)}" + (
        f"; is {safe(meant, 60)} meant?" if meant else "."
    )


def verdict_line(reason: str | None, *, broker_up: bool, dispatch: str, unknown: str = "") -> Line:
    """Say whether it can be reviewed, and what happens then; `unknown` says that no model lists its type."""
    if reason is not None:
        return (Cell(f"Not ready: {reason}.", "warn"),)
    if unknown:
        return (Cell("Unknown type: ", "bad"), Cell(f"{unknown} ctrl+s or f5 reviews it all the same."))
    ready = Cell("Ready. ", "ok")
    if not broker_up:
        return (ready, Cell("The broker is down: the command will wait until the broker is back.", "warn"))
    if dispatch == "off":
        return (ready, Cell("No dispatcher runs here: the command will wait for one.", "warn"))
    return (ready, Cell("ctrl+s or f5 reviews it; nothing is sent before that."))


def unknown_outcome_line(sent: Sent | None, now: Sent) -> Line:
    """Say what to do while it is unknown whether `sent` was written; empty when all is known."""
    if sent is None:
        return ()
    if sent == now:
        return (
            Cell("It may be sent already: f5, then y, tries the same again; nothing is sent twice.", "warn"),
        )
    return (Cell("The draft you confirmed before may have been sent: look at the history first.", "warn"),)


def draft_elsewhere(device_ids: Sequence[str], drafts: int) -> str:
    """Say that a draft for other devices is kept, and where it is."""
    more = f" (and {drafts - 1:,} more)" if drafts > 1 else ""
    return f"An unsent draft for {devices_words(device_ids)} is kept{more}: compose there to go on with it."


def preview_topic(tenant: str, device_ids: Sequence[str]) -> str:
    """Return the topic or topics that the command goes to."""
    where = device_ids[0] if len(device_ids) == 1 else f"{{{len(device_ids):,} ids}}"
    return safe(f"tenant/{tenant}/device/{where}/commands", 300)


def payload_lines(payload: str, width: int) -> list[Line]:
    """Break the payload into lines after its commas only: a date or a number stays in one piece."""
    lines = [""]
    for piece in _UP_TO_COMMA.findall(payload):
        if lines[-1] and cell_len(lines[-1] + piece) > width:
            lines.append("")
        lines[-1] += piece
    return [(Cell(line, "dim"),) for line in lines]


def preview_payload(command_type: str, params_text: str, ttl: timedelta | None, now: datetime) -> str:
    """Return the payload as far as it is known before the commit; `ttl` None is not known yet."""
    known = ttl is not None and now.year < 9998
    instant = (now + ttl).replace(microsecond=0).isoformat() if ttl is not None and known else "…"
    params = one_line(params_text)
    kind = json.dumps(command_type, ensure_ascii=False)
    return safe(f'{{"command_id":"…","type":{kind},"params":{params},"expires_at":"{instant}"}}', 400)
