"""A device as the target of a send: what forbids it, and what an operator should know first."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Recipient:
    """One device of a send with its data from the registry and the platform's state."""

    device_id: str
    registered: bool
    registry_status: str
    decommissioned: bool
    link: str
    tenant_status: str

    @property
    def fault(self) -> str | None:
        """A sentence on why nothing may be sent to it, or None."""
        if not self.tenant_status:
            return "The tenant does not exist: check --tenant or CONSOLE_TENANT."
        if self.tenant_status != "ACTIVE":
            return f"The tenant is {self.tenant_status}: commands are only sent for an active one."
        if not self.registered:
            return f"The device {self.device_id!r} is not registered: look with `device-console devices`."
        if self.decommissioned:
            return f"The device {self.device_id!r} is decommissioned: it accepts no more commands."
        return None

    @property
    def held(self) -> bool:
        """Whether it is out of service according to the registry."""
        return self.registry_status in {"INACTIVE", "SUSPENDED"}

    @property
    def warning(self) -> str | None:
        """A sentence on why a command may be sent but is unlikely to arrive, or None."""
        if self.held:
            return f"{self.device_id} is {self.registry_status} in the registry."
        if self.link in {"offline", "stale"}:
            return f"{self.device_id} is {self.link}."
        return None


@dataclass(frozen=True, slots=True)
class Target(Recipient):
    """A recipient before the send, with what the operator sees of it."""

    last_seen_at: datetime | None
    in_flight: int


@dataclass(frozen=True, slots=True)
class Inserted:
    """What became of drafts: their recipients, in the same order, and the ids that became rows.

    Nothing became a row if one of the recipients has a fault.
    """

    recipients: tuple[Recipient, ...]
    written: frozenset[str]
