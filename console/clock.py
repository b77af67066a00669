"""Seconds for waiting. Instants that decide anything come from the database."""

import time
from typing import Protocol

# time.monotonic stands still while a Linux machine sleeps: a lease or a TTL would seem younger than it is.
_COUNTS_SLEEP: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


class Clock(Protocol):
    """Monotonic seconds; a test passes its own."""

    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's monotonic clock; it goes on while the machine sleeps, where the system has such a one."""

    def monotonic(self) -> float:
        return time.monotonic() if _COUNTS_SLEEP is None else time.clock_gettime(_COUNTS_SLEEP)
