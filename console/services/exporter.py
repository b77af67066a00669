"""A whole filtered history as CSV, JSON or JSON lines, streamed page by page: memory stays flat."""

import csv
import io
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

from console.domain.command_json import command_fields, documents_of, json_object
from console.domain.commands import Command
from console.domain.documents import Document
from console.domain.filters.language import EVERY_COMMAND, Filter
from console.services.reads import History

Format: TypeAlias = Literal["csv", "json", "jsonl"]
FORMATS: tuple[Format, ...] = ("csv", "json", "jsonl")
_PAGE = 1_000
_FIELDS = (
    "command_id", "tenant_id", "device_id", "type", "phase", "late", "status", "created_at", "created_by",
    "published_at", "acked_at", "latency_s", "expires_at", "ack_status",
)  # fmt: skip
COLUMNS = (*_FIELDS, "params", "ack_details")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


async def exported(
    history: History,
    tenant_id: str,
    form: Format,
    *,
    device_ids: Sequence[str] | None = None,
    wanted: Filter = EVERY_COMMAND,
) -> AsyncIterator[tuple[str, int]]:
    """Yield the pieces of the file, each with its number of commands, newest first.

    In CSV a text that a spreadsheet would run as a formula gets a leading apostrophe. JSON escapes everything
    that is not ASCII.

    Raises:
        DatabaseUnreachableError: the link broke; what was yielded so far is incomplete.
    """
    yield _head(form), 0
    before, first = None, True
    while True:
        page = await history.commands(
            tenant_id, device_ids=device_ids, wanted=wanted, before=before, limit=_PAGE, whole=True
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
    rows = [(command_fields(command), documents_of(command)) for command in commands]
    if form == "csv":
        return _csv(
            [[_cell(value) for value in (*_chosen(row).values(), *_texts(rest))] for row, rest in rows]
        )
    texts = [json_object(_chosen(row), rest) for row, rest in rows]
    if form == "jsonl":
        return "".join(f"{text}\n" for text in texts)
    lead = "\n" if first else ",\n"
    return lead + ",\n".join(texts) if texts else ""


def _texts(documents: Mapping[str, Document | None]) -> Iterator[str | None]:
    return (None if document is None else document.text for document in documents.values())


def _chosen(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the columns of a file, in order."""
    return {name: fields[name] for name in _FIELDS}


def _csv(rows: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def _cell(value: object) -> object:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
