"""A device's acknowledgement and what became of it."""

import json
from dataclasses import dataclass
from enum import StrEnum

MAX_ACK_BYTES = 65_536


CODE_KEYS = ("code", "reason", "error", "message")


def answer_code(ack_json: str | None) -> str:
    """What an answer gives as its reason: the first text or number under the keys that devices use, or ""."""
    try:
        details = json.loads(ack_json or "null", parse_int=str, parse_float=str)["details"]
        values = [details.get(key) for key in CODE_KEYS]
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return ""
    return next((value for value in values if isinstance(value, str)), "")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What one device said about one command; tenant and device come from the topic.

    `ack_json` is the storable text of ``{"status": …, "details": …}``; `repairs` names what had to be
    changed to make it storable.
    """

    tenant_id: str
    device_id: str
    command_id: str
    ack_json: str
    repairs: tuple[str, ...] = ()


class Outcome(StrEnum):
    """What an acknowledgement did to the command it names."""

    ACKED = "acked"
    LATE = "late"
    LATE_RECORDED = "late recorded"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    FORGED = "forged"
    UNKNOWN = "unknown"
    REFUSED = "refused by the database"


class LateAck(StrEnum):
    """What an ACK after the deadline does: the setting ``late_ack``."""

    ACCEPT = "accept"
    RECORD_ONLY = "record-only"


@dataclass(frozen=True, slots=True)
class RawAck:
    """A message as the broker delivered it, to be acknowledged by `mid` after the commit."""

    topic: bytes
    payload: bytes
    mid: int
    qos: int
    retained: bool = False
