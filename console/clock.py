"""Monotonic seconds for waiting. Instants that decide anything come from the database."""

import time
from typing import Protocol


class Clock(Protocol):
    """Monotonic seconds; a test passes its own."""

    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's monotonic clock."""

    def monotonic(self) -> float:
        return time.monotonic()
