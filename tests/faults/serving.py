"""The real program as a server for browsers and SSH clients, with what it printed and logged."""

import asyncio
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from tests.forks.client import Process, start_program
from tests.waiting import PATIENCE_S

_STARTS_S = max(60.0, PATIENCE_S)


class Served:
    """One such process. `printed` is its standard output, `logged` its log."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.printed: list[str] = []
        self.logged: list[str] = []
        self._is_ready = asyncio.Event()
        self._following = [
            asyncio.create_task(self._follow(process.stdout, self.printed)),
            asyncio.create_task(self._follow(process.stderr, self.logged)),
        ]

    async def _follow(self, source: asyncio.StreamReader | None, lines: list[str]) -> None:
        assert source is not None
        while line := await source.readline():
            lines.append(line.decode().rstrip())
            if '"console.serve", "message": "ready: ' in lines[-1]:
                self._is_ready.set()
        self._is_ready.set()

    async def ready(self) -> None:
        async with asyncio.timeout(_STARTS_S):
            await self._is_ready.wait()
        assert self.process.returncode is None, self.logged

    @property
    def url(self) -> str:
        """The address of the page, without its secret."""
        (line,) = (line for line in self.logged if "ready: web on " in line)
        return line.partition("ready: web on ")[2].partition('"')[0]

    @property
    def link(self) -> str:
        """What it prints for the operator."""
        (line,) = self.printed
        return line

    async def end(self) -> int:
        """End it in order; return its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            code = await self.process.wait()
            await asyncio.gather(*self._following)
        return code


@asynccontextmanager
async def served(env: Mapping[str, str], *arguments: str) -> AsyncIterator[Served]:
    """Run the program for the length of the block at most."""
    process = await start_program("console", *arguments, env=env, stdout=PIPE, stderr=PIPE)
    running = Served(process)
    try:
        await running.ready()
        yield running
    finally:
        await running.end()
