"""Retention: what it costs to delete a row by ranges, how long one transaction is, and what an answer beside it waits."""

import time
from collections import defaultdict

from benchmarks.commands import add, targets, waits_ms, write_answers
from benchmarks.figures import Figure, Sample, percentile
from benchmarks.place import Copy, Place, Scale
from benchmarks.processes import helper, workers
from console.clock import SystemClock
from console.domain.retention import Retention
from console.services.pruner import BLOCKS, Pruner
from console.store.access import Access
from console.store.pool import Database
from console.store.retention import RetentionStore

_ROW = "retention, a row"
_OF_BULK = "retention, a row of a bulk send with journal"
_LONGEST = "retention, longest transaction"
_SPEED = "retention with its rests"
_ANSWERS = "answers beside retention, p99"
FIGURES = (
    Figure(_ROW, "µs", "one bare DELETE", 1.5, 12, at_most=True),
    Figure(_OF_BULK, "µs", "three bare DELETEs", 1.5, 12, at_most=True),
    Figure(_LONGEST, "ms", "", 25, 2_000, at_most=True, absolute=True),
    Figure(_SPEED, "rows/s", absolute=True),
    Figure(_ANSWERS, "ms", "the same answers without it", 1.5, 30, at_most=True),
)
_OLD = "now() - interval '50 days'"
_IS_OLD = "status <> 'queued' AND expires_at < now() - interval '40 days'"
_KEEP = "UPDATE device_console.deployment SET keep_s = 40 * 86400"
_YOUNG_SHARE = 4  # a fourth of the rows is young, between the others
_ANSWERS_PER_S = 300
Measured = dict[str, list[Sample]]


async def measure(place: Place, scale: Scale) -> Measured:
    found: Measured = defaultdict(list)
    for _ in range(scale.pairs):
        for name, in_bulk in ((_ROW, False), (_OF_BULK, True)):
            async with place.database() as copy:
                await _fill(copy, scale.rows, in_bulk=in_bulk)
                floor, count = await _bare(copy, in_bulk=in_bulk)
            async with place.database() as copy:
                await _fill(copy, scale.rows, in_bulk=in_bulk)
                ours, longest_s = await _pruned(copy, count)
            found[name].append(Sample(ours, floor, count))
            found[_LONGEST].append(Sample(longest_s * 1e3, None, count))
    if not scale.short:
        async with place.database() as copy:
            await _fill(copy, scale.rows, in_bulk=False)
            found[_SPEED].append(await _at_its_pace(copy))
        for _ in range(scale.pairs):
            found[_ANSWERS].append(await _beside(place, scale))
    return found


async def _fill(copy: Copy, rows: int, *, in_bulk: bool) -> None:
    """Old rows with young ones between; in a bulk send each has a member and an entry of the journal."""
    await add(copy.sql, rows, expires=f"CASE WHEN n % {_YOUNG_SHARE} = 0 THEN now() ELSE {_OLD} END")
    await copy.sql.execute("UPDATE device_commands SET status = 'missed'")
    if in_bulk:
        await copy.sql.execute(
            "INSERT INTO device_console.batches (tenant_id, batch_id, command_type, params, ttl_s, target, wanted)"
            " SELECT 'acme', 'b' || n, 'ping', '{}', 60, 'all', 1000 FROM generate_series(0, $1::int / 1000) n;",
            rows,
        )  # fmt: skip
        for table, columns, values in (
            ("batch_members", "batch_id", "'b' || (row_number() OVER (ORDER BY created_at) / 1000)"),
            ("journal", "kind", "'nobody_listens'"),
        ):
            await copy.sql.execute(
                f"INSERT INTO device_console.{table} (tenant_id, command_id, {columns})"
                f" SELECT tenant_id, command_id, {values} FROM device_commands"
            )
    await copy.sql.execute("VACUUM FULL device_commands")  # without the dead rows of the UPDATE
    for table in ("device_commands", "device_console.batch_members", "device_console.journal"):
        await copy.sql.execute(f"VACUUM ANALYZE {table}")
    await copy.sql.execute(_KEEP)
    await copy.sql.execute("CHECKPOINT")


