"""The program and the fleets as processes: started, watched, ended; and what they cost in processor time."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from benchmarks.place import TENANT, Copy, Place
from tests.brokers import BrokerProcess
from tests.waiting import wait_until

ROOT = Path(__file__).parents[1]
_READY_WITHIN_S = 30.0
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
profiles: Path | None = None  # where the workers that are started leave what they were sampled at


def environment(copy: Copy, broker: BrokerProcess, **more: str) -> dict[str, str]:
    """What the program needs to find these two servers, and nothing of the caller's settings."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("CONSOLE_", "DATABASE_URL", "MQTT_URL"))}
    keep.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has its bytecode
    home = copy.place.folder / "home"
    home.mkdir(exist_ok=True)
    return {
        **keep, "PYTHONPATH": str(ROOT), "CONSOLE_HOME": str(home), "CONSOLE_CONFIG": str(home / "none.toml"),
        "CONSOLE_START": "devices", "CONSOLE_TENANT": TENANT, "CONSOLE_OPERATOR": "bench", "DATABASE_URL": copy.login,
        "MQTT_URL": f"mqtt://127.0.0.1:{broker.port}", "CONSOLE_MQTT_VERSION": "3.1.1" if broker.address.force_v3 else "auto",
        **more,
    }  # fmt: skip


class Worker:
    """One whole ``--sweeper``."""

    def __init__(self, copy: Copy, broker: BrokerProcess, **more: str) -> None:
        self._log = Path(tempfile.mkstemp(dir=copy.place.folder, suffix=".log")[1])
        self.began_at = time.perf_counter()
        self._profile = profiles and profiles / f"{self._log.stem}.txt"
        program = ["benchmarks.profiled", str(self._profile)] if self._profile else ["console"]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *program, "--sweeper"],
                env=environment(copy, broker, **more),
                stderr=log,
                cwd=ROOT,
            )

    async def ready(self) -> float:
        """Wait until its three jobs run; return how many seconds that took from its start."""
        while '"ready' not in self._log.read_text():
            if self.process.poll() is not None or time.perf_counter() - self.began_at > _READY_WITHIN_S:
                raise RuntimeError(f"the workers did not start: {self._log.read_text()[-2000:]}")
            await asyncio.sleep(0.005)
        if self._profile:
            self.process.send_signal(signal.SIGUSR1)
        return time.perf_counter() - self.began_at

    @property
    def cpu_s(self) -> float:
        return cpu_s(self.process.pid)

    def stop(self) -> None:
        """End it at once: its database and its broker end with the measurement."""
        if self._profile and self.process.poll() is None:
            self.process.send_signal(signal.SIGUSR2)
            wait_until(self._profile.exists, 10)
        self.process.kill()
        self.process.wait()


@asynccontextmanager
async def workers(
    copy: Copy, broker: BrokerProcess, count: int = 1, **more: str
) -> AsyncIterator[list[Worker]]:
    """So many processes of workers, ready."""
    running = [Worker(copy, broker, **more) for _ in range(count)]
    try:
        for worker in running:
            await worker.ready()
        yield running
    finally:
        for worker in running:
            worker.stop()


class Helper:
    """A pump or a catcher. It reports that it is ready, starts on a signal, and reports what it did."""

    def __init__(self, module: str, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._said()

    def _said(self) -> list[str]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a pump or a catcher ended early")
        return line.split()

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    async def done(self) -> list[float]:
        return [float(word) for word in await asyncio.to_thread(self._said)]

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def helper(module: str, *arguments: object) -> Iterator[Helper]:
    running = Helper(module, *arguments)
    try:
        yield running
    finally:
        running.end()


def cpu_s(pid: int) -> float:
    """Processor seconds of all threads of a process."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def postgres_cpu_s(place: Place) -> float:
    """Processor seconds of the server and of all its backends, also of those that have ended."""
    parent, total = place.postmaster, 0.0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(folder.name) == parent:
                    total += (int(fields[13]) + int(fields[14])) * _TICK_S
                if parent in {int(fields[1]), int(folder.name)}:
                    total += cpu_s(int(folder.name))
    return total


def memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) / 1024
    return 0.0
