"""Quiet: next to nothing is written that no key asked for, by wish or because the line is slow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from console.store.access import Access
from console.tui.terminal.frames import FAR_S, QUIET_RATE
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.faults.processes import environment
from tests.faults.terminal import FarTerminal, Terminal, terminal
from tests.rows import add_command
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.mosquitto]
OVER_SSH = {"SSH_CONNECTION": "203.0.113.7 50022 192.0.2.1 22"}
WINDOW_S = 20
FRAME = 4_000  # bytes: the one that comes last may be a large one
PER_S = 10


@pytest.fixture
def env(access: Access, mosquitto: BrokerProcess, tmp_path: Path, fleet: Fleet) -> dict[str, str]:
    assert fleet.acme == "acme"
    return environment(tmp_path, access.url, mosquitto.address)


@asynccontextmanager
async def far(env: dict[str, str], delay_s: float) -> AsyncIterator[Terminal]:
    screen = FarTerminal(80, 24, rate=200_000, delay_s=delay_s)
    await screen.start(env)
    try:
        yield screen
    finally:
        await screen.close()


async def _is_asked(screen: Terminal, times: int) -> bool:
    return screen.raw.count(b"\x1b[5n") >= times


@pytest.mark.parametrize(
    ("more", "delay_s", "is_quiet"),
    [
        (OVER_SSH, 2 * FAR_S, True), (OVER_SSH, 0.0, False), ({}, 2 * FAR_S, False),
        ({**OVER_SSH, "CONSOLE_QUIET": "off"}, 2 * FAR_S, False), ({"CONSOLE_QUIET": "on"}, 0.0, True),
    ],
)  # fmt: skip
async def test_a_slow_line_is_found_and_a_wish_goes_first(
    env: dict[str, str], more: dict[str, str], delay_s: float, is_quiet: bool
) -> None:
    """Without the question to the terminal, an engineer on a slow line has to know of the option."""
    async with far(env | more, delay_s) as screen:
        await screen.shows("pump-5")
        asked = (
            3
            if is_quiet and not more.get("CONSOLE_QUIET")
            else 1
            if "SSH_CONNECTION" in more and len(more) == 1
            else 0
        )
        await until(lambda: _is_asked(screen, asked))
        screen.type("j")
        await screen.settled(1.5)  # the header is drawn again each second
        assert ("quiet" in screen.text.splitlines()[0]) is is_quiet, screen.text
        assert screen.raw.count(b"\x1b[5n") == asked


async def _fill(owner: asyncpg.Connection) -> None:
    number = 0
    while True:
        await add_command(owner, "acme", f"busy-{number}", f"pump-{number % 5 + 1}")
        number += 1
        await asyncio.sleep(1 / PER_S)


async def test_whatever_happens_little_is_written_and_a_key_is_answered(
    env: dict[str, str], owner: asyncpg.Connection
) -> None:
    """Without the bound, a busy channel fills a line that is then missing for the answers to keys."""
    async with terminal(env | {"CONSOLE_QUIET": "on"}) as screen:
        await screen.shows("pump-5")
        screen.type("H")
        await screen.shows("All devices › History")
        await screen.settled()
        busy = asyncio.create_task(_fill(owner))
        try:
            size = len(screen.raw)
            await asyncio.sleep(WINDOW_S)
            written = len(screen.raw) - size
            print(written / WINDOW_S)
            assert 0 < written < QUIET_RATE * WINDOW_S + FRAME
            for key, there in (("?", "esc close"), ("\x1b", "pump-"), ("p", "No problems")):
                before = screen.text
                screen.type(key)
                await screen.changes(before)
                await screen.shows(there, 5)
        finally:
            busy.cancel()
        screen.type(":")
        await screen.shows("Go to")
        screen.type("quiet")
        await screen.shows("write only answers to keys")
        screen.type("\r")
        await screen.shows("No longer quiet")
        await screen.settled()
        assert "quiet" not in screen.text.splitlines()[0]
