"""A line in the log once a minute at most: what this process did since the last one, if anything.

Decided in docs/decisions/0074-what-a-worker-logs.md
"""

import asyncio
import logging
from collections.abc import Mapping

from console.services.counts import Counts, Publication

EVERY_S = 60.0
_NOTHING: Mapping[str, int] = dict.fromkeys(
    ("published", "refused", "unconfirmed", "answered", "missed", "expired"), 0
)
_log = logging.getLogger("console.sweeper")


class Summary:
    """Compares the counters with what they were at the last line."""

    def __init__(self, counts: Counts, every_s: float = EVERY_S) -> None:
        self._counts = counts
        self._every_s = every_s
        self._told = _NOTHING

    async def run(self) -> None:
        """Log at intervals, for ever."""
        while True:
            await asyncio.sleep(self._every_s)
            self.tell()

    def tell(self) -> None:
        """Log what happened since the last line, if anything did."""
        now = _totals(self._counts)
        values = {name: now[name] - self._told[name] for name in now}
        self._told = now
        words = ", ".join(f"{count:,} {name}" for name, count in values.items() if count)
        if words:
            _log.info("%s", words, extra={"event": "summary", "values": values})


def _totals(counts: Counts) -> Mapping[str, int]:
    """Return the sums: published as far as the broker confirmed it, answered whatever came of the answer."""
    published = counts.publications
    return {
        "published": published[Publication.ACCEPTED] + published[Publication.NO_SUBSCRIBER],
        "refused": published[Publication.REFUSED],
        "unconfirmed": published[Publication.LOST],
        "answered": counts.answers.total(),
        "missed": counts.missed,
        "expired": counts.expired,
    }
