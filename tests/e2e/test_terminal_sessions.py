"""The real program on a real terminal, against a real broker and a device: keys, sizes, signals, and its end."""

import re
import signal
from pathlib import Path

import asyncpg
import pytest

from console.store.access import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.devices import device
from tests.faults.processes import environment
from tests.faults.terminal import Terminal, state, terminal
from tests.waiting import until

IN, OUT = b"\x1b[?1049h", b"\x1b[?1049l"
SIZES = ((60, 15), (200, 60), (80, 24), (41, 11), (20, 5), (120, 40))


@pytest.fixture
def env(access: Access, mosquitto: BrokerProcess, tmp_path: Path, fleet: Fleet) -> dict[str, str]:
    assert fleet.acme == "acme"
    return environment(tmp_path, access.url, mosquitto.address)


def restored(screen: Terminal) -> bool:
    """Whether the last thing said about the alternate screen, the mouse and the cursor is that they are left."""
    raw = bytes(screen.raw)
    last = {
        name: raw.rfind(name)
        for name in (IN, OUT, b"\x1b[?1000h", b"\x1b[?1000l", b"\x1b[?25h", b"\x1b[?25l")
    }
    return (
        last[OUT] > last[IN]
        and last[b"\x1b[?1000l"] >= last[b"\x1b[?1000h"]
        and last[b"\x1b[?25h"] > last[b"\x1b[?25l"]
    )


@pytest.mark.slow
async def test_an_operator_sends_to_many_and_sees_them_answer(
    env: dict[str, str], mosquitto: BrokerProcess, owner: asyncpg.Connection
) -> None:
    async with device(mosquitto.address, "+") as pumps, terminal(env, columns=120, rows=36) as screen:
        await screen.shows("pump-5")
        await screen.shows("mqtt ok")
        screen.type("a")
        await screen.shows("5 marked")
        screen.type("c")
        await screen.shows("to 5 devices")
        await screen.settled()
        screen.type("read_meter")
        await screen.shows("Ready.")
        screen.type("\x13")
        await screen.shows("Send read_meter to 5 devices of acme?")
        await screen.settled()
        screen.type("y")
        await screen.shows("5 of 5 ended")
        assert len(pumps.commands) == 5
        screen.type("\x1b")
        await screen.shows("Devices   5")
        await screen.settled()
        screen.type("q")
        assert await screen.ended() == 0
    assert await owner.fetchval("SELECT count(*) FROM device_commands WHERE status = 'delivered'") == 5


@pytest.mark.slow
async def test_keys_that_arrive_in_one_piece_do_what_they_do_one_by_one(env: dict[str, str]) -> None:
    """Without the wait between two keys the letters behind a slash act on the table: p opens the problems."""
    async with terminal(env, columns=100) as screen:
        await screen.shows("pump-5")
        screen.type("/pump-3\r?")
        await screen.shows("Keys")
        await screen.settled()
        screen.type("\x1b")
        await screen.shows("1 of 5")
        await screen.settled()
        screen.type("cread_meter\t")
        await screen.shows("New command   to pump-3")
        await screen.shows("read_meter")


@pytest.mark.slow
async def test_a_retry_and_a_yes_in_one_piece_send_nothing(
    env: dict[str, str], owner: asyncpg.Connection
) -> None:
    """Without the look at when a key came, it answers a question that nobody has seen."""
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, status, created_at,"
        " published_at, expires_at) VALUES ('acme', 'old', 'pump-1', 'ping', 'missed', now() - interval '2 hours',"
        " now() - interval '2 hours', now() - interval '1 hour')"
    )
    async with terminal(env, columns=100) as screen:
        await screen.shows("pump-5")
        screen.type("\r")
        await screen.shows("missed")
        await screen.settled()
        screen.type("ryyy")
        await screen.settled(0.5)
        assert await owner.fetchval("SELECT count(*) FROM device_commands") == 1
        if "again?" not in screen.text:  # on a busy machine the y came before the question, and copied the id
            if "esc close" in screen.text:
                screen.type("\x1b")
                await screen.settled()
            screen.type("r")
        await screen.shows("Send ping to pump-1 of acme again?")
        await screen.settled()
        screen.type("y")
        await screen.shows("Sent again as")


@pytest.mark.slow
async def test_it_lives_at_every_size_and_through_every_resize(env: dict[str, str]) -> None:
    async with terminal(env, columns=120, rows=36) as screen:
        await screen.shows("pump-5")
        for columns, rows in SIZES:
            screen.resize(columns, rows)
            await screen.shows("too small" if columns < 40 or rows < 10 else "pump-1")
        screen.type("\r")
        await screen.shows("pump-1 › History")
        for columns, rows in SIZES:
            screen.resize(columns, rows)
            await screen.settled(0.1)
        await screen.shows("pump-1 › History")
        screen.type("q")
        assert await screen.ended() == 0
        assert restored(screen)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
async def test_a_signal_ends_it_in_order_and_the_terminal_is_restored(
    env: dict[str, str], number: signal.Signals
) -> None:
    """Without our own handlers the terminal is left in the alternate screen with the mouse on."""
    async with terminal(env) as screen:
        await screen.shows("pump-5")
        assert screen.process is not None
        screen.process.send_signal(number)
        assert await screen.ended() == 0
        assert restored(screen)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTSTP, signal.SIGSTOP], ids=lambda number: number.name)
