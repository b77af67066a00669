"""Many sessions of OpenSSH's client in one process: what they cost in memory, and that nothing of them stays."""

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from console.store.access import Access
from tests.conftest import Fleet
from tests.faults.program import COUNT
from tests.faults.served import ACME, Served, served
from tests.faults.terminal import Terminal
from tests.waiting import LONG_S, until

pytestmark = [pytest.mark.ssh, pytest.mark.proc, pytest.mark.soak]

MIB = 1_048_576
MOST_AFTER_ONE_BY_ONE, MOST_AT_ONCE = 250 * MIB, 320 * MIB
CTRL_Q = "\x11"
_AT_ONCE = 50
_MANY: dict[str, Any] = {
    "CONSOLE_SERVED_SESSIONS": "60",
    "CONSOLE_SERVED_PER_KEY": "60",
    "CONSOLE_SERVED_PER_ADDRESS": "60",
    "CONSOLE_SERVED_KEEP_S": "1",
    COUNT: "1",
}


async def consoles(server: Served) -> int:
    """How many consoles are in the server's memory."""
    seen = len(server.events("counted"))
    server.running.signal(signal.SIGUSR1)
    return int((await server.tells("counted", seen + 1))["consoles"])


async def look_at(screen: Terminal) -> None:
    """Wait for rows, and open another screen from there."""
    await screen.shows("pump-5")
    screen.type("H")
    await screen.shows("History")


async def begins(screen: Terminal) -> None:
    """Wait for the first byte of a screen, long before it shows rows."""

    async def begun() -> bool:
        return bool(screen.raw)

    await until(begun)


@pytest.mark.timeout(400)
async def test_memory_and_consoles_of_many_sessions(access: Access, fleet: Fleet, tmp_path: Path) -> None:
    """Without an end of each timer and task, every session leaves its screens in memory: some 3 MiB each."""
    del fleet
    async with served(tmp_path, access.url, settings=_MANY) as server, AsyncExitStack() as stack:
        for _ in range(100):
            async with server.screen("kim") as screen:
                await look_at(screen)
                screen.type(CTRL_Q)
                assert await screen.ended() == 0
        one_by_one = server.running.rss_bytes
        assert one_by_one <= MOST_AFTER_ONE_BY_ONE, one_by_one / MIB

        async def none_left() -> bool:
            return await consoles(server) == 0

        await until(none_left, LONG_S)  # a timer that was cancelled is forgotten when it would have ended
        at_once = await asyncio.gather(
            *(stack.enter_async_context(server.screen("kim")) for _ in range(_AT_ONCE))
        )
        await asyncio.gather(*map(look_at, at_once))
        assert server.events("refused") == [], "a login takes its time when many come at once"
        assert server.running.rss_bytes <= MOST_AT_ONCE, server.running.rss_bytes / MIB
        assert await consoles(server) == _AT_ONCE
        print(
            f"{one_by_one / MIB:.0f} MiB after 100 one by one, {server.running.rss_bytes / MIB:.0f} MiB with 50"
        )


@pytest.mark.timeout(400)
async def test_of_200_lines_that_were_cut_no_console_is_left(
    access: Access, fleet: Fleet, tmp_path: Path
) -> None:
    """Without an end of what is kept, or with one that is forgotten while a console starts, some live for ever."""
    del fleet
    async with served(tmp_path, access.url, settings=_MANY) as server:
        names = [f"k{number}" for number in range(4)]
        server.keys.admit(**dict.fromkeys(names, ACME))

        async def come_and_go(name: str) -> None:
            for number in range(50):
                async with server.screen(name) as screen:
                    if number % 3:
                        await screen.shows("pump-5")
                    else:
                        await begins(screen)
                    screen.kill()

        await asyncio.gather(*map(come_and_go, names))

        async def none_left() -> bool:
            return await consoles(server) == 0

        await until(none_left, LONG_S)
        opened, resumed, closed = (len(server.events(name)) for name in ("opened", "resumed", "closed"))
        assert opened == closed
        assert opened + resumed > 100
        assert server.running.rss_bytes <= MOST_AFTER_ONE_BY_ONE
