"""Answers from the broker to committed rows, beside a bare UPDATE of 500 rows a batch."""

import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.commands import ANSWER, add, bare_updates, targets, write_answers
from benchmarks.figures import Figure, Sample
from benchmarks.place import TENANT, Copy, Place, Scale, rate
from benchmarks.processes import helper, postgres_cpu_s, workers
from console.domain.acks import Acknowledgement, LateAck
from console.store.access import Access
from console.store.changes import set_ingest_slots
from console.store.pool import Database
from console.store.settlement import SettlementStore

_SPEED = "P4 answers, one worker"
_OWN_CPU = "P4 processor time of the worker, an answer"
_DATABASE_CPU = "P4 processor time of PostgreSQL, an answer"
_CLIFF = "P17 answers on a table that grew unanalysed"
_BARE = "bare UPDATE of 500"
FIGURES = (
    Figure(_SPEED, "rows/s", _BARE, 0.9, 0.06),
    Figure(_OWN_CPU, "µs", f"PostgreSQL's for the {_BARE}", 0.4, 12, at_most=True),
    Figure(_DATABASE_CPU, "µs", f"PostgreSQL's for the {_BARE}", 1.25, 8, at_most=True),
    Figure(_CLIFF, "µs", "bare UPDATE of as many", 3, 60, at_most=True),
)
_BATCH = 500
Measured = dict[str, list[Sample]]


async def measure(place: Place, scale: Scale) -> Measured:
    found: Measured = defaultdict(list)
    for _ in range(scale.pairs):
        floor, floor_us = await bare(place, scale.part(0.4))
        ours, worker_us, database_us = await answers(place, scale.part(0.4))
        found[_SPEED].append(Sample(ours, floor, scale.part(0.4)))
        found[_OWN_CPU].append(Sample(worker_us, floor_us, scale.part(0.4)))
        found[_DATABASE_CPU].append(Sample(database_us, floor_us, scale.part(0.4)))
    for _ in range(1 if scale.short else scale.pairs):
        found[_CLIFF].append(await _unanalysed(place, scale))
    return found


async def _published(copy: Copy, rows: int) -> None:
    await add(copy.sql, rows)
    await copy.sql.execute("ANALYZE device_commands")
    await copy.sql.execute("CHECKPOINT")


async def bare(place: Place, rows: int) -> tuple[float, float]:
    """Rows a second, and µs of PostgreSQL's processor time a row, of bare UPDATEs."""
    async with place.database() as copy:
        await _published(copy, rows)
        answered = await targets(copy.sql, "status = 'queued'")
        before, began = postgres_cpu_s(place), time.perf_counter()
        await bare_updates(copy.sql, answered, _BATCH)
        took = time.perf_counter() - began
        return rows / took, (postgres_cpu_s(place) - before) / rows * 1e6


async def answers(place: Place, rows: int, history: int = 0, count: int = 1) -> tuple[float, float, float]:
    """Rows a second of so many whole workers that share the answers, and µs of theirs and PostgreSQL's processor time a row.

    `history`: how many commands the table has that nobody answers.
    """
    path = place.folder / "answers"
    with place.broker() as broker:
        async with place.database() as copy, _sharing(copy, count), workers(copy, broker, count) as members:
            if history:
                await add(copy.sql, history, kind="old", expires="now() + interval '1 day'")
            await _published(copy, rows)
            write_answers(path, await targets(copy.sql, "command_type = 'perf'"))
            with helper("pump", broker.port, path) as pump:
                own, database = sum(worker.cpu_s for worker in members), postgres_cpu_s(place)
                pump.go()
                await pump.done()
                await copy.until_none("status = 'queued' AND command_type = 'perf'", 120)
                own = sum(worker.cpu_s for worker in members) - own
                database = postgres_cpu_s(place) - database
            commits = await copy.commits("status = 'delivered'")
    assert sum(count for _, count in commits) == rows, "each answer changed one row"
    return rate(commits), own / rows * 1e6, database / rows * 1e6


@asynccontextmanager
async def _sharing(copy: Copy, slots: int) -> AsyncIterator[None]:
    """So many workers may share the answers."""
    database = Database(Access(copy.login), max_size=1)
    await database.open()
    await set_ingest_slots(database, slots)
    await database.close()
    yield


async def _unanalysed(place: Place, scale: Scale) -> Sample:
    """A connection whose plans were made on the empty table, then a batch when the table has grown without ANALYZE."""
    rows, batch = (5_000, 50) if scale.short else (60_000, 100)
    async with place.database() as copy:
        await copy.sql.execute("ALTER TABLE device_commands SET (autovacuum_enabled = off)")
        database = Database(Access(copy.login), max_size=1)
        await database.open()
        store = SettlementStore(database)
        try:
            for n in range(8):
                await store.acknowledge([_answer("dev-00001", f"nobody-{n}")], (), LateAck.ACCEPT)
            await add(copy.sql, rows)
            answered = await targets(copy.sql, "status = 'queued'")
            began = time.perf_counter()
            outcomes = await store.acknowledge(
                [_answer(*target) for target in answered[:batch]], (), LateAck.ACCEPT
            )
            ours = time.perf_counter() - began
            assert len(outcomes) == batch
        finally:
            await database.close()
        began = time.perf_counter()
        await bare_updates(copy.sql, answered[batch : 2 * batch], batch)
        floor = time.perf_counter() - began
        done = await copy.sql.fetchval("SELECT count(*) FROM device_commands WHERE status = 'delivered'")
        assert done == 2 * batch
    return Sample(ours / batch * 1e6, floor / batch * 1e6, batch)


def _answer(device: str, command: str) -> Any:
    return Acknowledgement(TENANT, device, command, ANSWER)
