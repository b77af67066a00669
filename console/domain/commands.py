"""A command: its limits, its draft, its stored row, and the phase that an operator sees."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import isinf

from console.domain.acks import counts_as_ok
from console.domain.documents import Document
from console.domain.identifiers import id_fault
from console.domain.reasons import NO_REASON, Reason
from console.domain.text.json import has_unstorable_text, json_depth
from console.domain.text.json_size import MOST_BEFORE_POINT, MOST_BEHIND_POINT, stored_size, written
from console.domain.ttl import ttl_fault
from console.limits import DEFAULT_TTL, MAX_JSON_DEPTH, MAX_PAYLOAD_BYTES, MAX_TYPE_LENGTH

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
_SKEW = timedelta(seconds=2)  # other writers use the time of their own clocks

_EXPIRES_BYTES = len("9999-12-31T23:59:59.999999+00:00")
_MOST_TYPED = 6  # an escape of six characters may stand for one byte
_SHOWN_DIGITS = 40
_LARGEST_DOUBLE = "about 1.8e308"


class Status(StrEnum):
    """The stored column: the four words of the table's check constraint."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    MISSED = "missed"
    EXPIRED = "expired"


_UNANSWERED = frozenset({Status.QUEUED, Status.MISSED, Status.EXPIRED})


class Phase(StrEnum):
    """What an operator sees, derived from the row and the console's journal."""

    WAITING = "waiting"
    PUBLISHED = "published"
    IN_PROGRESS = "in progress"
    OK = "ok"
    FAILED = "failed"
    MISSED = "missed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def settled(self) -> bool:
        """Whether no more change is expected (a late ACK aside)."""
        return self not in {*OPEN, Phase.UNKNOWN}


OPEN = (Phase.WAITING, Phase.PUBLISHED, Phase.IN_PROGRESS)  # phases in which an answer can still come


@dataclass(frozen=True, slots=True)
class Command:
    """One row of ``device_commands`` with what the console's own tables know about it.

    All instants are aware UTC datetimes from the database's clock, clamped to the years 1-9999;
    `params_json` and `ack_json` are the database's own JSON text; where it was cut, as in lists, `params` and
    `answer` are not complete. `progress` is the newest progress word, `later` the status word of the newest
    recorded answer besides the one that counts, or if none counts; `in_outbox` is False for a command that
    another program inserted and that the console has not adopted.
    """

    tenant_id: str
    command_id: str
    device_id: str
    command_type: str
    status: str
    created_at: datetime
    expires_at: datetime
    created_by: str | None = None
    published_at: datetime | None = None
    acked_at: datetime | None = None
    ack_status: str | None = None
    params_json: str = "{}"
    ack_json: str | None = None
    cancelled_at: datetime | None = None
    cancelled_by: str | None = None
    attempts: int = 0
    reason: Reason = NO_REASON
    retry_of: str | None = None
    progress: str | None = None
    later: str | None = None
    in_outbox: bool = True
    has_all_params: bool = True
    has_all_of_answer: bool = True

    @property
    def params(self) -> Document:
        return Document(self.params_json, self.has_all_params)

    @property
    def answer(self) -> Document | None:
        return None if self.ack_json is None else Document(self.ack_json, self.has_all_of_answer)

    @property
    def last_error(self) -> str | None:
        """The reason why it is not published yet, in words."""
        return self.reason.sentence or None

    @property
    def phase(self) -> Phase:
        """The phase rule of the contract; a status outside the four is UNKNOWN and shown as stored."""
        if self.is_answered:
            return Phase.OK if counts_as_ok(self.ack_status) else Phase.FAILED
        match self.status:
            case Status.QUEUED if self.published_at is None:
                return Phase.WAITING
            case Status.QUEUED:
                return Phase.PUBLISHED if self.progress is None else Phase.IN_PROGRESS
            case Status.MISSED:
                return Phase.MISSED
            case Status.EXPIRED:
                return Phase.EXPIRED if self.cancelled_at is None else Phase.CANCELLED
            case _:
                return Phase.UNKNOWN

    @property
    def is_answered(self) -> bool:
        """Whether the device answered, whatever status another program has written since."""
        return self.status == Status.DELIVERED or (self.status in _UNANSWERED and self.acked_at is not None)

    @property
    def late(self) -> bool:
        """Whether the device answered after the deadline or after the cancel."""
        if not self.is_answered or self.acked_at is None:
            return False
        return self.acked_at > self.expires_at or (
            self.cancelled_at is not None and self.acked_at > self.cancelled_at
        )

    @property
    def latency(self) -> timedelta | None:
        """Time from publication (or creation, when the publication was only inferred) to the ACK."""
        if self.acked_at is None:
            return None
        start = self.published_at
        if start is None or start >= self.acked_at:
            start = self.created_at
        return max(self.acked_at - start, timedelta(0))

    @property
    def never_expires(self) -> bool:
        return self.expires_at >= NEVER

    @property
    def inconsistencies(self) -> tuple[str, ...]:
        """Return what contradicts the contract in this row, each in a few words."""
        published, acked, status = self.published_at, self.acked_at, self.status
        found = {
            "delivered without the instant of the answer": status == Status.DELIVERED and acked is None,
            f"answered, yet {status}": status in {Status.MISSED, Status.EXPIRED} and acked is not None,
            "missed without a publication": status == Status.MISSED and published is None,
            "expired although it was published": status == Status.EXPIRED and published is not None,
            "published before it was created": bool(published and published < self.created_at - _SKEW),
            "answered before it was published": bool(published and acked and acked < published - _SKEW),
        }
        return tuple(words for words, is_so in found.items() if is_so)


