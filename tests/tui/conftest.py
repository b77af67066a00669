"""A running screen on a real database, read back as a grid of text."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

import asyncpg
import pytest
from textual.pilot import Pilot

from console.runtime.program import Program
from console.tui.app import ConsoleApp
from tests.conftest import Fleet
from tests.rows import add_command
from tests.waiting import until


class Screen:
    """What an operator sees and types."""

    def __init__(self, app: ConsoleApp, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot

    def text(self) -> str:
        strips = self.app.screen._compositor.render_strips()
        base = ["".join(segment.text for segment in strip) for strip in strips]
        return "\n".join(line.rstrip() for line in base)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        await self.pilot.press(*["space" if c == " " else c for c in text])

    async def sees(self, *words: str, timeout_s: float = 8.0) -> str:
        async def there() -> bool:
            await self.pilot.pause()
            return all(word in self.text() for word in words)

        try:
            await until(there, timeout_s)
        except AssertionError:
            missing = [word for word in words if word not in self.text()]
            raise AssertionError(f"{missing} not on the screen:\n{self.text()}") from None
        return self.text()

    async def no_longer_sees(self, word: str) -> None:
        async def gone() -> bool:
            await self.pilot.pause()
            return word not in self.text()

        await until(gone)


class OpenScreen(Protocol):
    def __call__(
        self, *, size: tuple[int, int] = (80, 24), change: Callable[[Program], Program] = lambda p: p
    ) -> AbstractAsyncContextManager[Screen]: ...


@pytest.fixture
def open_screen(program: Program) -> OpenScreen:
    @asynccontextmanager
    async def opened(
        *, size: tuple[int, int] = (80, 24), change: Callable[[Program], Program] = lambda p: p
    ) -> AsyncIterator[Screen]:
        used = change(program)
        used.health.database_up(latency_s=0.002)
        used.health.broker_up(detail="v5")
        used.health.sweep = "on"
        app = ConsoleApp(used)
        async with app.run_test(size=size, notifications=True) as pilot:
            screen = Screen(app, pilot)
            await screen.sees("pump-1")
            yield screen

    return opened


def read_only(program: Program) -> Program:
    return replace(program, read_only=True)


@pytest.fixture
async def some_history(owner: asyncpg.Connection, fleet: Fleet) -> None:
    """A published, a waiting, an answered and a missed command of pump-1."""
    hour = timedelta(hours=1)
    await add_command(owner, fleet.acme, "c-answered", age=hour * 4, ttl=-hour, published=True)
    await owner.execute(
        "UPDATE device_commands SET status = 'delivered', acked_at = published_at + interval '0.25 s',"
        ' ack_details = \'{"status": "error", "details": {"reason": "busy"}}\''
    )
    await add_command(owner, fleet.acme, "c-missed", age=hour * 3, ttl=-hour, published=True, status="missed")
    await add_command(owner, fleet.acme, "c-published", age=hour, published=True)
    await add_command(owner, fleet.acme, "c-waiting", params='{"delay_s": 5}')
