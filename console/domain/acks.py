"""A device's acknowledgement and what became of it.

Decided in docs/decisions/0030-progress-and-what-counts-as-answered.md
"""

import json
import re
from dataclasses import dataclass
from enum import StrEnum

OK_WORDS = frozenset({"ok", "success", "succeeded", "done", "completed"})  # as command_rows.sql has them
END_WORDS = OK_WORDS | {"error", "failed"}  # these are never progress words
PROGRESS_WORDS = frozenset(
    {
        "accepted", "received", "acknowledged", "queued", "pending", "scheduled", "started", "running",
        "processing", "executing", "in_progress", "downloading", "installing",
    }
)  # fmt: skip
_STATUS = re.compile(r'\s*\{\s*"status"\s*:\s*("(?:[^"\\]|\\.)*")')
_DETAILS = re.compile(r'\s*,\s*"details"\s*:\s*(.*)\}\s*', re.DOTALL)
CODE_KEYS = ("code", "reason", "error", "message")


def answer_code(ack_json: str | None) -> str:
    """Return the reason in an answer: the first text or number under the keys that devices use, or ""."""
    try:
        details = json.loads(ack_json or "null", parse_int=str, parse_float=str)["details"]
        values = [details.get(key) for key in CODE_KEYS]
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return ""
    return next((value for value in values if isinstance(value, str)), "")


def counts_as_ok(status: str | None) -> bool:
    """Return whether an answer with this status ends its command well, as one without a status does."""
    return status is None or status in OK_WORDS


def folded_word(word: str) -> str:
    """Fold a status for comparison with progress words: any case, ``-`` and space like ``_``."""
    return re.sub(r"[-\s]+", "_", word.strip()).lower()


def progress_words(changes: str) -> frozenset[str]:
    """Return the progress words after changes like ``+flashing,-queued``.

    Raises:
        ValueError: a change has no sign or no word, or its word is one that ends a command.
    """
    words = set(PROGRESS_WORDS)
    for change in filter(None, (part.strip() for part in changes.split(","))):
        sign, word = change[0], folded_word(change[1:])
        if sign not in "+-" or not word:
            raise ValueError("write it as +flashing,-queued")
        if word in END_WORDS:
            raise ValueError(f"{word} ends a command, so it cannot be a progress word")
        (words.add if sign == "+" else words.discard)(word)
    return frozenset(words)


def answer_word(ack_json: str | None) -> str | None:
    """Return the status of a stored answer, even if the text was cut after it; None if it has none."""
    match = _STATUS.match(ack_json or "")
    try:
        return None if match is None else str(json.loads(match[1], strict=False))
    except ValueError:
        return None


def answer_details(ack_json: str | None) -> str:
    """Return the details of an answer as JSON text; empty when there are none."""
    match = _STATUS.match(ack_json or "")
    rest = _DETAILS.match(ack_json or "", match.end()) if match else None
    details = rest[1].strip() if rest else ""
    return "" if details == "null" else details


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The answer of one device to one command; tenant and device come from the topic.

    `ack_json` is the storable text of ``{"status": …, "details": …}``; `repairs` names what had to be
    changed to make it storable; `is_progress` is true when its word does not end the command.
    """

    tenant_id: str
    device_id: str
    command_id: str
    ack_json: str
    repairs: tuple[str, ...] = ()
    is_progress: bool = False


class Outcome(StrEnum):
    """What an acknowledgement did to the command it names."""

    ACKED = "acked"
    LATE = "late"
    LATE_RECORDED = "late recorded"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    FORGED = "forged"
    UNKNOWN = "unknown"
    PROGRESS = "progress"
    LATE_PROGRESS = "late progress"
    PROGRESS_AFTER_END = "progress after the end"
    KEPT = "kept until its command is free"
    REFUSED = "refused by the database"


class LateAck(StrEnum):
    """How an ACK after the deadline is treated: the setting ``late_ack``."""

    ACCEPT = "accept"
    RECORD_ONLY = "record-only"


@dataclass(frozen=True, slots=True)
class RawAck:
    """A message as the broker delivered it, to be acknowledged by `mid` after the commit.

    `correlation` is its Correlation Data, cut to the length that an id of ours can have; None without any.
    """

    topic: bytes
    payload: bytes
    mid: int
    qos: int
    retained: bool = False
    correlation: bytes | None = None
