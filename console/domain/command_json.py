"""A command as JSON: the same in the output of the shell, in copies from the screen and in exports.

params and the answer are inserted as the database stores them: as floats, their numbers could change.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from console.domain.commands import Command
from console.domain.documents import Document
from console.domain.explain import explain
from console.domain.history import CommandDetail
from console.domain.text.json import json_depth

MOST_DEPTH = 200  # deeper JSON goes in as text: common parsers refuse it or crash
_BEYOND = re.compile(r"[^\x20-\x7e]")


def instant(at: datetime | None) -> str | None:
    """Return the instant in ISO 8601, in UTC."""
    return None if at is None else at.astimezone(UTC).isoformat()


def command_fields(command: Command) -> dict[str, object]:
    """Return every field of a command except its documents, with the phase and the late flag."""
    return {
        "command_id": command.command_id,
        "tenant_id": command.tenant_id,
        "device_id": command.device_id,
        "type": command.command_type,
        "phase": command.phase.value,
        "late": command.late,
        "status": command.status,
        "created_at": instant(command.created_at),
        "created_by": command.created_by,
        "published_at": instant(command.published_at),
        "acked_at": instant(command.acked_at),
        "latency_s": command.latency.total_seconds() if command.latency is not None else None,
        "expires_at": None if command.never_expires else instant(command.expires_at),
        "ack_status": command.ack_status,
        "progress": command.progress,
        "later_answer": command.later,
        "cancelled_at": instant(command.cancelled_at),
        "cancelled_by": command.cancelled_by,
        "attempts": command.attempts,
        "last_error": command.last_error,
        "outcome": command.reason.outcome,
        "blocked_by": command.reason.blocked_by,
        "inconsistent": list(command.inconsistencies),
    }


def detail_json(detail: CommandDetail) -> str:
    """Return a command as one line of ASCII, with its documents, its journal and its explanation."""
    more = {
        "answer_verdict": detail.answer_verdict,
        "explained": explain(detail),
        "journal": [
            {
                "at": instant(entry.at),
                "kind": entry.kind,
                "by": entry.by,
                "detail": entry.words,
                "attempt": entry.attempt,
                "outcome": entry.reason.outcome,
                "blocked_by": entry.reason.blocked_by,
            }
            for entry in detail.journal
        ],
    }
    return json_object(command_fields(detail.command) | more, documents_of(detail.command))


def documents_of(command: Command) -> dict[str, Document | None]:
    """Return the command's JSON columns as the database stores them."""
    return {"params": command.params, "ack_details": command.answer}


def json_object(fields: Mapping[str, object], documents: Mapping[str, Document | None]) -> str:
    """Build one JSON object from fields and from texts that are JSON already; escape everything but ASCII."""
    parts = [json.dumps(fields, ensure_ascii=True)[1:-1]]
    parts += [f'"{name}": {_embedded(found.as_json if found else "")}' for name, found in documents.items()]
    return f"{{{', '.join(part for part in parts if part)}}}"


def _embedded(text: str) -> str:
    """Return the document with everything but ASCII escaped, which can only occur in its strings."""
    if not text:
        return "null"
    if json_depth(text) > MOST_DEPTH:
        return json.dumps(text, ensure_ascii=True)
    if text.isascii() and text.isprintable():
        return text
    return _BEYOND.sub(lambda match: json.dumps(match.group())[1:-1], text)
