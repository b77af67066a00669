"""One table that is too large to be copied: filled once, then swept, answered and read once each, beside the same floors."""

import shutil
import sys
import time

from benchmarks.charts import ANSWERS, PAGE, SWEEP, keep
from benchmarks.commands import BARE_SWEEP, DEVICE, add, bare_updates, targets, write_answers
from benchmarks.growth import EXPIRES, HALF, WORK, pages
from benchmarks.place import TENANT, Copy, Place, rate
from benchmarks.processes import helper, workers
from benchmarks.sweeps import sweep
from console.store.access import Access
from console.store.pool import Database

_PIECE = 500_000  # rows of one INSERT: half a minute where it is slow
_BYTES = 1_200  # of the disk a command, with its share of the write-ahead log
_SLOWEST_S = 120e-6  # of filling, a command
_FILL = (
    "INSERT INTO device_commands (command_id, tenant_id, device_id, command_type, command_params, status, published_at,"
    f" expires_at, created_by, created_at) SELECT gen_random_uuid()::text, '{TENANT}', {DEVICE}, 'old',"
    " jsonb_build_object('k', n), CASE WHEN random() < 0.9 THEN 'delivered' ELSE 'missed' END, now() - interval '89 days',"
    " now() - interval '1 day', 'bench', now() - interval '90 days' + n * (interval '89 days' / $3::int)"
    " FROM generate_series($1::int, $2::int) n"
)


async def measure_large(place: Place, size: int) -> str:
    """Return the table of what it cost. The time it takes is said before and while it is filled.

    Raises:
        OSError: the disk has no room for it.
    """
    free = shutil.disk_usage(place.data).free
    needed = size * _BYTES
    _say(
        f"{size:,} commands in one database, filled once and not copied: at most {size * _SLOWEST_S / 60 + 5:.0f} minutes,"
        f" {needed / 1e9:.0f} GB of disk ({free / 1e9:.0f} GB are free)"
    )
    if free < needed:
        raise OSError(f"no room: {needed / 1e9:.0f} GB are needed in {place.data}")
    began = time.monotonic()
    async with place.database() as copy:
        await _fill(copy, size)
        _say(f"filled and analysed after {time.monotonic() - began:.0f} s")
        found = [await _swept(place, copy, size), await _answered(place, copy, size), await _read(copy, size)]
        stored = await copy.sql.fetchval("SELECT pg_total_relation_size('device_commands')")
    lines = ["| figure | ours | floor | ratio |", "|---|---|---|---|", *found]
    lines.append(f"| stored | {stored / 1e9:.1f} GB | – | – |")
    return "\n".join([*lines, f"{time.monotonic() - began:.0f} s"])


async def _fill(copy: Copy, size: int) -> None:
    await copy.sql.execute("ALTER TABLE device_commands SET (autovacuum_enabled = off)")
    began = time.monotonic()
    for first in range(1, size + 1, _PIECE):
        last = min(first + _PIECE - 1, size)
        await copy.sql.execute(_FILL, first, last, size, timeout=1_800)
        took = time.monotonic() - began
        _say(f"{last:,} rows in {took:.0f} s, {took / last * (size - last):.0f} s to go")
    await copy.sql.execute("VACUUM ANALYZE device_commands", timeout=3_600)
    await copy.sql.execute("ALTER TABLE device_commands RESET (autovacuum_enabled)")
    await copy.sql.execute("CHECKPOINT", timeout=3_600)


async def _swept(place: Place, copy: Copy, size: int) -> str:
    await add(copy.sql, WORK, kind="floor", published=HALF, expires=EXPIRES)
    began = time.perf_counter()
    await copy.sql.execute(BARE_SWEEP, timeout=600)
    floor = WORK / (time.perf_counter() - began)
    with place.broker() as broker:
        async with workers(copy, broker):
            ours = await sweep(copy, WORK, EXPIRES)
    keep(SWEEP, {"one worker": [(size, 1e6 / ours)], "bare UPDATE": [(size, 1e6 / floor)]})
    return _row(f"sweep of {WORK:,}", ours, floor, "one bare UPDATE")


async def _answered(place: Place, copy: Copy, size: int) -> str:
    await add(copy.sql, WORK, kind="floor")
    floor_targets = await targets(copy.sql, "status = 'queued'")
    began = time.perf_counter()
    await bare_updates(copy.sql, floor_targets)
    floor = WORK / (time.perf_counter() - began)
    path = place.folder / "answers"
    with place.broker() as broker:
        async with workers(copy, broker):
            await add(copy.sql, WORK, kind="answered")
            write_answers(path, await targets(copy.sql, "status = 'queued'"))
            with helper("pump", broker.port, path) as pump:
                pump.go()
                await pump.done()
                await copy.until_none("status = 'queued'", 120)
            commits = await copy.commits("command_type = 'answered' AND status = 'delivered'")
    assert sum(count for _, count in commits) == WORK, "each answer changed one row"
    ours = rate(commits)
    keep(ANSWERS, {"one worker": [(size, 1e6 / ours)], "bare UPDATE of 500": [(size, 1e6 / floor)]})
    return _row(f"{WORK:,} answers", ours, floor, "bare UPDATE of 500")


async def _read(copy: Copy, size: int) -> str:
    database = Database(Access(copy.login))
    await database.open()
    try:
        found = await pages(copy, database)
    finally:
        await database.close()
    keep(PAGE, {name: [(size, taken)] for name, taken in found.items()})
    return "\n".join(f"| page of 50, {name} | {taken:.3g} ms | – | – |" for name, taken in found.items())


def _row(name: str, ours: float, floor: float, floor_is: str) -> str:
    return f"| {name} | {ours:,.0f} rows/s | {floor:,.0f} {floor_is} | × {ours / floor:.3g} |"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