@dataclass(frozen=True, slots=True)
class Draft:
    """A command that is not stored yet. `command_id` is generated before anything is written."""

    command_id: str
    device_id: str
    command_type: str
    params_json: str = "{}"
    ttl: timedelta = DEFAULT_TTL
    created_by: str | None = None
    retry_of: str | None = None
    id_is_given: bool = field(default=False)

    def faults(self, max_payload_bytes: int = MAX_PAYLOAD_BYTES) -> tuple[str, ...]:
        """Return a sentence for each limit of the contract that this draft breaks; empty without any."""
        found: list[str] = []
        for name, value in (("command id", self.command_id), ("device id", self.device_id)):
            fault = id_fault(value)
            if fault:
                found.append(f"The {name} {value[:40]!r} cannot be used: {fault}.")
        found.extend(fault for fault in (type_fault(self.command_type), ttl_fault(self.ttl)) if fault)
        params = params_fault(self.params_json, max_payload_bytes)
        if params:
            found.append(params)
        elif not found and (size := self.payload_bytes) > max_payload_bytes:
            found.append(
                f"The message would have {size:,} bytes with its id, type and deadline, at most "
                f"{max_payload_bytes:,} are allowed: shorten the params."
            )
        return tuple(found)

    @property
    def payload_bytes(self) -> int:
        """Return the largest size of the message to the device, with params as the database writes them."""
        names = '{"command_id":,"type":,"params":,"expires_at":""}'
        texts = (
            json.dumps(text, ensure_ascii=False).encode() for text in (self.command_id, self.command_type)
        )
        return len(names) + sum(map(len, texts)) + stored_size(self.params_json) + _EXPIRES_BYTES


def type_fault(command_type: str) -> str | None:
    """Return why this command type is refused, or None."""
    if not command_type.strip():
        return "The command type is empty: give one, for example reboot."
    if len(command_type) > MAX_TYPE_LENGTH:
        return f"The command type has {len(command_type)} characters, at most {MAX_TYPE_LENGTH} are allowed."
    if command_type != command_type.strip() or not command_type.isprintable():
        return f"The command type {command_type[:40]!r} has outer spaces or control characters."
    return None


def params_fault(text: str, max_bytes: int = MAX_PAYLOAD_BYTES) -> str | None:
    """Return why these params are refused, with line and column of an error in the JSON, or None."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if (
        size > _MOST_TYPED * max_bytes
    ):  # below this, the params are measured as stored: without spaces, escapes and repeated keys
        return f"The params have {size:,} bytes, at most {max_bytes:,} are allowed."
    if json_depth(text) > MAX_JSON_DEPTH:
        return f"The params are nested more than {MAX_JSON_DEPTH} levels deep."
    try:
        value = json.loads(
            text, parse_constant=_refuse_constant, parse_float=_check_number, parse_int=_check_number
        )
    except json.JSONDecodeError as error:
        why = error.msg.removesuffix(" at")  # "Invalid control character at"
        return f"The params are not JSON: {why} at line {error.lineno}, column {error.colno}."
    except ValueError as error:
        return f"The params hold {error}."
    if not isinstance(value, dict):
        return 'The params must be a JSON object, for example {"delay_s": 5}.'
    if has_unstorable_text(text):
        return "The params hold a NUL or half a surrogate pair, which PostgreSQL cannot store."
    stored = stored_size(text)
    if stored > max_bytes:
        longer = f", {stored:,} as the database writes them out" if stored != size else ""
        return f"The params have {size:,} bytes{longer}; at most {max_bytes:,} are allowed."
    return None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name}, which is not JSON: give a number, a string or null")


def _check_number(text: str) -> str:
    number, shown = written(text), text if len(text) <= _SHOWN_DIGITS else f"{text[:_SHOWN_DIGITS]}…"
    if ("." in text or "e" in text.lower()) and isinf(float(text)):
        raise ValueError(
            f"the number {shown}, which is beyond {_LARGEST_DOUBLE}: devices that read numbers in double "
            "precision would get infinity"
        )
    if not number.fits:
        raise ValueError(
            f"the number {shown}, which has more digits than PostgreSQL stores: {MOST_BEFORE_POINT:,} before "
            f"and {MOST_BEHIND_POINT:,} after the decimal point"
        )
    return text
