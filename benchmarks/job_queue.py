"""A job queue in the same database, if one is installed: what the same steps cost in a program that others wrote.

Tried with procrastinate 3.10.0 and psycopg 3.3.9. It is no dependency: without it, a note says what to install.
"""

import asyncio
import importlib
import importlib.util
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.answers import answers
from benchmarks.figures import Figure, Sample
from benchmarks.place import Copy, Place, Scale
from benchmarks.publications import publish

_RUN = "publications, beside procrastinate's empty jobs"
_COMPLETED = "answers, beside procrastinate's completion of a job"
_JOBS, _AT_A_TIME = 500, 20
FIGURES = (
    Figure(_RUN, "rows/s", f"procrastinate, {_JOBS} jobs, {_AT_A_TIME} at a time"),
    Figure(_COMPLETED, "rows/s", f"procrastinate's finish_job, {_AT_A_TIME} at a time"),
)


async def measure(place: Place, scale: Scale, found: dict[str, list[Sample]]) -> None:
    if any(importlib.util.find_spec(name) is None for name in ("procrastinate", "psycopg", "psycopg_pool")):
        place.notes.append(
            "procrastinate: skipped, because it is not installed (pip install 'procrastinate==3.10.*' 'psycopg[binary,pool]',"
            " perhaps with --target in a folder of PYTHONPATH)"
        )
        return
    for _ in range(scale.pairs):
        published, _, _ = await publish(place, scale.part(0.1), within_s=60)
        async with place.database() as copy:
            found[_RUN].append(Sample(published, await _run(copy), _JOBS))
        taken, _, _ = await answers(place, scale.part(0.2))
        async with place.database() as copy:
            found[_COMPLETED].append(Sample(taken, await _completed(copy), _JOBS))


@asynccontextmanager
async def _deferred(copy: Copy, done: list[int]) -> AsyncIterator[Any]:
    """The opened application, with jobs that add their number to `done`."""
    procrastinate: Any = importlib.import_module("procrastinate")
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=copy.url))

    async def note(n: int) -> None:
        done.append(n)

    task = app.task(name="bench")(note)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await task.batch_defer_async(*({"n": n} for n in range(_JOBS)))
        yield app


async def _run(copy: Copy) -> float:
    """Jobs that do nothing, from the queue to done, a second."""
    done: list[int] = []
    async with _deferred(copy, done) as app:
        began = time.perf_counter()
        await app.run_worker_async(
            wait=False, concurrency=_AT_A_TIME, install_signal_handlers=False, listen_notify=False
        )
        took = time.perf_counter() - began
    assert len(done) == _JOBS
    return _JOBS / took


async def _completed(copy: Copy) -> float:
    """The last statement of each job by itself, which calls it succeeded, a second."""
    async with _deferred(copy, []) as app:
        manager, status = app.job_manager, importlib.import_module("procrastinate.jobs").Status.SUCCEEDED
        worker = await manager.register_worker()
        jobs = [await manager.fetch_job(None, worker) for _ in range(_JOBS)]
        waiting = iter(jobs)

        async def finish() -> None:
            for job in waiting:
                await manager.finish_job(job, status, delete_job=False)

        began = time.perf_counter()
        await asyncio.gather(*(finish() for _ in range(_AT_A_TIME)))
        took = time.perf_counter() - began
    assert (
        await copy.sql.fetchval("SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'") == _JOBS
    )
    return _JOBS / took
