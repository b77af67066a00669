"""One sentence that says why a command stands where it stands, and what stands against touching it."""

from datetime import timedelta

from console.domain.commands import Command, Phase
from console.domain.history import CommandDetail, JournalEntry
from console.domain.safe_text import safe
from console.tui.presenters.times import latency

_ENOUGH = 5  # answers, before the next may be called unusual
_AHEAD = timedelta(seconds=5)  # two transactions may see that much of each other


def explain(detail: CommandDetail) -> str:
    """Why it ended, or what it waits for, and what is wrong with its row."""
    wrong = list(detail.command.inconsistencies)
    if detail.command.created_at > detail.read_at + _AHEAD:
        wrong.append("created in the future")
    return _reason(detail) + (f" ‼ Its row is inconsistent: {'; '.join(wrong)}." if wrong else "")


def _reason(detail: CommandDetail) -> str:
    """Silence of the broker is never told as "never sent"."""
    command = detail.command
    match command.phase:
        case Phase.WAITING:
            return _waiting(detail)
        case Phase.PUBLISHED:
            return _published(detail)
        case Phase.OK:
            if command.acked_at is None:
                return "It counts as answered, but nobody knows when."
            return f"The device answered ok after {latency(command.latency)}{_late(detail)}."
        case Phase.FAILED:
            word = safe(command.ack_status, 60)
            return f"The device answered “{word}” after {latency(command.latency)}{_late(detail)}."
        case Phase.MISSED:
            return _missed(detail)
        case Phase.EXPIRED:
            return _expired(detail)
        case Phase.CANCELLED:
            return _cancelled(detail)
        case _:
            return f"Its stored status “{safe(command.status, 60)}” is none that this console knows."


def retry_reason(command: Command) -> str | None:
    """Why it cannot be retried now, or None."""
    return None if command.phase.settled else f"still {command.phase}: only a settled command is retried"


def cancel_reason(command: Command) -> str | None:
    """Why it cannot be cancelled, or None."""
    if command.phase is Phase.WAITING:
        return None
    return "already published" if command.phase is Phase.PUBLISHED else f"already {command.phase}"


def _waiting(detail: CommandDetail) -> str:
    command = detail.command
    if command.expires_at <= detail.read_at:
        return "Its deadline has passed; the sweep will settle it."
    attempt = _newest(detail, "attempt")
    error = command.last_error or (attempt.detail if attempt else None)
    if error:
        return f"It waits for publication; the last attempt failed: {_clause(error)}."
    return "It is committed and waits for its turn to be published."


def _published(detail: CommandDetail) -> str:
    if _newest(detail, "nobody_listens"):
        return "The broker took it but said that nobody listens on this topic: the device is not subscribed."
    said = "The broker took it; the device has not answered yet."
    published_at, usual = detail.command.published_at, detail.usual
    if usual is None or published_at is None:
        return said
    waited = detail.read_at - published_at
    verdict = ", so this is unusual" if usual.answers >= _ENOUGH and waited > usual.p95 else ""
    return f"{said} It usually answers this within {latency(usual.p95)}{verdict}."


def _missed(detail: CommandDetail) -> str:
    why = "The broker took it, but the device did not answer before the deadline"
    if _newest(detail, "nobody_listens"):
        why += "; the broker said that nobody listened"
    if _newest(detail, "late_ack"):
        why += "; an answer came later and is only on record"
    return f"{why}."


def _expired(detail: CommandDetail) -> str:
    entry = _newest(detail, "unsent") or _newest(detail, "attempt")
    reason = (entry.detail if entry else None) or detail.command.last_error or "no attempt is on record"
    return f"No broker confirmed it before the deadline: {_clause(reason)}."


def _cancelled(detail: CommandDetail) -> str:
    entry = _newest(detail, "cancelled")
    who = detail.command.cancelled_by or (entry.by if entry else None) or "somebody"
    why = f": {_clause(entry.detail)}" if entry and entry.detail else ", without a reason"
    return f"{safe(who, 80)} cancelled it before it was published{why}."


def _late(detail: CommandDetail) -> str:
    command = detail.command
    if not command.late:
        return ""
    if command.cancelled_at is not None:
        return f": late, after {safe(command.cancelled_by, 80) or 'somebody'} had cancelled it"
    return ": late, after the deadline"


def _newest(detail: CommandDetail, kind: str) -> JournalEntry | None:
    return next((entry for entry in reversed(detail.journal) if entry.kind == kind), None)


def _clause(text: str) -> str:
    return safe(text, 300).rstrip(". ")
