"""What the screen costs on a line: next to nothing while nothing happens, and never more than the line takes."""

import asyncio
import itertools
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from console.concurrency import end_all
from console.embedded.servers import EmbeddedServers
from console.limits import DEFAULT_TTL
from console.runtime.program import Program
from console.runtime.wiring import wire_program
from console.store.access import Access
from console.store.pool import Database
from tests.brokers import BrokerProcess
from tests.conftest import Fleet, make_home
from tests.faults.processes import REPOSITORY, environment
from tests.faults.terminal import FarTerminal, Terminal, terminal
from tests.rows import add_command

IDLE, IDLE_DEVICES = 300, 1_500  # bytes a second
BUSY, SENT_PER_S = 2_000, 5  # bytes a second while so many commands go out, each of which is an event twice
WINDOW_S = 4
RATE = 20_000  # bytes a second that a slow line takes
FRAME = 12_000  # bytes: more than a whole screen of 80 by 24 takes
# what was seen: Devices 243, History of a device 0, of the tenant 17, Detail 0, Compose 157, bulk sends 0, Problems 0,
# help 0 (over Devices or a History), go 102 (its cursor blinks), confirm 0; before frames were compared: 3,292,
# 22,960, 25,438, 103, 15,998, 8,496, 9,486, 24,390, 39,999 and 4,057
WALK = (
    # keys that lead there, what then stands there, keys that lead back
    ("", "Devices   248", ""),
    ("0", "ended per minute", ""),
    ("l", " Live", "\x1b"),
    ("F", "enter history  c compose  space mark", "\x1b\x1b"),
    ("@", "What this console did", "\x1b"),
    ("'", "a", "\x1b"),
    ("d", "answers", "\x1b"),
    ("?", "Keys", "\x1b"),
    ("\r", "› History", ""),
    ("?", "Keys", "\x1b"),
    ("\r", "Command › Detail", "\x1b\x1b"),
    ("H", "All devices › History", "\x1b"),
    (":", "Go to", "\x1b"),
    ("p", "Problems", "\x1b"),
    ("b", "Bulk sends", "\x1b"),
    ("c", "New command", ""),
    ("ping", "Ready.", ""),
    ("\x13", "Send ping to", "\x1b\x1b"),
)


@pytest.fixture
def demo_home() -> Iterator[Path]:
    home = make_home()
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
async def demo(demo_home: Path) -> AsyncIterator[Terminal]:
    """The demo with its fleet of 250 devices, as a newcomer starts it."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("CONSOLE_", "DATABASE_URL", "MQTT_URL"))}
    env = {
        **keep, "PYTHONPATH": str(REPOSITORY), "CONSOLE_HOME": str(demo_home), "COLORTERM": "truecolor",
        "CONSOLE_START": "devices", "CONSOLE_DEMO_TRAFFIC": "false",
    }  # fmt: skip
    async with terminal(env, "--embedded") as screen:
        yield screen


@pytest.fixture
def env(access: Access, mosquitto: BrokerProcess, tmp_path: Path, fleet: Fleet) -> dict[str, str]:
    assert fleet.acme == "acme"
    return environment(tmp_path, access.url, mosquitto.address)


async def _costs(demo: Terminal) -> dict[str, float]:
    """Bytes a second of every screen, each looked at for a while."""
    costs: dict[str, float] = {}
    for keys, there, back in WALK:
        demo.type(keys)
        await demo.shows(there)
        await demo.settled(0.5, 5)
        size = len(demo.raw)
        await asyncio.sleep(WINDOW_S)
        costs[f"{there} ({keys!r})"] = (len(demo.raw) - size) / WINDOW_S
        for key in back:
            demo.type(key)
            await demo.settled(0.3, 2)
    print(costs)
    return costs


@pytest.mark.slow
async def test_a_screen_on_which_nothing_happens_costs_next_to_nothing(demo: Terminal) -> None:
    """Without the comparison with what stands there, a repaint of what is the same costs up to 40,000 bytes a second."""
    await demo.shows("Devices   248", 120)
    await demo.shows("online      ")
    costs = await _costs(demo)
    assert {k: v for k, v in costs.items() if v > (IDLE_DEVICES if "Devices   " in k else IDLE)} == {}, costs


@pytest.mark.slow
async def test_ten_events_a_second_cost_little_on_every_screen(demo: Terminal, demo_home: Path) -> None:
    """Without cropped repaints each new row of a list costs as much as the list."""
    await demo.shows("Devices   248", 120)
    await demo.shows("online      ")
    began = time.monotonic()
    async with _sending(demo_home) as sent:
        costs = await _costs(demo)
    assert len(sent) >= (time.monotonic() - began) * SENT_PER_S / 2, "there was a load"
    assert costs["All devices › History ('H')"] > 0, "and it was shown"
    assert {k: v for k, v in costs.items() if v > BUSY} == {}, costs


@asynccontextmanager
async def _sending(home: Path) -> AsyncIterator[list[str]]:
    """Send commands to the demo's devices from another program, all the while; yield whom one was sent to."""
    with EmbeddedServers.attach(home) as servers:
        database = Database(Access(servers.addresses.database_url))
        await database.open()
        program = wire_program(database, tenants=("demo",), operator="load")
        ids = await program.history.device_index("demo")
        sent: list[str] = []
        sending = asyncio.create_task(_send(program, ids, sent))
        try:
            yield sent
        finally:
            assert not sending.done(), sending
            await end_all([sending])
            await database.close()


