"""The lines about an unsent command: reach, preview and warnings."""

import json
import re
import textwrap
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias

from rich.cells import cell_len

from console.domain.catalogue import Listing
from console.domain.filters.ids import nearest
from console.domain.forecast import Sentence, Weight, by_worth, worst
from console.domain.targets import Target
from console.domain.text.counts import counted
from console.domain.text.durations import coarse_age, latency
from console.domain.text.json import one_line
from console.domain.text.safe import safe, safe_id
from console.tables.columns import Cell, Tone
from console.tables.tones import link_cell, link_of
from console.tui.presenters.cells import Line, fit_text, line_width

Sent: TypeAlias = tuple[tuple[str, ...], tuple[str, str, str]]  # to whom, and type, params, ttl
_OFFERED = 8
_ABOUT = 2  # lines of a description
_USUAL = "95 % within"  # heads the answer times
_DANGER = {True: "dangerous", False: ""}
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
    """Wrap what the catalogue says of the chosen type; empty where it says nothing of a harmless one."""
    about = safe(description, 300)
    if dangerous:
        about = f"! {about or 'dangerous: interrupts or changes it'}"
    rows = textwrap.wrap(about, max(20, width))
    if len(rows) > _ABOUT:
        rows = [*rows[: _ABOUT - 1], fit_text(f"{rows[_ABOUT - 1]}…", max(20, width)).rstrip()]
    return [(Cell(line, "warn" if dangerous else "dim"),) for line in rows]


class Offer(NamedTuple):
    """A type that fits what is typed; `usual_ms` is how long 95 % of its answers take, None if unknown."""

    kind: str
    about: str
    is_dangerous: bool
    usual_ms: float | None = None

    @property
    def usual(self) -> str:
        return "" if self.usual_ms is None else latency(timedelta(milliseconds=self.usual_ms))


def offer_lines(
    typed: str, offers: Sequence[Offer], marked: str | None, known: int, width: int, rows: int
) -> list[Line]:
    """List types with what they do, around the marked one: a heading and at most `rows` - 1 of them.

    At the right stands how long 95 % of the answers take, where that is known.
    """
    place = next((n for n, offer in enumerate(offers) if offer.kind == marked), 0)
    first = max(0, min(place - rows + 2, len(offers) - rows + 1))
    takes = "enter takes the marked" if marked is not None else "enter takes what you typed"
    head = f" {len(offers):,} of {known:,} fit “{safe(typed, 20)}”: {takes}"
    name = max(cell_len(safe(offer.kind, 30)) for offer in offers)
    times = max(len(offer.usual) for offer in offers)
    title = _USUAL if times and cell_len(head) + len(_USUAL) + 2 <= width else ""
    column = times + 1 if times else 0
    room = max(0, width - name - 1 - column)
    lines: list[Line] = [
        (Cell(fit_text(head, width - len(title)), "dim"), *([Cell(title, "dim")] if title else []))
    ]
    for offer in offers[first : first + rows - 1]:
        is_marked = offer.kind == marked
        about = (
            f"  {'! ' if offer.is_dangerous else ''}{safe(offer.about, 200) or _DANGER[offer.is_dangerous]}"
        )
        lines.append(
            (
                Cell("▌" if is_marked else " ", "accent"),
                Cell(fit_text(safe(offer.kind, 30), name), "strong" if is_marked else ""),
                Cell(fit_text(about, room), "warn" if offer.is_dangerous else "dim"),
                *([Cell(fit_text(offer.usual, column, right=True), "dim")] if column else []),
            )
        )
    return lines


def devices_words(device_ids: Sequence[str]) -> str:
    """``pump-1``, ``3 devices``."""
    return safe_id(device_ids[0], 40) if len(device_ids) == 1 else counted(len(device_ids), "device")


def danger_line(kind: str, listing: Listing) -> Line:
    """Say in words that a type is dangerous, and what it does."""
    what = safe(listing.description, 300) or f"{kind} interrupts or changes the device."
    if listing.is_unknown:
        what = f"No model of these devices lists {kind}: what it does to them is not known."
    return (Cell(f"! Dangerous: {what}", "warn"),)


def forecast_lines(sentences: Sequence[Sentence]) -> list[Line]:
    """Write a forecast for a dialog: the first and the worst sentence, then the others."""
    return [(Cell(f"{_mark(one)}{one.text}", _tone(one)),) for one in by_worth(sentences)]


def wrapped_forecast(sentences: Sequence[Sentence], width: int, rows: int) -> list[Line]:
    """Wrap as many sentences as fit into `rows`, in the order of events, and count those left out.

    The first and the worst are always there, cut where they are too long.
    """
    ranked = list(by_worth(sentences))
    blocks = [_wrapped(sentence, width) for sentence in ranked]
    chosen = 2 if worst(sentences) is not None else 1
    used = sum(map(len, blocks[:chosen]))
    while chosen < len(ranked) and used + len(blocks[chosen]) <= rows:
        used += len(blocks[chosen])
        chosen += 1
    if used > rows:
        blocks[0] = _cut(blocks[0], max(1, rows // 2))
        blocks[1:2] = [_cut(block, max(1, rows - len(blocks[0]))) for block in blocks[1:2]]
    shown = sorted(zip(ranked[:chosen], blocks, strict=False), key=lambda pair: sentences.index(pair[0]))
    lines: list[Line] = [(Cell(row, _tone(sentence)),) for sentence, block in shown for row in block]
    if chosen < len(ranked) and len(lines) < rows:
        more = counted(len(ranked) - chosen, "more sentence")
        lines.append((Cell(f"… {more} in the review", "dim"),))
    return lines


def _cut(block: list[str], rows: int) -> list[str]:
    return block if len(block) <= rows else [*block[: rows - 1], f"{block[rows - 1]} …"]


def _tone(sentence: Sentence) -> Tone:
    return "warn" if sentence.weight >= Weight.BAD else ""


def _mark(sentence: Sentence) -> str:
    return "! " if sentence.weight >= Weight.BAD else ""


def _wrapped(sentence: Sentence, width: int) -> list[str]:
    mark = _mark(sentence)
    return textwrap.wrap(f"{mark}{sentence.text}", max(20, width), subsequent_indent=" " * len(mark))


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


def unknown_type(kind: str, known: Sequence[str], *, is_catalogued: bool) -> str:
    """Say that no model lists a type, and which one is probably meant.

    Where the models have no catalogue, a type that was not sent lately is unknown only if one like it was.
    """
    typed = kind.lower()
    near = nearest(typed, {name.lower() for name in known})
    meant = next((name for name in known if name.lower() == near or name.lower().startswith(typed)), "")
    if not is_catalogued:
        return f"{safe(kind, 60)} was not sent here lately; is {safe(meant, 60)} meant?" if meant else ""
    return f"no model of these devices lists {safe(kind, 60)}" + (
        f"; is {safe(meant, 60)} meant?" if meant else "."
    )


def verdict_line(reason: str | None, width: int, unknown: str = "") -> Line:
    """Say whether it can be reviewed; `unknown` says that no model lists its type."""
    if reason is not None:
        return (Cell(f"Not ready: {reason}.", "warn"),)
    if unknown:
        return (Cell("Unknown type: ", "bad"), Cell(f"{unknown} ctrl+s or f5 reviews it all the same."))
    ready, how = Cell("Ready. ", "ok"), "ctrl+s or f5 reviews it; nothing is sent before that."
    return (ready, Cell(how if line_width((ready, Cell(how))) <= width else "ctrl+s or f5 reviews it."))


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
