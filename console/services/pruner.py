"""Retention: deletes commands that ended long ago, range by range, while the sweep has nothing to do.

Decided in docs/decisions/0080-retention-by-block-ranges.md
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from console.clock import Clock
from console.domain.retention import Retention

BLOCKS = 64  # of 8 kB: some 2,000 rows at most, which are locked for about 20 ms
REST_S = 0.05  # at least, from one range to the next
_RESTS_PER_RANGE = 3  # as long as the range took: on a busy server it takes a fourth of the time at most
LOOK_EVERY_S = 60.0  # at the setting
_SHORTEST_PERIOD, _LONGEST_PERIOD = timedelta(hours=1), timedelta(days=1)
_log = logging.getLogger("console.retention")


class Range(Protocol):
    """What was deleted from one range of blocks; `next_block` is None at the end of the table."""

    @property
    def pruned(self) -> int: ...
    @property
    def next_block(self) -> int | None: ...
    @property
    def refused(self) -> str | None: ...


class OldCommands(Protocol):
    """What the pruner needs of the database."""

    async def setting(self) -> Retention: ...
    async def prune(self, from_block: int, blocks: int) -> Range: ...


def period(keep: timedelta) -> timedelta:
    """Return the time from one pass to the next: a hundredth of the retention, from an hour to a day."""
    return min(max(keep / 100, _SHORTEST_PERIOD), _LONGEST_PERIOD)


class Pruner:
    """Walks through the table. Where it has come to is known to this process only: another begins anew.

    `is_behind` returns whether the sweep has more to do at once; it goes first. `on_pruned` gets the number
    of commands that each range lost.
    """

    def __init__(
        self,
        old: OldCommands,
        is_behind: Callable[[], bool],
        on_pruned: Callable[[int], None],
        clock: Clock,
        *,
        rest_s: float = REST_S,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._old = old
        self._is_behind = is_behind
        self._on_pruned = on_pruned
        self._clock = clock
        self._rest_s = rest_s
        self._look_every_s = look_every_s

    async def run(self) -> None:
        """Delete until nothing is to be deleted any more, because the owner has changed the setting.

        Raises:
            DatabaseUnreachableError: the link broke; what was deleted stays deleted.
        """
        retention = await self._old.setting()
        while retention.is_on and retention.keep is not None:
            began_at = self._clock.monotonic()
            await self._pass(retention.keep)
            next_at = began_at + period(retention.keep).total_seconds()
            passed = retention
            while retention == passed and self._clock.monotonic() < next_at:
                await asyncio.sleep(self._look_every_s)
                retention = await self._old.setting()

    async def _pass(self, keep: timedelta) -> None:
        """Go through the table once, and log what came of it."""
        began_at = self._clock.monotonic()
        pruned = refusals = 0
        took_s = 0.0
        block: int | None = 0
        while block is not None:
            await asyncio.sleep(max(self._rest_s, _RESTS_PER_RANGE * took_s))
            if self._is_behind():
                continue
            asked_at = self._clock.monotonic()
            done = await self._old.prune(block, BLOCKS)
            took_s = self._clock.monotonic() - asked_at
            block = done.next_block
            pruned += done.pruned
            self._on_pruned(done.pruned)
            if done.refused:
                refusals += 1
                if refusals == 1:
                    _log.warning("the database would not delete old commands: %s", done.refused)
        all_s = self._clock.monotonic() - began_at
        values = {"deleted": pruned, "refusals": refusals, "keep_days": keep.days, "took_s": round(all_s, 3)}
        _log.info(
            "%s commands deleted that ended more than %s days ago", f"{pruned:,}", keep.days,
            extra={"event": "retention", "values": values},
        )  # fmt: skip
