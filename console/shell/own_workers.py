"""The workers of a shell command: they start here only once no other process runs them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from console.concurrency import end_all
from console.errors import DatabaseUnreachableError
from console.runtime.jobs import running
from console.runtime.pausing import stops_in_order
from console.runtime.program import Program
from console.runtime.startup import RunningProgram
from console.runtime.supervisor import Supervisor
from console.runtime.workers import Workers

_LOOK_EVERY_S = 1.0


@asynccontextmanager
async def own_workers(opened: RunningProgram) -> AsyncIterator[None]:
    """Run the workers here while the block runs, as soon as no other process does."""
    if opened.workers is None or not opened.report.may_work:
        yield
        return
    with stops_in_order(opened.program.pausing):
        working = asyncio.create_task(_work_when_needed(opened.workers, opened.program), name="own workers")
        try:
            yield
        finally:
            failed = working.done() and not working.cancelled() and working.exception()
            await end_all([working])
        if failed:
            raise failed


async def _work_when_needed(workers: Workers, program: Program) -> None:
    """Keep checking: the process that runs the workers now may end, or may have been killed."""
    while True:
        with contextlib.suppress(DatabaseUnreachableError):
            if not await workers.others_work():
                break
        await asyncio.sleep(_LOOK_EVERY_S)
    async with running(workers, Supervisor(program.health), jobs=True, links=False, pausing=program.pausing):
        await asyncio.Event().wait()
