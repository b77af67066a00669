"""Creates a large history for tests of scale: millions of settled commands, generated inside the database."""

from collections.abc import Callable

from console.demo.sql import query
from console.store.pool import Database

BATCH = 50_000


async def seed_history(
    database: Database,
    tenant_id: str,
    *,
    devices: int,
    commands: int,
    days: int = 90,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Register devices and add settled commands spread evenly over the last `days` days; return how many.

    `database` must be open as its owner. A second run continues where an interrupted one stopped, and adds
    nothing to a finished one.

    Args:
        database: where the history is written.
        tenant_id: created if it does not exist.
        devices: at least one.
        commands: the number of rows in the finished history.
        days: its length.
        progress: called after each batch with how many rows are done and how many are wanted.
    """
    async with database.login_session() as connection:
        await connection.execute(query("tenant"), tenant_id, "Scale trial")
        await connection.execute(query("scale_devices"), tenant_id, devices)
    added = 0
    for first in range(0, commands, BATCH):
        last = min(first + BATCH, commands)
        async with database.login_session() as connection:
            added += await connection.fetchval(
                query("scale_commands"), tenant_id, first, last - 1, devices, commands, days
            )
        if progress is not None:
            progress(last, commands)
    async with database.login_session() as connection:
        await connection.execute(query("analyze"))
    return added
