"""What every screen works with: the program, the shown tenant, the database's time, drafts in memory."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from console.clock import Clock
from console.domain.dispatch import OutboxView
from console.runtime.program import Program


@dataclass(slots=True)
class KeptDraft:
    """What was typed and not sent."""

    command_type: str = ""
    params: str = "{}"
    ttl: str = "1h"


@dataclass(slots=True)
class Desk:
    """Shared by the screens of one app."""

    program: Program
    clock: Clock
    tenant_id: str
    outbox: OutboxView | None = None
    utc: bool = True
    drafts: dict[str, KeptDraft] = field(default_factory=dict)
    _at: datetime | None = None
    _at_monotonic: float = 0.0

    def set_time(self, at: datetime) -> None:
        """Remember the database's time of a reading: every age and countdown goes by it."""
        self._at, self._at_monotonic = at, self.clock.monotonic()

    def now(self) -> datetime:
        """The database's time now; the machine's own until the first reading."""
        if self._at is None:
            return datetime.now(UTC)
        return self._at + timedelta(seconds=self.clock.monotonic() - self._at_monotonic)

    @property
    def draft(self) -> KeptDraft:
        return self.drafts.setdefault(self.tenant_id, KeptDraft())
