"""Two commands beside each other: what was sent and what came of it, with what differs.

Decided in docs/decisions/0093-a-strip-and-a-comparison.md
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from console.domain.commands import Command
from console.domain.documents import Document
from console.domain.identifiers import name_shown
from console.domain.phases import phase_words
from console.domain.text.durations import latency
from console.domain.text.safe import safe, safe_id
from console.domain.ttl import ttl_text

NONE = "–"
_DEEPEST = 4  # levels of a document that are compared key by key
_LONGEST = 400  # characters of a value
_APART = 2.0  # times as long: below that an answer time differs by chance


@dataclass(frozen=True, slots=True)
class Pair:
    """One fact of both commands: `section` is what it belongs to, `differs` whether that is worth a mark."""

    section: str
    key: str
    left: str
    right: str
    differs: bool


class _Number(str):
    """A number as its digits were written, so that none is lost."""

    __slots__ = ()


def comparison(left: Command, right: Command) -> tuple[Pair, ...]:
    """Return every fact of both commands, in the order in which they are read."""
    return (
        _pair("type", left.command_type, right.command_type),
        _pair("device", safe_id(left.device_id), safe_id(right.device_id), clean=True),
        _pair("phase", phase_words(left), phase_words(right), clean=True),
        *_documents("params", left.params, right.params),
        *_documents("answer", left.answer, right.answer),
        _answered(left, right),
        _pair("sent by", name_shown(left.created_by) or NONE, name_shown(right.created_by) or NONE),
        _pair("ttl", _ttl(left), _ttl(right)),
        _pair("attempts", f"{left.attempts:,}", f"{right.attempts:,}"),
    )


def _pair(section: str, left: str, right: str, *, clean: bool = False) -> Pair:
    shown = (left, right) if clean else (safe(left, _LONGEST), safe(right, _LONGEST))
    return Pair(section, "", *shown, left != right)


def _answered(left: Command, right: Command) -> Pair:
    took = [command.latency for command in (left, right)]
    known = [span.total_seconds() for span in took if span is not None]
    apart = len(known) == 1 or (len(known) == 2 and max(known) > _APART * max(min(known), 0.01))
    return Pair("answered", "", latency(took[0]), latency(took[1]), apart)


def _ttl(command: Command) -> str:
    return "none" if command.never_expires else ttl_text(_rounded(command.expires_at - command.created_at))


def _rounded(span: timedelta) -> timedelta:
    """Return whole seconds: the two instants are of two statements."""
    return timedelta(seconds=round(span.total_seconds()))


def _documents(section: str, left: Document | None, right: Document | None) -> tuple[Pair, ...]:
    """Compare two documents key by key; as text, where one of them is cut or is not JSON."""
    mine, other = _leaves(left), _leaves(right)
    if mine is None or other is None:
        texts = ("" if document is None else document.text for document in (left, right))
        return (_pair(section, *texts),)
    keys = tuple(dict.fromkeys((*mine, *other)))
    if not keys:
        return (Pair(section, "", NONE, NONE, differs=False),)
    both = ((key, mine.get(key), other.get(key)) for key in keys)
    return tuple(
        Pair(section, safe(_named(key, keys), 100), _shown(value), _shown(another), value != another)
        for key, value, another in both
    )


def _named(key: str, keys: tuple[str, ...]) -> str:
    """Leave out that a key stands in an answer's details, which is where nearly all of it stands."""
    short = key.removeprefix("details.")
    return key if short in keys else short


def _shown(value: str | None) -> str:
    return NONE if value is None else safe(value, _LONGEST)


def _leaves(document: Document | None) -> Mapping[str, str] | None:
    """Return the values of a document by the path of their keys; None where that cannot be told."""
    if document is None:
        return {}
    if not document.complete:
        return None
    found: dict[str, str] = {}
    try:
        _walk("", json.loads(document.text, parse_int=_Number, parse_float=_Number), 0, found)
    except (ValueError, RecursionError):
        return None
    return found


def _walk(path: str, value: object, depth: int, found: dict[str, str]) -> None:
    if isinstance(value, dict) and (value or not path) and depth < _DEEPEST:
        for key, entry in value.items():
            _walk(f"{path}.{key}" if path else key, entry, depth + 1, found)
    else:
        found[path or "value"] = _text(value)


def _text(value: object) -> str:
    """Write a value so that a text is never taken for a number: ``5`` and ``"5"`` differ."""
    if isinstance(value, str) and not isinstance(value, _Number):
        return json.dumps(value, ensure_ascii=False) if _reads_as_json(value) else value
    return _json(value)


def _json(value: object) -> str:
    """Write a value as JSON, its numbers as they were written."""
    match value:
        case _Number():
            return str(value)
        case list():
            return f"[{', '.join(map(_json, value))}]"
        case dict():
            entries = (
                f"{json.dumps(key, ensure_ascii=False)}: {_json(entry)}" for key, entry in value.items()
            )
            return f"{{{', '.join(entries)}}}"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _reads_as_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return not text.strip()
    return True
