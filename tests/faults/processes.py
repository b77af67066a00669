"""The program in processes of its own, with failpoints, to be killed; what was started is always ended."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from console.mqtt.session import BrokerAddress
from tests.faults.program import FAILPOINT, LEASE_S
from tests.forks.client import REPOSITORY, Process, start_program
from tests.waiting import PATIENCE_S

__all__ = ["REPOSITORY"]
_PATIENCE_S = max(30.0, PATIENCE_S)  # to start takes long where many do


def environment(
    home: Path, database_url: str, broker: BrokerAddress, *, failpoint: str = "", **more: str
) -> dict[str, str]:
    """What the program needs to find these two servers, and nothing of the caller's settings."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("CONSOLE_", "DATABASE_URL", "MQTT_URL"))}
    return {
        **keep,
        "PYTHONPATH": str(REPOSITORY),
        "CONSOLE_HOME": str(home),
        "CONSOLE_CONFIG": str(home / "none.toml"),
        "CONSOLE_TENANT": "acme",
        "DATABASE_URL": database_url,
        "MQTT_URL": f"mqtt://{broker.host}:{broker.port}",
        "CONSOLE_MQTT_VERSION": "3.1.1" if broker.force_v3 else "auto",
        FAILPOINT: failpoint,
        LEASE_S: "2",
        **more,
    }


class Running:
    """One process and what it said on stderr."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.message: list[str] = []
        self._listening = asyncio.create_task(self._listen())
        self._ready = asyncio.Event()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    @property
    def rss_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    async def ready(self, timeout_s: float = _PATIENCE_S) -> None:
        async with asyncio.timeout(timeout_s):
            await self._ready.wait()
        assert any("ready" in line for line in self.message), self.message

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self, timeout_s: float = _PATIENCE_S) -> int:
        async with asyncio.timeout(timeout_s):
            code = await self.process.wait()
            await self._listening
        return code

    async def _listen(self) -> None:
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            self.message.append(line.decode(errors="replace").rstrip())
            if "ready" in self.message[-1]:
                self._ready.set()
        self._ready.set()

    async def close(self) -> None:
        self.kill()
        await self.process.wait()
        await self._listening


@asynccontextmanager
async def program(env: dict[str, str], *arguments: str) -> AsyncIterator[Running]:
    """Run the program for the length of the block at most."""
    process = await start_program("tests.faults.program", *arguments, env=env, stderr=PIPE, warn=True)
    running = Running(process)
    try:
        yield running
    finally:
        await running.close()
