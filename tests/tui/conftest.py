"""A console on a real database, driven by keys and read as lines of text."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import pytest

os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
os.environ["LC_ALL"] = "C.UTF-8"

from textual.pilot import Pilot

from console.runtime.program import Program
from console.runtime.wiring import wire_program
from console.store.access import Access
from console.store.pool import Database
from console.tui.application.app import ConsoleApp
from tests.waiting import PATIENCE_S


@dataclass
class Rig:
    """What a test holds: the program, and the superuser's hand on the database."""

    program: Program
    sql: Any

    @asynccontextmanager
    async def console(self, width: int = 120, height: int = 40) -> AsyncIterator["Seen"]:
        app = ConsoleApp(self.program)
        async with app.run_test(size=(width, height)) as pilot:
            seen = Seen(app, pilot)
            await seen.shows(self.program.tenants[0])
            yield seen

    async def devices(self, *ids: str, link: str = "ONLINE") -> None:
        await self.sql.executemany(
            "INSERT INTO device_registry (tenant_id, device_id, site_id, model)"
            " VALUES ('acme', $1, 'lyon', 'PX')",
            [(i,) for i in ids],
        )
        await self.sql.executemany(
            "INSERT INTO device_state (tenant_id, device_id, site_id, status, last_seen_at)"
            " VALUES ('acme', $1, 'lyon', $2, now())",
            [(i, link) for i in ids],
        )

    async def command(
        self, command_id: str, device: str, kind: str = "ping", status: str = "queued", *, ago_s: float = 60,
        published: bool = False, ack: str | None = None,
    ) -> None:  # fmt: skip
        await self.sql.execute(
            "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, status, created_at,"
            " expires_at, published_at, acked_at, ack_details, created_by) SELECT 'acme', $1, $2, $3, $4, t,"
            " t + interval '1 hour', CASE WHEN $6 THEN t END, CASE WHEN $7::jsonb IS NOT NULL THEN t END,"
            " $7::jsonb, 'bob' FROM (SELECT now() - make_interval(secs => $5) AS t) x",
            command_id, device, kind, status, ago_s, published, ack,
        )  # fmt: skip

    async def take_over(self, command_id: str) -> None:
        """As the dispatcher does with what another program left unpublished: until then it is not ours."""
        await self.sql.execute(
            "INSERT INTO device_console.outbox (tenant_id, command_id, device_id)"
            " SELECT tenant_id, command_id, device_id FROM device_commands WHERE command_id = $1",
            command_id,
        )

    async def count(self) -> int:
        return int(await self.sql.fetchval("SELECT count(*) FROM device_commands"))


@dataclass
class Seen:
    """The screen as an operator sees it."""

    app: ConsoleApp
    pilot: Pilot[int]

    @property
    def lines(self) -> list[str]:
        screen = self.app.screen
        width, height = self.app.size
        del width
        strips = screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip) for strip in strips[:height]]

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        await self.pilot.press(*text)

    async def until(self, met: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
        end = asyncio.get_running_loop().time() + seconds
        while not met():
            if asyncio.get_running_loop().time() > end:
                raise AssertionError(f"never {what}:\n{self.text}")
            await self.pilot.pause(0.02)

    async def shows(self, *words: str) -> None:
        def there() -> bool:
            if getattr(self.app.screen, "_painted_at", 0.0) is None:
                return False  # a question is there once an operator can have read it: no key counts before
            text = self.text  # once: to paint the screen is what costs
            return all(word in text for word in words)

        await self.until(there, f"showed {words}")

    async def hides(self, *words: str) -> None:
        def gone() -> bool:
            text = self.text
            return not any(word in text for word in words)

        await self.until(gone, f"hid {words}")


@pytest.fixture
async def rig(database_url: str) -> AsyncIterator[Rig]:
    database = Database(Access(database_url))
    await database.open()
    sql = await asyncpg.connect(database_url)
    await sql.execute("INSERT INTO tenants (tenant_id, name) VALUES ('acme', 'Acme'), ('globex', 'Globex')")
    program = wire_program(database, tenants=("acme",), operator="alice")
    program.health.database_up(latency_s=0.002)
    program.health.broker_up(detail="v5")
    program.health.sweep = "on"
    try:
        yield Rig(program, sql)
    finally:
        await sql.close()
        await database.close()


@pytest.fixture
def reader(rig: Rig) -> Rig:
    """The same console, only reading."""
    return replace(rig, program=replace(rig.program, read_only=True))
