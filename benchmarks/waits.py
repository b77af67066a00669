"""Torture: the same work while somebody holds an old snapshot, so that no dead row may be removed."""

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from benchmarks.answers import bare
from benchmarks.commands import add, bare_updates, targets, write_answers
from benchmarks.figures import Figure, Sample
from benchmarks.place import Copy, Place, Scale, rate
from benchmarks.processes import helper, workers
from benchmarks.sweeps import bare_sweep, sweep

_SWEEP, _ANSWERS = "sweep beside an old snapshot", "answers beside an old snapshot"
FIGURES = (
    Figure(_SWEEP, "rows/s", "one bare UPDATE beside it", 0.85, 0.2),
    Figure(_ANSWERS, "rows/s", "bare UPDATE of 500", 0.9, 0.05),
)
_EXPIRES = "now() - interval '1 day' + n * interval '20 ms'"
Measured = dict[str, list[Sample]]


async def measure(place: Place, scale: Scale) -> Measured:
    found: Measured = defaultdict(list)
    rows = 2 * scale.rows if scale.short else scale.rows
    with place.broker() as broker:
        async with (
            place.database() as floors, place.database() as swept, workers(swept, broker), _snapshot(floors), _snapshot(swept)
        ):  # fmt: skip
            for _ in range(1 if scale.short else scale.pairs):
                floor = await bare_sweep(floors, rows, _EXPIRES)
                found[_SWEEP].append(Sample(await sweep(swept, rows, _EXPIRES), floor, rows))
    if not scale.short:
        for _ in range(scale.pairs):
            floor, _ = await bare(place, scale.part(0.4))
            found[_ANSWERS].append(Sample(await _answered(place, scale.part(0.4)), floor, scale.part(0.4)))
    return found


@asynccontextmanager
async def _snapshot(copy: Copy) -> AsyncIterator[None]:
    """A transaction that sees the database as it is now, for as long as the block runs."""
    holder = await asyncpg.connect(copy.url)
    try:
        async with holder.transaction(isolation="repeatable_read"):
            await holder.fetchval("SELECT count(*) FROM device_commands")
            yield
    finally:
        await holder.close()


async def _answered(place: Place, rows: int) -> float:
    """As many rows have been changed under the snapshot before: what is read must pass by the dead ones."""
    path = place.folder / "answers"
    with place.broker() as broker:
        async with place.database() as copy, workers(copy, broker):
            await add(copy.sql, 2 * rows)
            await copy.sql.execute("ANALYZE device_commands")
            async with _snapshot(copy):
                answered = await targets(copy.sql, "status = 'queued'")
                await bare_updates(copy.sql, answered[:rows])
                before = len(await copy.commits("status = 'delivered'"))
                write_answers(path, answered[rows:])
                with helper("pump", broker.port, path) as pump:
                    pump.go()
                    await pump.done()
                    await copy.until_none("status = 'queued'", 120)
                return rate((await copy.commits("status = 'delivered'"))[before:])