async def test_it_can_be_stopped_and_comes_back_whole(env: dict[str, str], number: signal.Signals) -> None:
    """SIGSTOP cannot be caught: the terminal is left and taken again when the program goes on."""
    async with terminal(env) as screen:
        await screen.shows("pump-5")
        await screen.settled()
        assert screen.process is not None
        screen.process.send_signal(number)
        await _stops(screen)
        assert restored(screen) == (number == signal.SIGTSTP)
        await _goes_on(screen)
        screen.type("\r")
        await screen.shows("pump-1 › History")
        screen.type("q")
        assert await screen.ended() == 0
        assert restored(screen)


async def test_ctrl_z_puts_it_to_sleep(env: dict[str, str]) -> None:
    """In raw mode the terminal leaves that key to the program."""
    async with terminal(env) as screen:
        await screen.shows("pump-5")
        await screen.settled()
        screen.type("\x1a")
        await _stops(screen)
        assert restored(screen)
        await _goes_on(screen)
        screen.type("q")
        assert await screen.ended() == 0


async def test_it_can_be_stopped_while_it_writes_to_the_terminal(env: dict[str, str]) -> None:
    """Without its own turn of the loop the stop waits for ever for a lock that its own thread holds."""
    env |= {"CONSOLE_TEST_FAILPOINT": "queue:Queue._put:stop:60"}
    async with terminal(env) as screen:
        await screen.shows("pump-5")
        await _stops(screen, typing="jk")
        assert restored(screen)
        await _goes_on(screen)
        screen.type("q")
        assert await screen.ended() == 0


async def _stops(screen: Terminal, typing: str = "") -> None:
    assert screen.process is not None
    pid = screen.process.pid

    async def stopped() -> bool:
        if state(pid) != "T" and typing:
            screen.type(typing)
        return state(pid) == "T"

    await until(stopped)
    await screen.settled()


async def _goes_on(screen: Terminal) -> None:
    """It shows all again, without being asked to."""
    assert screen.process is not None
    size = len(screen.raw)
    screen.process.send_signal(signal.SIGCONT)
    await until(lambda: _is(b"pump-5" in bytes(screen.raw[size:]).partition(IN)[2]))
    await screen.settled()


async def _is(value: bool) -> bool:
    return value


async def test_a_crash_is_one_line_a_report_and_exit_1_and_tells_no_secret(env: dict[str, str]) -> None:
    """Without our own end Textual prints every local variable, and exits 0."""
    env |= {
        "CONSOLE_TEST_FAILPOINT": "console.services.reads:History.device_counts:raise:1",
        "DATABASE_URL": env["DATABASE_URL"].replace("console_login@", "console_login:s3cret-canary@"),
    }
    async with terminal(env) as screen:
        assert await screen.ended() == 1
        assert restored(screen)
        message = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", bytes(screen.raw).rpartition(OUT)[2]).decode()
        assert "device-console crashed; the report is in" in message
        assert "s3cret-canary" not in bytes(screen.raw).decode("utf-8", "replace")
        assert "Traceback" not in message


@pytest.mark.slow
async def test_the_broker_goes_and_comes_and_both_are_reported(
    env: dict[str, str], mosquitto: BrokerProcess
) -> None:
    async with terminal(env, columns=120, rows=30) as screen:
        await screen.shows("mqtt ok")
        await screen.shows("pump-5")
        mosquitto.kill()
        await screen.shows("Broker unreachable")
        screen.type("c")
        await screen.shows("New command")
        await screen.settled()
        screen.type("ping")
        await screen.shows("The broker is down: pump-1 gets it once the broker is back")
        screen.type("\x13")
        await screen.shows("Send ping to pump-1")
        await screen.settled()
        screen.type("y")
        await screen.shows("outbox 1")
        await screen.shows("command waits, the oldest for")
        await until(lambda: _is(bool(re.search(r"the oldest for [2-9]s", screen.text))))  # less is not told
        mosquitto.start()
        await screen.shows("The broker is back after")
        await screen.shows("◔ published")


async def test_no_colour_is_sent_where_none_is_wanted(env: dict[str, str]) -> None:
    async with terminal(env | {"NO_COLOR": "1"}) as screen:
        await screen.shows("pump-5")
        assert not re.search(rb"\x1b\[[0-9;]*(3[0-7]|38|48|4[0-7]|9[0-7])(;|m)", bytes(screen.raw))
        screen.type("q")
        assert await screen.ended() == 0


async def test_a_terminal_that_cannot_move_its_cursor_is_refused(env: dict[str, str]) -> None:
    async with terminal(env | {"TERM": "dumb"}) as screen:
        assert await screen.ended() == 2
        assert b"TERM" in screen.raw


async def test_a_change_of_size_that_nobody_announced_is_found_out(env: dict[str, str]) -> None:
    """Without the look once a second, a lost SIGWINCH leaves a broken screen until the next one."""
    async with terminal(env, columns=120, rows=30) as screen:
        await screen.shows("pump-5")
        screen.resize(60, 15, announced=False)
        await screen.shows("pump-5")
        await screen.shows("? help")


@pytest.mark.mosquitto
async def test_help_is_wrapped_within_its_column(env: dict[str, str]) -> None:
    """Without room kept for the scroll bar, text is wrapped too wide for it, and its last words begin a line."""
    async with terminal(env) as screen:
        await screen.shows("pump-5")
        screen.type("?")
        await screen.shows("Keys")
        await screen.shows(f"│{' ' * 16}command, a bulk send")