async def _send(program: Program, device_ids: Sequence[str], sent: list[str]) -> None:
    """Send at this rate, whatever a send takes."""
    began = time.monotonic()
    for device in itertools.cycle(device_ids):
        await program.sender.send("demo", [program.sender.draft(device, "ping", "{}", DEFAULT_TTL, "load")])
        sent.append(device)
        await asyncio.sleep(max(0.0, began + len(sent) / SENT_PER_S - time.monotonic()))


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_frames_do_not_queue_up_for_a_terminal_that_does_not_take_them(env: dict[str, str]) -> None:
    """Without the wait for the last frame, each of these keys leaves a frame that is still to be shown."""
    async with terminal(env) as screen:
        await screen.shows("pump-5")
        await screen.settled()
        screen.stall()
        size = len(screen.raw)
        for _ in range(40):
            screen.type("\x1b[20~")  # f9: another theme, so that every cell is another one
            await screen.settled(0.05)
        screen.type("\x1b")
        await screen.settled(0.5)
        screen.type("p")
        await screen.settled(0.5)
        screen.go_on()
        await screen.shows("Problems")
        await screen.settled()
        print(len(screen.raw) - size)
        assert len(screen.raw) - size < 4 * FRAME
        assert "No problems" in screen.text


@pytest.mark.soak
@pytest.mark.mosquitto
async def test_every_key_answers_soon_on_a_slow_line_at_the_busiest_screen(
    env: dict[str, str], owner: asyncpg.Connection
) -> None:
    """20,000 bytes a second, 300 ms there and back, thirty new commands a second, for more than a minute.

    What a key waits for on such a line is the bytes before its answer; so they are counted, and the seconds only shown.
    """
    screen = FarTerminal(80, 24, rate=RATE, delay_s=0.3)
    await screen.start(env)
    busy = asyncio.create_task(_fill(owner))
    waits: list[float] = []
    ahead: list[int] = []
    try:
        await screen.shows("pump-5")
        screen.type("H")
        await screen.shows("All devices › History")
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            for key, there in (
                ("?", "Keys"),
                ("\x1b", ""),
                (":", "Go to"),
                ("\x1b", ""),
                ("j", ""),
                ("G", ""),
            ):
                since, before, size = time.monotonic(), screen.text, len(screen.raw)
                screen.type(key)
                await (screen.shows(there) if there else screen.changes(before))
                waits.append(time.monotonic() - since)
                ahead.append(len(screen.raw) - size)
                await asyncio.sleep(2)
        print(f"seconds {sorted(waits)}, bytes {sorted(ahead)}")
        assert max(ahead) <= 0.3 * RATE  # so an answer comes within a round trip and 300 ms
    finally:
        busy.cancel()
        await screen.close()


async def _fill(owner: asyncpg.Connection) -> None:
    number = 0
    while True:
        await add_command(owner, "acme", f"busy-{number}", f"pump-{number % 5 + 1}")
        number += 1
        await asyncio.sleep(1 / 30)
