"""Seconds for waiting. Instants that matter for a decision come from the database."""

import time
from typing import Protocol

# time.monotonic stands still while a Linux machine sleeps: a lease or a TTL would seem younger than it is.
_COUNTS_SLEEP: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


class Clock(Protocol):
    """Monotonic seconds; a test passes its own."""

    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's monotonic clock; it runs while the machine sleeps, if the system has such a clock."""

    def monotonic(self) -> float:
        return time.monotonic() if _COUNTS_SLEEP is None else time.clock_gettime(_COUNTS_SLEEP)
