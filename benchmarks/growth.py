"""How cost grows: the same work on a table of 10,000 commands, of three times as many, and so on; each as a chart."""

import statistics
import sys
import time
import uuid
from contextlib import AbstractAsyncContextManager
from functools import partial

from benchmarks.charts import ANSWERS, CLAIM, DEPTH, FLEET, PAGE, PUBLISH, SWEEP, Points, keep
from benchmarks.commands import BARE_SWEEP, add, add_outbox, bare_updates, targets, write_answers
from benchmarks.figures import percentile
from benchmarks.growth_of_fleets import DEPTHS, FLEETS, depth, fleet
from benchmarks.pages import settled
from benchmarks.place import TENANT, Copy, Place, rate
from benchmarks.processes import helper, workers
from benchmarks.sweeps import sweep
from console.domain.history import Cursor
from console.runtime.wiring import wire_program
from console.store.access import Access
from console.store.outbox import OutboxStore
from console.store.pool import Database

_SMALLEST = 10_000
MOST_COPIED = 1_000_000  # above that, a copy for each turn would take hours
WORK = 20_000
_TURNS = 3  # a point is their median
EXPIRES = "now() - interval '1 day' + n * interval '20 ms'"
HALF = "CASE WHEN n % 2 = 0 THEN now() - interval '25 hours' END"


def sizes(most: int) -> list[int]:
    """10,000, 30,000, 100,000 … as far as `most`."""
    found, factor = [], 3
    size = _SMALLEST
    while size <= most:
        found.append(size)
        size = size * factor if factor == 3 else size * 10 // 3
        factor = 10 if factor == 3 else 3
    return found


async def grow(place: Place, most: int) -> None:
    """Measure at each size and draw the charts."""
    rows = sizes(most)
    for chart, sizes_of_it, measure in (
        (SWEEP, rows, _sweep),
        (ANSWERS, rows, _answers),
        (PUBLISH, rows, _publish),
        (CLAIM, rows, _claim),
        (PAGE, rows, _page),
        (DEPTH, DEPTHS, depth),
        (FLEET, FLEETS, fleet),
    ):
        points: Points = {}
        for size in sizes_of_it:
            turns = [await measure(place, size) for _ in range(_TURNS)]
            for line in turns[0]:
                points.setdefault(line, []).append((size, statistics.median(turn[line] for turn in turns)))
            print(
                f"{chart.name} {size:,}: " + ", ".join(f"{k} {v[-1][1]:.3g}" for k, v in points.items()),
                file=sys.stderr,
                flush=True,
            )
        keep(chart, points)


def _history(place: Place, size: int) -> AbstractAsyncContextManager[Copy]:
    return place.database(f"history_{size}", partial(_fill, size=size))


async def _fill(sql: object, size: int) -> None:
    await settled(sql, size)


async def _sweep(place: Place, size: int) -> dict[str, float]:
    async with _history(place, size) as copy:
        await add(
            copy.sql,
            WORK,
            published=HALF,
            expires=EXPIRES,
        )
        began = time.perf_counter()
        await copy.sql.execute(BARE_SWEEP, timeout=600)
        floor = (time.perf_counter() - began) / WORK * 1e6
    with place.broker() as broker:
        async with _history(place, size) as copy, workers(copy, broker):
            ours = 1e6 / await sweep(copy, WORK, EXPIRES)
    return {"one worker": ours, "bare UPDATE": floor}


async def _answers(place: Place, size: int) -> dict[str, float]:
    async with _history(place, size) as copy:
        await add(copy.sql, WORK)
        answered = await targets(copy.sql, "status = 'queued'")
        began = time.perf_counter()
        await bare_updates(copy.sql, answered)
        floor = (time.perf_counter() - began) / WORK * 1e6
    path = place.folder / "answers"
    with place.broker() as broker:
        async with _history(place, size) as copy, workers(copy, broker):
            await add(copy.sql, WORK)
            write_answers(path, await targets(copy.sql, "status = 'queued'"))
            with helper("pump", broker.port, path) as pump:
                pump.go()
                await pump.done()
                await copy.until_none("status = 'queued'", 120)
            ours = 1e6 / rate(
                await copy.commits("command_type = 'perf' AND acked_at > now() - interval '1 hour'")
            )
    return {"one worker": ours, "bare UPDATE of 500": floor}


async def _publish(place: Place, size: int) -> dict[str, float]:
    rows = 2_000
    with place.broker() as broker:
        async with _history(place, size) as copy:
            await add(copy.sql, rows, kind="new", published="NULL")
            await add_outbox(copy.sql, "new")
            await copy.sql.execute("ANALYZE device_console.outbox")
            async with workers(copy, broker):
                await copy.until_none("command_type = 'new' AND published_at IS NULL", 120)
            seconds = await copy.sql.fetchval(
                "SELECT extract(epoch FROM max(published_at) - min(published_at))::float FROM device_commands WHERE command_type = 'new'"
            )
    return {"one worker": seconds / rows * 1e6}


async def _claim(place: Place, size: int) -> dict[str, float]:
    async with place.database() as copy:
        await add(copy.sql, size, published="NULL", device="'dev-' || n")
        await add_outbox(copy.sql)
        await copy.sql.execute("VACUUM ANALYZE device_console.outbox, device_commands")
        database = Database(Access(copy.login))
        await database.open()
        try:
            taken = []
            for _ in range(5):
                began = time.perf_counter()
                await OutboxStore(database).claim(uuid.uuid4(), 100, 600.0, 65_536)
                taken.append((time.perf_counter() - began) * 1e3)
        finally:
            await database.close()
    return {"claim": percentile(taken, 0.5)}


async def _page(place: Place, size: int) -> dict[str, float]:
    async with _history(place, size) as copy:
        database = Database(Access(copy.login))
        await database.open()
        try:
            return await pages(copy, database)
        finally:
            await database.close()


async def pages(copy: Copy, database: Database) -> dict[str, float]:
    history = wire_program(database, tenants=(TENANT,), operator="bench").history
    row = await copy.sql.fetchrow(
        "SELECT created_at, command_id FROM device_commands WHERE created_at <="
        " (SELECT min(created_at) + (max(created_at) - min(created_at)) * 0.05 FROM device_commands)"
        " ORDER BY created_at DESC LIMIT 1",
        timeout=600,
    )
    found = {}
    for name, before in (("newest", None), ("95 % back", Cursor(row["created_at"], row["command_id"]))):
        taken = []
        for _ in range(30):
            began = time.perf_counter()
            await history.commands(TENANT, before=before, limit=50)
            taken.append((time.perf_counter() - began) * 1e3)
        found[name] = percentile(taken[5:], 0.5)
    return found