async def _bare(copy: Copy, *, in_bulk: bool) -> tuple[float, int]:
    """µs a row of deleting all that is old at once, in one transaction, and how many rows that were."""
    began = time.perf_counter()
    async with copy.sql.transaction():
        if in_bulk:
            for table in ("journal", "batch_members"):
                await copy.sql.execute(
                    f"DELETE FROM device_console.{table} s USING device_commands c WHERE c.tenant_id = s.tenant_id"
                    " AND c.command_id = s.command_id AND c.status <> 'queued' AND c.expires_at < now() - interval '40 days'",
                    timeout=600,
                )  # fmt: skip
        done = await copy.sql.execute(f"DELETE FROM device_commands WHERE {_IS_OLD}", timeout=600)
    count = int(done.split()[-1])
    return (time.perf_counter() - began) / count * 1e6, count


async def _pruned(copy: Copy, count: int) -> tuple[float, float]:
    """µs a row of a pass without rests, and the seconds of its longest transaction, with the way to it."""
    took, pruned = [], 0
    async with _Opened(copy) as old:
        block: int | None = 0
        while block is not None:
            began = time.perf_counter()
            done = await old.prune(block, BLOCKS)
            took.append(time.perf_counter() - began)
            pruned, block = pruned + done.pruned, done.next_block
    assert pruned == count, "both delete the same rows"
    return sum(took) / count * 1e6, max(took)


async def _at_its_pace(copy: Copy) -> Sample:
    """Rows a second of one pass as a worker makes it."""
    counts: list[int] = []
    async with _Opened(copy) as old:
        began = time.perf_counter()
        await Pruner(_Once(old), lambda: False, counts.append, SystemClock(), look_every_s=0).run()
        took = time.perf_counter() - began
    return Sample(sum(counts) / took, None, sum(counts))


async def _beside(place: Place, scale: Scale) -> Sample:
    """The 99th percentile from an answer to its commit, while the worker deletes and while it has nothing to delete."""
    found = []
    for deletes in (False, True):
        with place.broker() as broker:
            async with place.database() as copy:
                await _fill(copy, 2 * scale.rows if deletes else 100, in_bulk=False)
                answered = min(1_500, scale.rows)
                await add(copy.sql, answered, kind="answered")
                path = place.folder / "answers"
                write_answers(path, await targets(copy.sql, "command_type = 'answered'"), timed=True)
                async with workers(copy, broker):
                    with helper("pump", broker.port, path, _ANSWERS_PER_S) as pump:
                        pump.go()
                        await pump.done()
                    await copy.until_none("status = 'queued'", 60)
                waits = await waits_ms(copy.sql)
                left = await copy.sql.fetchval(f"SELECT count(*) FROM device_commands WHERE {_IS_OLD}")
        if deletes:
            place.notes.append(
                f"{_ANSWERS}: longest {max(waits):.0f} ms; {left:,} old rows were left at the end"
            )
        found.append(percentile(waits, 0.99))
    return Sample(found[1], found[0], answered)


class _Once:
    """The same table, whose owner turns the retention off after one pass."""

    def __init__(self, old: RetentionStore) -> None:
        self.prune = old.prune
        self._old = old
        self._looks = 0

    async def setting(self) -> Retention:
        self._looks += 1
        return await self._old.setting() if self._looks == 1 else Retention(None, is_own=True, is_on=False)


class _Opened:
    """The store of a plain login, as a worker has it."""

    def __init__(self, copy: Copy) -> None:
        self._database = Database(Access(copy.login), max_size=1)

    async def __aenter__(self) -> RetentionStore:
        await self._database.open()
        return RetentionStore(self._database)

    async def __aexit__(self, *_: object) -> None:
        await self._database.close()
