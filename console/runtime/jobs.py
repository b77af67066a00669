"""The workers of one process as tasks that can be paused, and that end in a copy of the database."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from console.concurrency import end_all, first_to_end
from console.errors import CopyError
from console.runtime.pausing import Pausing
from console.runtime.supervisor import PROBE, Supervisor

if TYPE_CHECKING:
    from console.runtime.workers import Workers

Body: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
_JOBS = frozenset({"dispatch", "ingest", "sweep", "retention"})


class _Tasks:
    """The bodies of one process as tasks that can be ended and begun again."""

    def __init__(
        self, workers: "Workers", supervisor: Supervisor, group: asyncio.TaskGroup, bodies: Mapping[str, Body]
    ) -> None:
        self._workers = workers
        self._supervisor = supervisor
        self._group = group
        self._bodies = bodies
        self._tasks: list[asyncio.Task[None]] = []

    def go_on(self) -> None:
        """Start the tasks."""
        self._tasks = [
            self._group.create_task(self._run(name, body), name=name) for name, body in self._bodies.items()
        ]

    async def _run(self, name: str, body: Body) -> None:
        """Run a job for ever; it ends, with all others, if continuing would do harm."""
        if name not in _JOBS:
            await self._supervisor.forever(name, body)
            return
        stopped = asyncio.create_task(self._workers.stopped.wait())
        try:
            await first_to_end(self._supervisor.forever(name, body), _ended(stopped))
        except CopyError as error:
            self._workers.stop(error)
        finally:
            stopped.cancel()

    async def pause(self) -> None:
        """End all of them, so that other processes can take over at once."""
        await end_all(self._tasks)
        await self._workers.give_all_back()


async def _ended(waiting: asyncio.Task[Any]) -> None:
    await asyncio.wait([waiting])


@asynccontextmanager
async def running(
    workers: "Workers",
    supervisor: Supervisor,
    *,
    jobs: bool,
    links: bool = True,
    pausing: Pausing | None = None,
) -> AsyncIterator[None]:
    """Run the probe and the listening (`links`) and the workers' jobs (`jobs`) around a front end."""
    bodies: dict[str, Body] = {PROBE: workers.probe, "notifications": workers.listen} if links else {}
    if jobs:
        bodies |= {
            "leases": workers.keep_leases,
            "dispatch": workers.dispatch,
            "ingest": workers.acknowledge,
            "sweep": workers.sweep,
            "retention": workers.prune,
            "troubles": workers.tell_troubles,
        }
    try:
        async with asyncio.TaskGroup() as group:
            tasks = _Tasks(workers, supervisor, group, bodies)
            tasks.go_on()
            if pausing is not None:
                pausing.add(tasks)
            try:
                yield
            finally:
                await tasks.pause()
    except BaseExceptionGroup as several:
        raise _sole(several) from None


def _sole(error: BaseException) -> BaseException:
    """Return what the front end raised, without the group that the TaskGroup wraps around it."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
