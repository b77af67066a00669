"""Sentences that explain a command's phase, and why it cannot be cancelled or retried."""

from datetime import timedelta

from console.domain.acks import answer_code, answer_details, answer_word
from console.domain.commands import Command, Phase, Status
from console.domain.history import CommandDetail, JournalEntry
from console.domain.reasons import Outcome
from console.domain.text.durations import age, latency
from console.domain.text.safe import safe

_ENOUGH = 5  # answers that are needed before a later one can be called unusual
_MOST_NOTED = 20  # attempts that the journal keeps
NOT_OURS = (
    "another program wrote it and may be publishing it right now; "
    "try again once this console has taken it over"
)
_TAKEN_OVER = timedelta(seconds=30)  # the console then publishes what another program has not
_AHEAD = timedelta(seconds=5)  # the clocks of two transactions may differ that much


def explain(detail: CommandDetail, broker_down: str = "") -> str:
    """Explain why the command ended, or what it waits for, and what is inconsistent in its row.

    `broker_down` is why the broker cannot be reached now; it is shown for a command that waits for it.
    """
    wrong = list(detail.command.inconsistencies)
    if detail.command.created_at > detail.read_at + _AHEAD:
        wrong.append("created in the future")
    return f"{_reason(detail, broker_down)}{_since(detail)}" + (
        f" ‼ Its row is inconsistent: {'; '.join(wrong)}." if wrong else ""
    )


def _reason(detail: CommandDetail, broker_down: str) -> str:
    """Explain the phase; silence of the broker never counts as "never sent"."""
    command = detail.command
    match command.phase:
        case Phase.WAITING:
            return _waiting(detail, broker_down)
        case Phase.PUBLISHED:
            return _published(detail)
        case Phase.IN_PROGRESS:
            return _in_progress(detail)
        case Phase.OK:
            if command.acked_at is None:
                return "It counts as answered, but the time of the answer is missing."
            word = (
                "ok"
                if command.ack_status in {None, "ok"}
                else f"“{safe(command.ack_status, 60)}”, which counts as ok,"
            )
            return f"The device answered {word} after {latency(command.latency)}{_late(detail)}."
        case Phase.FAILED:
            word = f"“{safe(command.ack_status, 60)}”{_code(command.ack_json)}"
            return f"The device answered {word} after {latency(command.latency)}{_late(detail)}."
        case Phase.MISSED:
            return _missed(detail)
        case Phase.EXPIRED:
            return _expired(detail)
        case Phase.CANCELLED:
            return _cancelled(detail)
        case _:
            return f"Its stored status “{safe(command.status, 60)}” is unknown to this console."


def retry_reason(command: Command) -> str | None:
    """Return why the command cannot be retried now, or None."""
    return None if command.phase.settled else f"still {command.phase}: only an ended command can be retried"


def cancel_reason(command: Command) -> str | None:
    """Return why the command cannot be cancelled, or None."""
    if command.phase is Phase.WAITING:
        return None
    if command.phase in {Phase.PUBLISHED, Phase.IN_PROGRESS}:
        return "already published"
    return f"already {command.phase}"


def unknown_outcome(detail: CommandDetail) -> str:
    """Explain in a clause why the device may have an unpublished command; empty if all outcomes are known."""
    command = detail.command
    tried = [entry.reason.outcome for entry in detail.journal if entry.kind == "attempt"]
    if Outcome.UNKNOWN in (*tried, command.reason.outcome):
        return "the broker did not answer one attempt"
    if len(tried) < min(command.attempts, _MOST_NOTED):
        return "an attempt is under way, or ended without a record"
    return ""


def _waiting(detail: CommandDetail, broker_down: str) -> str:
    command = detail.command
    if command.expires_at <= detail.read_at:
        return "Its deadline has passed; the sweep will end it."
    if broker_down:
        return f"It waits for the broker, which cannot be reached: {_clause(broker_down)}."
    if not command.in_outbox and detail.read_at - command.created_at < _TAKEN_OVER:
        return (
            "Another program wrote it and may be publishing it right now; if it does not, this console takes "
            "it over after CONSOLE_ADOPT_AFTER_S (30 s by default), earlier if its TTL is short."
        )
    attempt = _newest(detail, "attempt")
    reason = command.reason if command.last_error or attempt is None else attempt.reason
    if reason.is_unknown_outcome:
        why = _clause(reason.words)
        return f"It waits to be published again: the outcome of the last attempt is unknown ({why})."
    unsure = unknown_outcome(detail)
    if detail.held_up.sentence:
        held_up = _clause(detail.held_up.sentence)
        return f"It waits to be published: {held_up}{f'; {unsure}' if unsure else ''}."
    if reason.sentence:
        failed = "" if reason.blocked_by else "the last attempt failed: "
        return f"It waits for publication; {failed}{_clause(reason.sentence)}."
    if unsure:
        return f"It waits to be published; {unsure}."
    return "It is committed and waits for its turn to be published."


def _published(detail: CommandDetail) -> str:
    if _newest(detail, "nobody_listens"):
        return "The broker took it and reported no subscriber: the device is not subscribed."
    message = "The broker took it; the device has not answered yet."
    published_at, usual = detail.command.published_at, detail.usual
    if usual is None or published_at is None:
        return f"{message}{_silent(detail)}"
    waited = detail.read_at - published_at
    verdict = ", so this is unusual" if usual.answers >= _ENOUGH and waited > usual.p95 else ""
    return f"{message}{_silent(detail)} It usually answers this within {latency(usual.p95)}{verdict}."


