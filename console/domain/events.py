"""Events: hints that a tenant's rows changed, and problems that an operator should see."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Changed:
    """A hint that something of this tenant changed: read it again. Rows are the truth, hints may be lost."""

    tenant_id: str


class ProblemKind(StrEnum):
    """The kind of a problem."""

    MALFORMED_ACK = "malformed ack"
    REPAIRED_ACK = "repaired ack"
    UNKNOWN_ACK = "unknown ack"
    FORGED_ACK = "forged ack"
    CONFLICTING_ACK = "conflicting ack"
    LATE_ACK = "late ack"
    DUPLICATE_ACK = "duplicate ack"
    LATE_PROGRESS = "late progress"
    ODD_ACK = "odd ack"
    UNKNOWN_TENANT = "unknown tenant"
    REFUSED_PUBLISH = "refused publish"
    UNROUTABLE = "unroutable"
    LINK = "link"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something an operator should see, counted while it repeats. Bounded in size and rate.

    `device_id` and `command_id` are unverified claims, so they may be anything. `reason` is from a small
    fixed set of words: it distinguishes problems without a command.
    """

    tenant_id: str
    kind: ProblemKind
    device_id: str
    command_id: str
    detail: str
    count: int = 1
    first_at: datetime | None = None
    last_at: datetime | None = None
    reason: str = ""

    @property
    def key(self) -> str:
        """The command's part of the row's key: its id, or the reason after a slash, which no id contains."""
        return self.command_id or (f"/{self.reason}" if self.reason else "")
