"""Retrying what a server did not answer: one mechanism, and its parameters for each use.

The waits double up to a limit, with jitter, so that many processes do not retry at the same instant.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from console.errors import DatabaseUnreachableError

T = TypeVar("T")
_MOST_DOUBLINGS = 10


@dataclass(frozen=True, slots=True)
class Retry:
    """How an operation is retried: `attempts` in all, without limit if that is None."""

    first_s: float
    longest_s: float
    attempts: int | None = None

    def delay_s(self, failures: int) -> float:
        """Return the seconds to wait after so many consecutive failures, counted from 0."""
        longest = min(self.longest_s, self.first_s * 2.0 ** min(failures, _MOST_DOUBLINGS))
        return float(random.uniform(longest / 2, longest))  # noqa: S311 - jitter

    async def run(
        self, act: Callable[[], Awaitable[T]], *, gives_up: Callable[[Exception], bool] = lambda _: False
    ) -> T:
        """Run the operation until the database answers.

        Raises:
            DatabaseUnreachableError: the attempts are used up, or `gives_up` returns True.
        """
        failures = 0
        while True:
            try:
                return await act()
            except DatabaseUnreachableError as error:
                failures += 1
                if failures == self.attempts or gives_up(error):
                    raise
            await asyncio.sleep(self.delay_s(failures - 1))


LINKS = Retry(0.2, 5.0)  # the links and workers, and a worker that starts before its database
DEVICE_LINKS = Retry(0.2, 10.0)  # of simulated devices, which must not crowd a broker
ANSWERS = Retry(0.5, 0.5)  # without limit: the broker keeps the rest meanwhile
MARKS = Retry(0.2, 0.2)  # while the lease of what was published lasts
PIECES = Retry(0.5, 2.0, attempts=4)  # of a bulk send: an operator waits for it, and may resume it later
ATTEMPTS = Retry(1.0, 60.0)  # to publish what the broker refused, or what the link did not survive alone
COMMITS = Retry(0.0, 0.0, attempts=3)  # of one command: a pooled connection may have died, the next may live
