"""What the lists read: a page of a history near its newest end and at its depth, and a device list with last outcomes."""

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.commands import DEVICE, add
from benchmarks.figures import Figure, Sample, percentile
from benchmarks.place import TENANT, Copy, Place, Scale
from console.domain.filters.language import Scope, parse_filter
from console.domain.history import Cursor
from console.runtime.wiring import wire_program
from console.store.access import Access
from console.store.pool import Database

_NEWEST, _DEEP, _OF_DEVICE = (
    "P9 newest page of a tenant",
    "P9 page of a tenant, 95 % back",
    "P9 page of a device",
)
_LIST = "P10 120 devices with their last outcome"
_IDS, _FILTER = "ids of all devices", "first look for phase:missed age>3d"
_LOOKUP = "primary-key lookup, p50"
FIGURES = (
    Figure(_NEWEST, "ms", _LOOKUP, 5, 60, at_most=True),
    Figure(_DEEP, "ms", _LOOKUP, 5, 60, at_most=True),
    Figure(_OF_DEVICE, "ms", _LOOKUP, 5, 60, at_most=True),
    Figure(_LIST, "ms", "", 15, 150, at_most=True, absolute=True),
    Figure(_IDS, "ms", "", None, 500, at_most=True, absolute=True),
    Figure(_FILTER, "ms", "", None, 500, at_most=True, absolute=True),
)
Work = Callable[[], Awaitable[Any]]
Measured = dict[str, list[Sample]]


async def measure(place: Place, scale: Scale) -> Measured:
    found: Measured = defaultdict(list)
    rows = scale.rows * (1 if scale.short else 5)
    async with place.database(f"history_{rows}", lambda sql: settled(sql, rows)) as copy:
        database = Database(Access(copy.login))
        await database.open()
        try:
            lookup, works = await _works(copy, database)
            for work in (lookup, *works.values()):
                await _taken(work, 5)
            for _ in range(scale.pairs):
                for name, work in works.items():
                    absolute = name in {_LIST, _IDS, _FILTER}
                    floor = [] if absolute else await _taken(lookup, 40)
                    taken = await _taken(work, 10 if name == _IDS else 40)
                    found[name].append(
                        Sample(
                            percentile(taken, 0.5), None if absolute else percentile(floor, 0.5), len(taken)
                        )
                    )
        finally:
            await database.close()
    place.notes.append(f"pages: {rows:,} commands of 10,000 devices")
    return found


async def settled(sql: Any, rows: int) -> None:
    """A history that nobody works on any more."""
    await add(
        sql, rows, device=DEVICE, published="now() - interval '89 days'", expires="now() - interval '1 day'",
        created=f"now() - interval '90 days' + n * (interval '89 days' / {rows})",
    )  # fmt: skip
    await sql.execute(
        "UPDATE device_commands SET status = CASE WHEN random() < 0.9 THEN 'delivered' ELSE 'missed' END",
        timeout=600,
    )


async def _works(copy: Copy, database: Database) -> tuple[Work, dict[str, Work]]:
    history = wire_program(database, tenants=(TENANT,), operator="bench").history
    row = await copy.sql.fetchrow(
        "SELECT created_at, command_id FROM device_commands WHERE created_at <"
        " (SELECT min(created_at) + (max(created_at) - min(created_at)) * 0.05 FROM device_commands)"
        " ORDER BY created_at DESC LIMIT 1"
    )
    deep = Cursor(row["created_at"], row["command_id"])
    ids = (await history.device_index(TENANT))[3_000:3_120]
    assert len(ids) == 120

    async def lookup() -> None:
        async with database.tenant_session(TENANT) as connection:
            await connection.fetchrow(
                "SELECT * FROM device_commands WHERE tenant_id = $1 AND command_id = $2",
                TENANT,
                row["command_id"],
            )

    return lookup, {
        _NEWEST: lambda: history.commands(TENANT, limit=50),
        _DEEP: lambda: history.commands(TENANT, before=deep, limit=50),
        _OF_DEVICE: lambda: history.commands(TENANT, device_ids=["dev-05000"], limit=50),
        _LIST: lambda: history.devices(TENANT, ids),
        _IDS: lambda: history.device_index(TENANT),
        _FILTER: lambda: history.commands(
            TENANT, wanted=parse_filter("phase:missed age>3d", Scope.COMMANDS), limit=50
        ),
    }


async def _taken(work: Work, times: int) -> list[float]:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        await work()
        taken.append((time.perf_counter() - began) * 1e3)
    return taken
