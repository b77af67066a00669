"""One command in full: timeline, answer, params, explanation, as styled parts."""

import json

from console.domain.commands import Command
from console.domain.history import CommandDetail
from console.domain.safe_text import safe, safe_block
from console.tui.presenters.explain import explain, inconsistencies
from console.tui.presenters.symbols import phase_cell
from console.tui.presenters.times import clock, gap, short

Part = tuple[str, str]
_JOURNAL = {
    "attempt": "attempt",
    "nobody_listens": "broker: nobody listens",
    "late_ack": "late answer, only recorded",
    "retry_of": "retry of",
    "unsent": "not confirmed",
    "adopted": "adopted",
    "cancelled": "cancelled",
}


def detail_parts(detail: CommandDetail) -> list[Part]:
    """Everything about one command, top to bottom."""
    command = detail.command
    text, style = phase_cell(command.phase, late=command.late)
    parts: list[Part] = [
        (f"{safe(command.command_type, 100)}  ", "bold"), (text, style), ("\n", ""),
        (f"{safe(command.device_id, 128)}\n{safe(command.command_id, 128)}\n\n", "dim"),
        (f"{explain(detail)}\n", "accent"),
    ]  # fmt: skip
    parts += [(f"inconsistent: {fault}\n", "warn") for fault in inconsistencies(command)]
    parts.append(("\n", ""))
    parts += _timeline(detail)
    parts += [("\nparams\n", "dim"), (pretty(command.params_json) + "\n", "")]
    if command.ack_json is not None:
        parts += [("\nanswer\n", "dim"), (pretty(command.ack_json) + "\n", "")]
    return parts


def _timeline(detail: CommandDetail) -> list[Part]:
    command = detail.command
    steps = [(command.created_at, f"created by {safe(command.created_by or 'unknown', 64)}", "")]
    if command.published_at:
        steps.append((command.published_at, _published(command), "accent"))
    if command.acked_at:
        text, style = phase_cell(command.phase, late=command.late)
        steps.append((command.acked_at, f"answered {text.split(' ', 1)[1]}", style))
    for entry in detail.journal:
        label = _JOURNAL.get(entry.kind, safe(entry.kind, 32))
        by = f" by {safe(entry.by, 64)}" if entry.by else ""
        text = f" {safe(entry.detail, 300)}" if entry.detail else ""
        steps.append((entry.at, f"{label}{by}{text}", "dim"))
    if not command.never_expires:
        ended = command.expires_at <= detail.read_at
        steps.append((command.expires_at, "deadline" if ended else "deadline (still to come)", "dim"))
    steps.sort(key=lambda step: step[0])
    parts: list[Part] = []
    before = None
    for at, text, style in steps:
        since = gap(at - before) if before is not None else ""
        parts += [(f"{clock(at)}  ", "dim"), (f"{since:>10}  ", "dim"), (f"{text}\n", style)]
        before = at
    if not command.phase.settled and not command.never_expires:
        left = command.expires_at - detail.read_at
        parts.append((f"{short(left)} left\n", "warn" if left.total_seconds() < 10 else ""))
    return parts


def _published(command: Command) -> str:
    return "published (inferred from the answer)" if command.published_at == command.acked_at else "published"


def pretty(text: str) -> str:
    """JSON with line breaks; text that is no JSON, or was cut, as it stands. Always safe."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return safe_block(text)
    return safe_block(json.dumps(document, indent=2, ensure_ascii=False))
