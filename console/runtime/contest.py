"""Whether a process outside of this database uses our session at the broker: the sign of a copy.

A physical copy (a data folder, a snapshot, a base backup) has the identity of its original, so both use one
client id, and the broker passes the session back and forth. Our own processes never do that: the lease
decides which of them has it.

Decided in docs/decisions/0021-copies-of-the-database.md
"""

import asyncio
from collections import deque
from collections.abc import Callable

from console.clock import Clock
from console.errors import CopyError, TakenOverError

WITHIN_S = 60.0
QUIET_S = 6.0  # longer than the original needs to take its session back
_CERTAIN, _LIKELY = 2, 3  # times within a minute before the workers stop
_BRIEF_S = 15.0  # a session that lived longer was not contested
_SIDE_BY_SIDE_S = 1.0
_FIGHT = (
    "Another program keeps taking over this deployment's session at the broker, and no process of this "
    "database has it: a copy of the database is in use beside it. The workers of this process are stopped, "
    "because both would send each command; end the workers of the copy, then start again."
)


class Contest:
    """Counts how often the session was taken away, and stops publications meanwhile.

    `other_link` returns since when another connection of this process to the broker is up, None if it is not:
    if both break, the broker was the reason.
    """

    def __init__(self, clock: Clock, other_link: Callable[[], float | None]) -> None:
        self._clock = clock
        self._other_link = other_link
        self._times: deque[tuple[float, bool]] = deque()
        self._quiet_at = clock.monotonic()
        self._contested, self._ours = asyncio.Event(), asyncio.Event()
        self._ours.set()
        self.is_undecided = False

    async def lost(self, error: TakenOverError, lived_s: float) -> None:
        """Record that the session was closed although the lease is ours; `lived_s`: how long we had it, in s.

        Raises:
            CopyError: that happened repeatedly.
        """
        self._contested.set()
        self._ours.clear()
        if not error.is_certain:
            since = self._other_link()
            await asyncio.sleep(_SIDE_BY_SIDE_S)  # the other connection would break within that time, too
            if lived_s > _BRIEF_S or since is None or self._other_link() != since:
                return
        now = self._clock.monotonic()
        self._times.append((now, error.is_certain))
        while self._times[0][0] < now - WITHIN_S:
            self._times.popleft()
        certain = sum(is_certain for _, is_certain in self._times)
        if certain >= _CERTAIN or len(self._times) >= _LIKELY:
            raise CopyError(_FIGHT)

    def held(self, *, was_silent: bool) -> None:
        """Record that the session is ours. A holder that fell silent may still run, beside a copy: wait."""
        if was_silent or self._times:
            self._quiet_at = self._clock.monotonic() + QUIET_S
        self._contested.clear()
        self._ours.set()
        self.is_undecided = False

    async def until_quiet(self) -> None:
        """Wait until the session is certainly ours."""
        await self._ours.wait()
        while (left_s := self._quiet_at - self._clock.monotonic()) > 0:
            await asyncio.sleep(left_s)
            await self._ours.wait()

    async def until_contested(self) -> None:
        """Wait for the next time that the session is taken away."""
        await self._contested.wait()
