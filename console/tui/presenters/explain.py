"""One evidenced sentence for how a command stands or ended."""

from console.domain.commands import Command, Phase
from console.domain.history import CommandDetail
from console.tui.presenters.times import latency, short


def explain(detail: CommandDetail) -> str:
    """Say why the command is as it is, from what is on record."""
    command = detail.command
    text = _SENTENCES[command.phase](detail)
    if command.late:
        over = command.acked_at - command.expires_at if command.acked_at else None
        if command.cancelled_at is not None:
            text += " It answered although it had been cancelled: the broker already had it."
        elif over is not None:
            text += f" The answer came {short(over)} after the deadline."
    return text


def _waiting(detail: CommandDetail) -> str:
    command = detail.command
    if command.last_error:
        return f"Waits to be published; after {command.attempts} attempts: {command.last_error}."
    return "Waits to be published: no dispatcher has taken it yet, or its turn has not come."


def _published(detail: CommandDetail) -> str:
    command = detail.command
    left = command.expires_at - detail.read_at
    text = "The broker has it; waiting for the device"
    if command.never_expires:
        return f"{text}, without a deadline."
    return f"{text}, {short(left)} left." if left.total_seconds() > 0 else f"{text}; the sweep is due."


def _ok(detail: CommandDetail) -> str:
    return f"The device answered ok after {latency(detail.command.latency)}."


def _failed(detail: CommandDetail) -> str:
    command = detail.command
    return f"The device answered {command.ack_status!r} after {latency(command.latency)}: see its details."


def _missed(detail: CommandDetail) -> str:
    ttl = short(detail.command.expires_at - detail.command.created_at)
    if any(entry.kind == "nobody_listens" for entry in detail.journal):
        return f"The broker took it and said that nobody listens; no answer within its TTL of {ttl}."
    return f"The broker took it; the device did not answer within its TTL of {ttl}."


def _expired(detail: CommandDetail) -> str:
    unsent = [entry.detail for entry in detail.journal if entry.kind == "unsent" and entry.detail]
    why = f" ({unsent[-1]})" if unsent else ""
    return f"No broker confirmed it before the deadline{why}."


def _cancelled(detail: CommandDetail) -> str:
    command = detail.command
    reasons = [entry.detail for entry in detail.journal if entry.kind == "cancelled" and entry.detail]
    why = f": {reasons[0]}" if reasons else ""
    return f"Cancelled by {command.cancelled_by or 'someone'} before it was published{why}."


def _unknown(detail: CommandDetail) -> str:
    return f"The row has the status {detail.command.status!r}, which this console does not know."


_SENTENCES = {
    Phase.WAITING: _waiting,
    Phase.PUBLISHED: _published,
    Phase.OK: _ok,
    Phase.FAILED: _failed,
    Phase.MISSED: _missed,
    Phase.EXPIRED: _expired,
    Phase.CANCELLED: _cancelled,
    Phase.UNKNOWN: _unknown,
}


def inconsistencies(command: Command) -> tuple[str, ...]:
    """What in the row contradicts itself; other writers can do that."""
    found = []
    if command.published_at and command.published_at < command.created_at:
        found.append("published before it was created")
    if command.acked_at and command.published_at and command.acked_at < command.published_at:
        found.append("answered before it was published")
    if command.status == "delivered" and command.acked_at is None:
        found.append("delivered without an answer")
    if command.status == "missed" and command.published_at is None:
        found.append("missed without a publication")
    return tuple(found)
