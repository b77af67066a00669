"""A client that reads nothing costs little, gets the newest screen when it reads again, and is cut when it is gone."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from console.store.access import Access
from tests.conftest import Fleet
from tests.faults.program import ALIVE_S
from tests.faults.served import FarScreen, far_screen, served
from tests.faults.terminal import Terminal
from tests.waiting import until

pytestmark = [pytest.mark.proc, pytest.mark.slow]

MIB = 1_048_576
THEME, CTRL_Q = "\x1b[20~", "\x11"
TIMES = 40
_QUIET_S = 0.4


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


async def acted(pid: int) -> None:
    """Until the server has done all that was typed: it has used next to no processor time for a while."""
    loop = asyncio.get_running_loop()
    ticks, since = _cpu_ticks(pid), loop.time()

    async def quiet() -> bool:
        nonlocal ticks, since
        if _cpu_ticks(pid) - ticks > 2:
            ticks, since = _cpu_ticks(pid), loop.time()
        return loop.time() - since > _QUIET_S

    await until(quiet)


@pytest.mark.ssh
async def test_a_client_that_is_gone_without_a_word_is_cut(
    access: Access, fleet: Fleet, tmp_path: Path
) -> None:
    """Without a sign of life that is asked for, a client whose line hangs keeps its place until it is idle."""
    del fleet
    async with (
        served(tmp_path, access.url, settings={ALIVE_S: "0.3"}) as server,
        server.screen("kim") as screen,
    ):
        await screen.shows("pump-5")
        await asyncio.sleep(1.5)  # it answers: nothing happens
        assert server.events("cut") == []
        assert screen.process is not None
        os.kill(screen.process.pid, signal.SIGSTOP)
        await server.tells("cut", timeout_s=20)


async def test_a_client_that_grants_a_window_without_end_and_reads_nothing(
    access: Access, fleet: Fleet, tmp_path: Path
) -> None:
    """Without a look at what waits in the process, its window is as good as memory for it."""
    del fleet
    async with served(tmp_path, access.url) as server, await server.connect("kim") as connection:
        screen = await far_screen(connection, columns=200, rows=60, window=2**31)
        await screen.shows("pump-5")
        while len(screen.raw) < 300_000:  # it tells nothing of what it has taken before half of its window
            size = len(screen.raw)
            screen.type(THEME)
            await _grows(screen, size)
        before = server.running.rss_bytes
        transport = connection._transport
        assert transport is not None
        transport.pause_reading()
        for _ in range(TIMES):
            screen.type(THEME)
        await acted(server.running.pid)
        assert server.running.rss_bytes - before < 16 * MIB
        transport.resume_reading()
        screen.type("\x1b")
        await acted(server.running.pid)
        screen.type("?")
        await screen.shows("Keys")


async def _grows(screen: FarScreen | Terminal, size: int) -> None:
    async def grown() -> bool:
        return len(screen.raw) > size

    await until(grown)


async def test_keys_come_in_no_faster_than_they_are_acted_on(
    access: Access, fleet: Fleet, tmp_path: Path
) -> None:
    """Without a pause in reading, a client that sends keys for ever fills the memory with them."""
    del fleet
    async with served(tmp_path, access.url) as server, await server.connect("kim") as connection:
        screen = await far_screen(connection)
        await screen.shows("pump-5")
        before = server.running.rss_bytes
        screen.process.stdin.write(b"j" * 3_000_000)
        for _ in range(20):
            assert server.running.rss_bytes - before < 48 * MIB
            async with await server.connect("eve") as other:
                assert (await other.run("--version")).exit_status == 0