def _in_progress(detail: CommandDetail) -> str:
    entry = _newest(detail, "progress")
    word = quoted_answer(entry.detail if entry else detail.command.progress)
    when = f" {age(detail.read_at - entry.at)} ago" if entry else ""
    if detail.command.expires_at <= detail.read_at:
        return f"The device reported {word}{when} but no final answer before the deadline; the sweep ends it."
    usual = f" It usually answers this within {latency(detail.usual.p95)}." if detail.usual else ""
    now = f"The device is working on it: it reported {word}{when} and has not given its final answer yet."
    return f"{now}{usual}"


def quoted_answer(answer_json: str | None) -> str:
    """Quote an answer: its status word, and its details if there are any."""
    word = answer_word(answer_json)
    details = answer_details(answer_json)
    return f"“{safe(answer_json if word is None else word, 60)}”" + (
        f" {safe(details, 120)}" if details else ""
    )


def _since(detail: CommandDetail) -> str:
    """Describe what came after the answer: answers that differ, and what another program overwrote."""
    command, before = detail.command, ""
    if command.is_answered and command.status == Status.QUEUED:
        before = " Another program set it back to queued after the answer; the answer counts."
    conflicts = [entry for entry in detail.journal if entry.kind == "conflict"]
    if not conflicts:
        return before
    newest = conflicts[-1]
    times = f", the newest of {len(conflicts)}" if len(conflicts) > 1 else ""
    when = age(newest.at - command.acked_at) if command.acked_at else "some time"
    differs = f"A later answer differs: {quoted_answer(newest.detail)}, {when} after the first{times}"
    return f"{before} {differs}; the first counts."


def _silent(detail: CommandDetail) -> str:
    """Return when the device was last seen, as a sentence, if that was before the publication."""
    seen, published = detail.device_seen_at, detail.command.published_at
    if published is None or (seen is not None and seen >= published):
        return ""
    if seen is None:
        return " It was never seen."
    return f" It was last seen {age(detail.read_at - seen)} ago, before the publication."


def _seen(detail: CommandDetail) -> str:
    """Describe whether the device was seen while it did not answer, as far as is known now."""
    seen, command = detail.device_seen_at, detail.command
    if seen is None:
        return "; it was never seen"
    if command.published_at is not None and seen < command.published_at:
        return f"; it was last seen {age(command.published_at - seen)} before the publication"
    if seen > command.expires_at:
        return "; it was seen after the deadline, so it was offline or busy until then"
    return "; it was seen in the meantime, so it did not get the command or did not answer"


def _code(ack_json: str | None) -> str:
    code = answer_code(ack_json)
    return f" ({safe(code, 80)})" if code else ""


def _missed(detail: CommandDetail) -> str:
    command, entry = detail.command, _newest(detail, "progress")
    if entry is not None:
        at = age(entry.at - command.published_at) if command.published_at else "some time"
        after = ", which was after the deadline" if entry.at > command.expires_at else ""
        why = (
            "The device began it but gave no final answer before the deadline: its last progress report "
            f"was {quoted_answer(entry.detail)}, {at} after the publication{after}"
        )
        return f"{why}{_late_record(detail)}."
    why = "The broker took it, but the device did not answer before the deadline"
    if _newest(detail, "nobody_listens"):
        why += "; the broker reported no subscriber"
    return f"{why}{_late_record(detail)}{_seen(detail)}."


def _late_record(detail: CommandDetail) -> str:
    entry = _newest(detail, "late_ack")
    return f"; an answer came later and is only recorded: {quoted_answer(entry.detail)}" if entry else ""


def _has_it(detail: CommandDetail) -> str:
    """Quote what the device reported about a command that no broker confirmed."""
    entry = _newest(detail, "progress")
    reported = f" But the device has it: it reported {quoted_answer(entry.detail)}." if entry else ""
    late = _newest(detail, "late_ack")
    answered = (
        f" It answered {quoted_answer(late.detail)} afterwards, which is only recorded." if late else ""
    )
    return f"{reported}{answered}"


def _expired(detail: CommandDetail) -> str:
    entry = _newest(detail, "unsent") or _newest(detail, "attempt")
    reason = (entry.words if entry else None) or detail.command.last_error or "no attempt is on record"
    return f"No broker confirmed it before the deadline: {_clause(reason)}.{_has_it(detail)}"


def _cancelled(detail: CommandDetail) -> str:
    entry = _newest(detail, "cancelled")
    who = detail.command.cancelled_by or (entry.by if entry else None) or "somebody"
    why = f": {_clause(entry.detail)}" if entry and entry.detail else ", without a reason"
    unsure = unknown_outcome(detail)
    when = "before it was published"
    if unsure:
        when = f"before the broker confirmed it; {unsure}, so the device may have it"
    return f"{safe(who, 80)} cancelled it {when}{why}.{_has_it(detail)}"


def _late(detail: CommandDetail) -> str:
    command = detail.command
    if not command.late:
        return ""
    if command.cancelled_at is not None:
        return f": late, after {safe(command.cancelled_by, 80) or 'somebody'} had cancelled it"
    if detail.unread is not None:
        return f": late, after the deadline; no worker was reading answers for {age(detail.unread)}"
    return ": late, after the deadline"


def _newest(detail: CommandDetail, kind: str) -> JournalEntry | None:
    return next((entry for entry in reversed(detail.journal) if entry.kind == kind), None)


def _clause(text: str) -> str:
    return safe(text, 300).rstrip(". ")
