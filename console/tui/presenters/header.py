"""The header's one line and the banner's one sentence, from the measured state of the links."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from rich.cells import cell_len

from console.domain.headline import Headline
from console.domain.link_causes import cause_words
from console.domain.phases import PHASE_SYMBOLS
from console.domain.text.counts import counted
from console.domain.text.durations import coarse_age, countdown, elapsed, lateness
from console.domain.text.safe import safe
from console.services.health import HealthView, LinkState
from console.tables.columns import Cell
from console.tables.tones import PHASE_TONES
from console.tui.presenters.cells import Line, fit_text, line_width

SLOW_LINK_S = 0.05  # below, how long a link takes is not shown: it changes each second and tells nothing


@dataclass(frozen=True, slots=True)
class OutboxDepth:
    """What waits for publication, as last read."""

    depth: int = 0
    oldest_at: datetime | None = None
    next_deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class HeaderIdentity:
    """Where the operator is and as whom."""

    tenant: str
    operator: str
    demo: bool = False
    read_only: bool = False
    quiet: bool = False


def header_line(identity: HeaderIdentity, view: HealthView, outbox: OutboxDepth, width: int) -> Line:
    """Return the fullest version that fits; trouble is left out last."""
    line: Line = ()
    for level in range(6):
        line = _header(identity, view, outbox, width, level)
        if line_width(line) <= width:
            return line
    return (Cell(fit_text("".join(cell.text for cell in line), width), "strong"),)


def _header(identity: HeaderIdentity, view: HealthView, outbox: OutboxDepth, width: int, level: int) -> Line:
    name = safe(identity.tenant, 24 if level < 4 else 12)
    left = [Cell(f" {name}", "strong")]
    if level < 4:
        left.append(Cell(f" · {safe(identity.operator, 24 if level < 3 else 10)}"))
    gap = Cell("   " if level < 2 else "  ")
    middle: list[Cell] = []
    for part in _parts(view, outbox, level):
        middle += [part, gap]
    right: list[Cell] = []
    if identity.quiet:
        right.append(Cell("quiet ", "accent"))
    if identity.demo:
        right.append(Cell("DEMO ", "accent"))
    if identity.read_only:
        right.append(Cell("READ-ONLY ", "warn"))
    used = line_width((*left, *middle, *right))
    spare = max(2, width - used)
    before = min(12, spare // 2) if spare > 6 else 2
    return (*left, Cell(" " * before), *middle, Cell(" " * max(0, width - used - before)), *right)


def _parts(view: HealthView, outbox: OutboxDepth, level: int) -> Iterator[Cell]:
    yield link_words("pg", view.database, view.now, level)
    if view.sweep == "elsewhere" and not view.broker.is_used:
        if not view.silent:
            yield Cell("workers elsewhere")
    else:
        yield from _work(view, level)
    if view.stopped:
        yield Cell("workers stopped", "bad")
    elif view.silent and level < 5:
        yield Cell(silence_words(view), "bad")
    if level < 3 or (level < 5 and outbox.depth):
        depth = "10,000+" if outbox.depth >= 10_000 else f"{outbox.depth:,}"
        yield Cell(f"outbox {depth}", "live" if outbox.depth else "")


def _work(view: HealthView, level: int) -> Iterator[Cell]:
    """What the workers of this process meet."""
    yield link_words("mqtt", view.broker, view.now, level)
    if level < 2 or (level < 5 and view.sweep not in {"on", "standby"}):
        late = f" p99 {lateness(view.sweep_p99_s)}" if level < 1 and view.sweep_p99_s is not None else ""
        yield Cell(f"sweep {view.sweep}{late}", "" if view.sweep in {"on", "standby"} else "warn")


def silence_words(view: HealthView) -> str:
    """``no worker``, ``no worker reads answers, silent 14s``: a job that no live process does."""
    words = "no worker"
    if "answers" in view.silent and "dispatch" not in view.silent:
        words += " reads answers"
    elif "dispatch" in view.silent and "answers" not in view.silent:
        words += " publishes"
    elif view.silent == ("sweep",):
        words += " sweeps"
    return words if view.silent_s is None else f"{words}, silent {elapsed(view.silent_s)}"


def link_words(name: str, link: LinkState, now: float, level: int = 0) -> Cell:
    """``pg ok 2ms``, ``mqtt DOWN 14s, retry in 3s``."""
    if not link.is_used:
        return Cell(f"{name} not used")
    if link.up and link.silent_s is not None:
        return Cell(f"{name} silent {elapsed(link.silent_s)}", "bad")
    if link.up:
        words = f"{name} ok"
        if level < 1 and link.latency_s is not None and link.latency_s > SLOW_LINK_S:
            words += f" {round(link.latency_s * 1000)}ms"
        elif level < 1 and link.detail:
            words += f" {safe(link.detail, 40)}"
        return Cell(words)
    words = f"{name} DOWN"
    if level < 5:
        words += f" {elapsed(now - link.since)}"
    if level < 3 and link.retry_at is not None:
        words += f", {retry_words(link, now)}"
    return Cell(words, "bad")


def banner_line(
    view: HealthView, outbox: OutboxDepth, trouble: str, now: datetime, width: int, *, acts: bool = True
) -> str:
    """One line under the header; empty while all links are up and the last read worked.

    Of its sentences those stand there that fit, the first always; what the header says is not said again.
    """
    if not view.database.up:
        first = f"Database unreachable{_why(view.database)}."
        rest = ["Rows stand as last read."]
        rest += ["You can compose; sending is blocked."] if acts else []
    elif view.stopped:
        first, rest = view.stopped, []
    elif trouble:
        first, rest = trouble, ["Rows stand as last read; reading is tried again."]
    elif not view.broker.up:
        first = f"Broker unreachable{_why(view.broker)}."
        full, short = _waiting(outbox, now)
        rest = [full if cell_len(first) + 1 + cell_len(full) <= width else short] if full else []
        rest += ["You can compose; sending waits."] if acts else []
    else:
        return ""
    line = first if cell_len(first) <= width else fit_text(first, width)
    for sentence in rest:
        if cell_len(line) + 1 + cell_len(sentence) > width:
            break
        line += f" {sentence}"
    return line


def headline_lines(found: Headline | None, width: int, key: str, zone: tzinfo | None = UTC) -> list[Line]:
    """Show the headline, and the key that opens what it is about; nothing while it is not known.

    `key` is empty where keys are typed as text.
    """
    if found is None:
        return []
    if found.is_well or found.outcome is None:
        return [(Cell(fit_text(found.sentence, width).rstrip(), "dim" if found.is_well else "warn"),)]
    shows = Cell(f"   {key} shows" if key else "", "dim")
    room = width - line_width((shows,))
    symbol = Cell(f"{PHASE_SYMBOLS[found.outcome]} ", PHASE_TONES[found.outcome])
    clauses = list(found.clauses(zone))
    while len(clauses) > 1 and cell_len(", ".join(clauses) + found.others) + 1 > room - 2:
        clauses.pop()
    sentence = f"{', '.join(clauses)}{found.others}." if clauses else found.sentence
    return [(symbol, Cell(fit_text(sentence, room - 2).rstrip(), "strong"), shows)]


def _waiting(outbox: OutboxDepth, now: datetime) -> tuple[str, str]:
    """What waits, in full and in short."""
    if not outbox.depth:
        return "", ""
    words = f"{counted(outbox.depth, 'command')} {'waits' if outbox.depth == 1 else 'wait'}"
    old = outbox.oldest_at is not None and (now - outbox.oldest_at).total_seconds() >= 1
    since = f", the oldest for {coarse_age(now - outbox.oldest_at)}" if old and outbox.oldest_at else ""
    due = outbox.next_deadline
    if due is None or due.year >= 9999 or due <= now:
        return f"{words}{since}.", f"{words}."
    ends = f"; the first expires in {countdown(due - now)}."
    return f"{words}{since}{ends}", f"{words}{ends}"


def _why(link: LinkState) -> str:
    words = safe(cause_words(link.cause, link.reason), 160)
    return f": {words[:1].lower()}{words[1:]}" if words else ""


def retry_words(link: LinkState, now: float) -> str:
    """``retry in 3s``, or ``trying now``: also when an attempt takes long."""
    left = (link.retry_at or 0.0) - now
    return f"retry in {elapsed(left)}" if left >= 1 else "trying now"
