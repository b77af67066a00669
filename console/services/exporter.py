"""A whole filtered history as CSV, JSON or JSON lines, streamed page by page: memory stays flat."""

import csv
import io
import json
import re
from collections.abc import AsyncIterator, Sequence
from typing import Literal, TypeAlias

from console.domain.commands import Command
from console.services.history import History

Format: TypeAlias = Literal["csv", "json", "jsonl"]
FORMATS: tuple[Format, ...] = ("csv", "json", "jsonl")
_PAGE = 1_000
COLUMNS = (
    "command_id", "tenant_id", "device_id", "type", "phase", "late", "status", "created_at", "created_by",
    "published_at", "acked_at", "latency_s", "expires_at", "ack_status", "params", "ack_details",
)  # fmt: skip
_DOCUMENTS = ("params", "ack_details")
_BEYOND = re.compile(r"[^\x20-\x7e]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export_row(command: Command) -> dict[str, object]:
    """One command, every field by name; params and answer as JSON text, as the database holds it."""
    return {
        "command_id": command.command_id,
        "tenant_id": command.tenant_id,
        "device_id": command.device_id,
        "type": command.command_type,
        "phase": command.phase.value,
        "late": command.late,
        "status": command.status,
        "created_at": command.created_at.isoformat(),
        "created_by": command.created_by,
        "published_at": command.published_at.isoformat() if command.published_at else None,
        "acked_at": command.acked_at.isoformat() if command.acked_at else None,
        "latency_s": command.latency.total_seconds() if command.latency is not None else None,
        "expires_at": None if command.never_expires else command.expires_at.isoformat(),
        "ack_status": command.ack_status,
        "params": command.params_json,
        "ack_details": command.ack_json,
    }


async def exported(
    history: History,
    tenant_id: str,
    form: Format,
    *,
    device_ids: Sequence[str] | None = None,
    text: str = "",
) -> AsyncIterator[tuple[str, int]]:
    """Pieces of the file with how many commands each holds, newest first.

    In CSV a text that a spreadsheet would run as a formula is led by an apostrophe. JSON escapes everything
    that is not ASCII.

    Raises:
        DatabaseUnreachableError: the link broke; what was given so far is no whole file.
    """
    yield _head(form), 0
    before, first = None, True
    while True:
        page = await history.commands(
            tenant_id, device_ids=device_ids, text=text, before=before, limit=_PAGE, whole=True
        )
        piece = _piece(page.commands, form, first=first)
        if piece:
            yield piece, len(page.commands)
        first = first and not page.commands
        before = page.end
        if not page.more or before is None:
            break
    yield "\n]\n" if form == "json" else "", 0


def _head(form: Format) -> str:
    if form == "json":
        return "["
    return _csv([list(COLUMNS)]) if form == "csv" else ""


def _piece(commands: Sequence[Command], form: Format, *, first: bool) -> str:
    rows = [export_row(command) for command in commands]
    if form == "csv":
        return _csv([[_cell(row[name]) for name in COLUMNS] for row in rows])
    texts = [_object(row) for row in rows]
    if form == "jsonl":
        return "".join(f"{text}\n" for text in texts)
    lead = "\n" if first else ",\n"
    return lead + ",\n".join(texts) if texts else ""


def _object(row: dict[str, object]) -> str:
    """A row as one JSON object. Documents go in as they are: through floats their numbers would change."""
    plain = {name: value for name, value in row.items() if name not in _DOCUMENTS}
    documents = [f'"{name}": {_ascii(str(row[name] or "null"))}' for name in _DOCUMENTS]
    return f"{json.dumps(plain, ensure_ascii=True)[:-1]}, {', '.join(documents)}}}"


def _ascii(document: str) -> str:
    """JSON text without any character beyond ASCII; those stand in its strings only."""
    if document.isascii() and document.isprintable():
        return document
    return _BEYOND.sub(lambda match: json.dumps(match.group())[1:-1], document)


def _csv(rows: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def _cell(value: object) -> object:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
