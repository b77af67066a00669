"""What the terminal around us is asked for: the mouse or not, and the buffer of tmux."""

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from console.store.access import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.faults.processes import REPOSITORY, environment
from tests.faults.terminal import terminal
from tests.rows import add_command
from tests.waiting import until

MOUSE_ON = b"\x1b[?1000h"


@pytest.mark.mosquitto
@pytest.mark.parametrize("mouse", ["on", "off"])
async def test_the_mouse_is_left_to_the_terminal_when_it_is_switched_off(
    access: Access, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path, mouse: str
) -> None:
    """Without the setting, nobody could select text with the mouse as in any other program."""
    env = environment(tmp_path, access.url, mosquitto.address, CONSOLE_MOUSE=mouse)
    async with terminal(env) as screen:
        await screen.shows("pump-1")
        assert (MOUSE_ON in screen.raw) == (mouse == "on")


class Tmux:
    """A server of tmux for one test."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = {**env, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self._name = f"dc-{uuid.uuid4().hex[:8]}"

    async def ask(self, *words: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "tmux", "-L", self._name, *words, env=self._env, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate()
        return out.decode()

    async def shows(self, text: str) -> None:
        async def there() -> bool:
            return text in await self.ask("capture-pane", "-p")

        await until(there)


@pytest.fixture
async def tmux(access: Access, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path) -> AsyncIterator[Tmux]:
    server = Tmux({**environment(tmp_path, access.url, mosquitto.address), "HOME": str(tmp_path)})
    python = f"cd {REPOSITORY} && exec {sys.executable} -m console"
    await server.ask("-f", os.devnull, "new-session", "-d", "-x", "100", "-y", "30", python)
    try:
        yield server
    finally:
        await server.ask("kill-server")


@pytest.mark.tmux
@pytest.mark.mosquitto
async def test_a_copy_reaches_the_buffer_of_tmux_and_a_resize_is_followed(
    tmux: Tmux, owner: asyncpg.Connection
) -> None:
    """Without the way through tmux, a copy over SSH ends in a terminal that is told to ignore it."""
    await add_command(owner, "acme", "copy-me-4711", published=True)
    await tmux.shows("pump-1")
    await tmux.ask("send-keys", "H")
    await tmux.shows("All devices › History")
    await tmux.shows("published")
    await tmux.ask("send-keys", "y")
    await tmux.shows("Copied")

    async def in_the_buffer() -> bool:
        return await tmux.ask("show-buffer") == "copy-me-4711"

    await until(in_the_buffer)
    await tmux.ask("resize-window", "-x", "60", "-y", "15")
    await tmux.shows("› History")
    assert len((await tmux.ask("capture-pane", "-p")).rstrip("\n").split("\n")) <= 15
