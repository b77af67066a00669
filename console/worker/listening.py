"""``--listen``: whether this process lives and works, and its numbers, over HTTP.

Decided in docs/decisions/0073-pages-for-machines.md
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from console.clock import SystemClock
from console.errors import ConsoleError, UsageError
from console.runtime.addresses import listening_address
from console.runtime.startup import RunningProgram
from console.store.outbox import waiting
from console.worker.pages import Page, Pages
from console.worker.readiness import faults

if TYPE_CHECKING:
    from console.worker.metrics import Numbers

_LOOK_EVERY_S = 5.0
_NOT_YET = Page(503, "the database does not answer yet\n")
_log = logging.getLogger("console.sweeper")


class Watched:
    """What the pages are about: nothing until a program is `watch`ed."""

    def __init__(self) -> None:
        self._program: RunningProgram | None = None
        self._numbers: Numbers | None = None
        self._waiting: tuple[int, float] | None = None
        self._clock = SystemClock()

    async def watch(self, program: RunningProgram) -> None:
        """Report on this program, and look at its outbox at intervals, however often somebody asks."""
        from console.worker.metrics import Numbers

        self._program = program
        self._numbers = Numbers(program.program.health, lambda: self._waiting, self._clock.monotonic)
        while True:
            try:
                self._waiting = await waiting(program.database)
            except ConsoleError:
                self._waiting = None  # an old figure would look like one of now
            await asyncio.sleep(_LOOK_EVERY_S)

    async def lives(self) -> Page:
        """Answer that the process lives: its loop has run this."""
        return Page(200, "ok\n")

    async def is_ready(self) -> Page:
        """Answer whether it does its work; if not, why."""
        if self._program is None:
            return _NOT_YET
        found = faults(self._program.program.health, self._clock.monotonic())
        return Page(503, "".join(f"{fault}\n" for fault in found)) if found else Page(200, "ok\n")

    async def metrics(self) -> Page:
        """Answer with the numbers."""
        if self._numbers is None:
            return _NOT_YET
        from console.worker.metrics import KIND, text_of

        return Page(200, text_of(self._numbers), KIND)


@asynccontextmanager
async def listening(where: str, watched: Watched) -> AsyncIterator[None]:
    """Serve the pages on ``[HOST:]PORT``.

    Raises:
        UsageError: the address cannot be used, or the package for the numbers is missing.
    """
    try:
        import prometheus_client  # noqa: F401 - looked for now, not at the first request
    except ModuleNotFoundError as error:
        raise UsageError(
            f"--listen needs the package {error.name}: install device-console with its extra metrics."
        ) from None
    host, port = listening_address(where, "--listen")
    pages = Pages({"/healthz": watched.lives, "/readyz": watched.is_ready, "/metrics": watched.metrics})
    served = pages.listening(host, port)
    try:
        port = await served.__aenter__()
    except OSError as error:
        raise UsageError(f"--listen cannot use {host}:{port}: {error.strerror}.") from None
    try:
        _log.info(
            "pages for machines on http://%s:%d/",
            host,
            port,
            extra={"event": "listening", "values": {"port": port}},
        )
        yield
    finally:
        await served.__aexit__(None, None, None)
