"""Consoles served over SSH in one process: memory, processor time and bytes, at rest and at work."""

import asyncio
import tempfile
import time
from collections import defaultdict
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncssh

from benchmarks.figures import Figure, Sample, percentile
from benchmarks.place import TENANT, Copy, Place, Scale
from benchmarks.processes import cpu_s, memory_mb
from tests.faults.served import FarScreen, far_screen, served

_ONE_BY_ONE, _AT_ONCE = "P15 memory after 100 one by one", "P15 memory with 50 at once"
_ONE, _TEN = "P15 memory with one", "P15 memory with 10"
_IDLE_CPU, _BUSY_CPU = "P15 processor of 50 at rest", "P15 processor of 50 at 10 changes/s"
_TEN_IDLE_CPU, _TEN_BUSY_CPU = "P15 processor of 10 at rest", "P15 processor of 10 at 10 changes/s"
_IDLE, _BUSY = "P15 written for a session at rest", "P15 written for a session at 10 changes/s"
_KEY, _KEY_TAIL = "P15 key with 50 at work, p50", "P15 key with 50 at work, p99"
FIGURES = (
    Figure(_ONE, "MB", "", None, None, at_most=True, absolute=True),
    Figure(_TEN, "MB", "", None, None, at_most=True, absolute=True),
    Figure(_ONE_BY_ONE, "MB", "", 262, None, at_most=True, absolute=True),
    Figure(_AT_ONCE, "MB", "", 336, None, at_most=True, absolute=True),
    Figure(_TEN_IDLE_CPU, "%", "", None, None, at_most=True, absolute=True),
    Figure(_TEN_BUSY_CPU, "%", "", None, None, at_most=True, absolute=True),
    Figure(_IDLE_CPU, "%", "", None, None, at_most=True, absolute=True),
    Figure(_BUSY_CPU, "%", "", None, None, at_most=True, absolute=True),
    Figure(_IDLE, "B/s", "", 500, None, at_most=True, absolute=True),
    Figure(_BUSY, "B/s", "", 2_000, None, at_most=True, absolute=True),
    Figure(_KEY, "ms", "", None, None, at_most=True, absolute=True),
    Figure(_KEY_TAIL, "ms", "", None, None, at_most=True, absolute=True),
)
_CTRL_Q = "\x11"
_CHANGES_PER_S = 10
_SETTINGS = {
    "CONSOLE_START": "devices",
    "CONSOLE_SERVED_SESSIONS": "60",
    "CONSOLE_SERVED_PER_KEY": "60",
    "CONSOLE_SERVED_KEEP_S": "1",
}
Measured = dict[str, list[Sample]]


async def measure(place: Place, scale: Scale) -> Measured:
    """Measure with 250 devices, of which those on the screens change; the clients' time is not counted."""
    found: Measured = defaultdict(list)
    one_by_one, seconds = (10, 2.0) if scale.short else (100, 10.0)
    with place.broker() as broker, tempfile.TemporaryDirectory(dir=place.folder) as folder:
        async with (
            place.database("sessions", _fewer_devices) as copy,
            served(Path(folder), copy.login, broker=broker.address, settings=_SETTINGS) as server,
        ):
            for _ in range(one_by_one):
                async with await server.connect("kim") as connection:
                    screen = await _opened(connection)
                    screen.type(_CTRL_Q)
                    await screen.ended()
            found[_ONE_BY_ONE].append(Sample(memory_mb(server.running.pid)))
    with place.broker() as broker, tempfile.TemporaryDirectory(dir=place.folder) as folder:
        async with (
            place.database("sessions", _fewer_devices) as copy,
            served(Path(folder), copy.login, broker=broker.address, settings=_SETTINGS) as server,
            AsyncExitStack() as stack,
        ):
            pid = server.running.pid
            connections = [await stack.enter_async_context(await server.connect("kim")) for _ in range(10)]
            screens: list[FarScreen] = []
            for wanted, memory, at_rest, at_work in (
                (1, _ONE, "", ""),
                (10, _TEN, _TEN_IDLE_CPU, _TEN_BUSY_CPU),
                (50, _AT_ONCE, _IDLE_CPU, _BUSY_CPU),
            ):
                numbers = range(len(screens), wanted)
                screens += await asyncio.gather(*(_opened(connections[n % 10]) for n in numbers))
                await asyncio.sleep(6)  # the last of them rests
                found[memory].append(Sample(memory_mb(pid)))
                if at_rest:
                    cpu, size = await _watched(pid, screens, seconds)
                    found[at_rest].append(Sample(cpu))
                    found[_IDLE].append(Sample(size))
                    change = asyncio.create_task(_change(copy))
                    cpu, size = await _watched(pid, screens, seconds)
                    found[at_work].append(Sample(cpu))
                    found[_BUSY].append(Sample(size))
                    if wanted == 50:
                        taken = await _keys(screens, 10 if scale.short else 100)
                        found[_KEY].append(Sample(percentile(taken, 0.5), None, len(taken)))
                        found[_KEY_TAIL].append(Sample(percentile(taken, 0.99), None, len(taken)))
                    change.cancel()
    return found


async def _fewer_devices(connection: Any) -> None:
    """As many as the demo has: a larger fleet costs each session the list of its ids."""
    await connection.execute("DELETE FROM device_state WHERE device_id >= 'dev-00250'")
    await connection.execute("DELETE FROM device_registry WHERE device_id >= 'dev-00250'")


async def _opened(connection: asyncssh.SSHClientConnection) -> FarScreen:
    """A screen with rows."""
    screen = await far_screen(connection)
    await screen.shows("dev-00005")
    return screen


async def _watched(pid: int, screens: list[FarScreen], seconds: float) -> tuple[float, float]:
    """Per cent of a processor, and bytes a second that a session is sent."""
    size, cpu, began = sum(len(one.raw) for one in screens), cpu_s(pid), time.monotonic()
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    written = sum(len(one.raw) for one in screens) - size
    return (cpu_s(pid) - cpu) / took * 100, written / took / len(screens)


async def _change(copy: Copy) -> None:
    """So many changed rows a second, all of them in view, until it is cancelled."""
    words, done, began = ("STALE", "OFFLINE", "ONLINE"), 0, time.monotonic()
    while True:
        await copy.sql.execute(
            "UPDATE device_state SET status = $2 WHERE tenant_id = $3 AND device_id = $1",
            f"dev-{done % 20:05}", words[done // 20 % 3], TENANT,
        )  # fmt: skip
        done += 1
        await asyncio.sleep(max(0.0, began + done / _CHANGES_PER_S - time.monotonic()))


async def _keys(screens: list[FarScreen], turns: int) -> list[float]:
    """Milliseconds from a key until its row is marked, one session after the other."""
    taken: list[float] = []
    for turn in range(turns):
        screen = screens[turn % len(screens)]
        wanted = "▌  dev-00001" if (turn // len(screens)) % 2 == 0 else "▌  dev-00000"
        began = time.perf_counter()
        screen.type("j" if wanted.endswith("1") else "k")
        while wanted not in screen.text:
            if time.perf_counter() - began > 30:
                raise TimeoutError(f"no {wanted!r}:\n{screen.text}")
            await asyncio.sleep(0.002)
        taken.append((time.perf_counter() - began) * 1e3)
    return taken
