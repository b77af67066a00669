"""Which process deletes old commands: one at a time, by a lease, and none while the owner wants none deleted.

Decided in docs/decisions/0080-retention-by-block-ranges.md
"""

import asyncio
from collections.abc import Callable

from console.clock import Clock
from console.concurrency import first_to_end
from console.runtime.leases import Leases
from console.services.counts import Counts
from console.store.leases import RETENTION
from console.store.pool import Database
from console.store.retention import RetentionStore

LOOK_EVERY_S = 60.0  # at the setting, and at whether another process has the role


async def prune_if_wanted(
    database: Database,
    leases: Leases,
    is_behind: Callable[[], bool],
    counts: Counts,
    clock: Clock,
) -> None:
    """Delete old commands while that is wanted and no other process does it; return after a minute otherwise.

    `is_behind` returns whether the sweep has more to do at once: nothing is deleted meanwhile.

    Raises:
        DatabaseUnreachableError: the link broke.
        LeaseLostError: another process took over.
        CopyError: this database is a copy of the one in which the workers run.
    """
    old = RetentionStore(database)
    if (await old.setting()).is_on:
        from console.services.pruner import Pruner  # most deployments delete nothing

        async with leases.holding(RETENTION) as lease:
            if lease is not None:
                await first_to_end(Pruner(old, is_behind, counts.deleted, clock).run(), lease.until_lost())
    await asyncio.sleep(LOOK_EVERY_S)
