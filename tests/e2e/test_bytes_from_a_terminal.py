"""No byte that a terminal sends ends the program, or acts as a key that nobody typed."""

import asyncio
import random
from pathlib import Path

import asyncpg
import pytest

from console.store.access import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.e2e.test_terminal_sessions import OUT, restored
from tests.faults.processes import environment
from tests.faults.terminal import Terminal, terminal
from tests.guarantees.test_terminal import crash_reports

pytestmark = pytest.mark.mosquitto

# each holds keys that would leave the screen (q), open a sheet (c) or say yes (y), were they taken for typed ones
UNTYPED = (
    b"\x1b[M qy", b"\x1b[M\xc3\xa9\xff", b"\x1b[M c", b"\x1b[?62;22c", b"\x1b]11;rgb:qqqq/cccc/yyyy\x07",
    b"\x1bP>|tmux 3.4 qqqcy\x1b\\", b"\x1b_Gqcy\x1b\\", b"\x1b^qcy\x1b\\", b"\x1bXqcy\x1b\\", b"\x1b[0;0;0y",
    b"\x1b[" + b"1;" * 300 + b"y", b"\x1b[" + b"9" * 9_000 + b"q", b"\x1b[99999999999u", b"\x1b[1114112u",
    b"\x1b[55296;1;55296u", b"\x1b[48;9999;9999;9999;9999t", b"\x1b[48;0;0;0;0t", b"\x1b[?2048;1$y",
    b"\x1b[<0;99999;99999M", b"\x1b[<35;-5;-5M", b"\x1b[<999999;1;1M", b"\x1b[<64;200;200M", b"\x1b[1;1R",
    b"\x1b]52;c;" + b"cXl5" * 4_000 + b"\x07", b"\x1b[I\x1b[O", b"\x1b[200~q\xe9cy\x1b[201~", b"\x00",
)  # fmt: skip
CUT = (b"\x1b[<0;10;", b"\x1b[1;", b"\x1b[M", b"\x1bPqcy", b"\x1b]11;qcy", b"\x1b[200")
LEAVES = b"qQR\x11\x1a"


@pytest.fixture
def env(access: Access, mosquitto: BrokerProcess, tmp_path: Path, fleet: Fleet) -> dict[str, str]:
    assert fleet.acme == "acme"
    return environment(tmp_path, access.url, mosquitto.address)


def untouched(screen: Terminal) -> bool:
    """Whether the list of devices stands there, and no dialog over it."""
    return "Devices   5" in screen.text and "╭" not in screen.text


async def still_there(screen: Terminal) -> None:
    """Keys count, and the screen is the one that it was."""
    screen.type("\x1b")
    await screen.settled()
    await screen.shows("Devices   5")
    screen.type("?")
    await screen.shows("Keys")
    await screen.settled()
    screen.type("\x1b")
    await screen.shows("pump-5")


@pytest.mark.slow
async def test_what_is_no_key_acts_as_none(
    env: dict[str, str], tmp_path: Path, owner: asyncpg.Connection
) -> None:
    """Without our own reader the first byte that is no UTF-8 ends it, and answers of a terminal are taken for keys."""
    async with terminal(env) as screen:
        await screen.shows("pump-5")
        for data in UNTYPED:
            screen.send(data)
            await screen.settled(0.05)
            assert screen.alive, data
            assert untouched(screen), (data, screen.text)
        for data in CUT:
            screen.send(data)
            await asyncio.sleep(1.2)  # what is cut off is given up after a second of silence
            assert untouched(screen), (data, screen.text)
        await still_there(screen)
        screen.type("q")
        assert await screen.ended() == 0
        assert restored(screen)
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 0
    assert crash_reports(tmp_path) == []


async def test_latin_1_is_pasted_into_a_field_with_what_it_cannot_say_replaced(env: dict[str, str]) -> None:
    """Without the replacement, the first such byte ends the thread that reads the terminal."""
    async with terminal(env) as screen:
        await screen.shows("pump-5")
        screen.send(b"/\xe9\xe8pump-3")
        await screen.shows("\ufffd\ufffdpump-3")
        screen.type("\x1b")
        await still_there(screen)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_random_bytes_end_nothing(env: dict[str, str], tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    beginnings = (
        b"\x1b[",
        b"\x1b[M",
        b"\x1b[<",
        b"\x1bO",
        b"\x1b]",
        b"\x1bP",
        b"\x1b[200~",
        b"\x1b[201~",
        b"",
    )
    async with terminal(env, columns=100, rows=30) as screen:
        await screen.shows("pump-5")
        for _ in range(80):
            data = chance.choice(beginnings) + chance.randbytes(chance.randrange(1, 30))
            screen.send(bytes(byte for byte in data if byte not in LEAVES))
            if chance.random() < 0.2:
                await screen.settled(0.05)
            assert screen.alive, data
        screen.send(b"\x1b[201~\x1b\\")
        await screen.settled()
        screen.send(b"\x11")
        await screen.settled()
        if screen.alive:  # what was done may be under way still, and is asked about
            screen.send(b"\x11")
        assert await screen.ended() == 0
        assert restored(screen)
    assert crash_reports(tmp_path) == []


async def test_a_thread_that_fails_ends_the_program_as_a_crash(env: dict[str, str], tmp_path: Path) -> None:
    """Without the hook for threads the screen stays, and hears no key any more."""
    failing = "console.tui.terminal.input:TerminalInput.feed:fail:3"
    async with terminal(env | {"CONSOLE_TEST_FAILPOINT": failing}) as screen:
        await screen.shows("pump-5")
        for _ in range(3):
            await screen.settled()
            screen.type("j")
        assert await screen.ended() == 1
        assert restored(screen)
        message = bytes(screen.raw).rpartition(OUT)[2]
        assert b"device-console crashed; the report is in" in message
        assert b"Traceback" not in message
    assert len(crash_reports(tmp_path)) == 1
