"""The screen at the end of OpenSSH's client: what each terminal gets, what is kept when the line is cut, and the ends."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from console.store.access import Access
from tests.conftest import Fleet
from tests.faults.served import ACME, Served, communicate, served
from tests.faults.terminal import Terminal
from tests.waiting import until

pytestmark = [pytest.mark.ssh, pytest.mark.proc]

CTRL_Q, ESC, DOWN = "\x11", "\x1b", "\x1b[B"
FIRST, LAST = b"\x1b[?1049h", b"\x1b[?1049l"
_STYLE = re.compile(rb"\x1b\[([0-9;]*)m")


@pytest.fixture
async def server(access: Access, fleet: Fleet, tmp_path: Path) -> AsyncIterator[Served]:
    del fleet
    async with served(
        tmp_path, access.url, CONSOLE_SERVED_PER_KEY="6", CONSOLE_SERVED_KEEP_S="60"
    ) as running:
        yield running


def depths(raw: bytes) -> set[str]:
    """The kinds of colours in these bytes: 16 for names, 38;5 for numbers, 38;2 for mixtures."""
    found = set()
    for style in _STYLE.finditer(raw):
        codes = iter(int(code or 0) for code in style[1].split(b";"))
        for code in codes:
            if code in {38, 48}:
                mixed = next(codes) == 2
                found.add("38;2" if mixed else "38;5")
                for _ in range(3 if mixed else 1):
                    next(codes)
            elif code % 10 < 8 and code // 10 in {3, 4, 9, 10}:
                found.add("16")
    return found


async def compose(screen: Terminal, text: str) -> None:
    """Open the sheet for the first device and type a command's type."""
    await screen.shows("Devices   5")
    screen.type("c")
    await screen.shows("params")
    screen.type(text)
    await screen.shows(text)


async def test_a_cut_line_loses_nothing_that_was_typed(server: Served) -> None:
    """Without keeping the session, a line that breaks takes the unsent command with it."""
    async with server.screen("kim") as screen:
        await compose(screen, "read_meter")
        screen.kill()
    await server.tells("cut")
    async with server.screen("kim", columns=120, rows=40, TERM="xterm", LANG="C") as screen:
        await screen.shows("read_meter")
        await screen.shows("The line was cut: this is where you were")
        await screen.shows("params")
        screen.type("_2")
        await screen.shows("read_meter_2")
        assert max(len(line.rstrip()) for line in screen.text.splitlines()) > 100, (
            "it fills the wider terminal"
        )
    await server.tells("cut", 2)
    async with server.screen("eve") as screen:
        await screen.shows("Devices   5")
        assert "read_meter" not in screen.text
        screen.type(CTRL_Q)
        assert await screen.ended() == 0
    assert [len(server.events(name)) for name in ("opened", "resumed", "closed")] == [2, 1, 1]


@pytest.mark.slow
async def test_the_newest_session_of_a_key_and_five_in_all_are_kept(server: Served) -> None:
    """Without these bounds, each line that is cut leaves a console in memory."""
    async with server.screen("kim") as older, server.screen("kim") as newer:
        await compose(older, "older")
        await compose(newer, "newer")
        older.kill()
        await server.tells("cut", 1)
        newer.kill()
        await server.tells("closed", 1)
    async with server.screen("kim") as screen:
        await screen.shows("newer")
    await server.tells("cut", 3)
    others = [f"k{number}" for number in range(5)]
    server.keys.admit(kim=ACME, **dict.fromkeys(others, ACME))
    for number, name in enumerate(others):
        async with server.screen(name) as screen:
            await screen.shows("Devices   5")
        await server.tells("cut", 4 + number)
    assert (await server.tells("closed", 2))["key"] == server.keys["kim"].get_fingerprint()
    async with server.screen("kim") as screen:
        await screen.shows("Devices   5")
        assert server.events("opened")[-1]["sessions"] == 1, "kept ones are not counted"
        assert len(server.events("resumed")) == 1


@pytest.mark.slow
async def test_kept_sessions_end_and_idle_ones_too(access: Access, fleet: Fleet, tmp_path: Path) -> None:
    del fleet
    times = {"CONSOLE_SERVED_KEEP_S": "0.3", "CONSOLE_SERVED_IDLE_S": "2"}
    async with served(tmp_path, access.url, settings=times) as server:
        async with server.screen("kim") as screen:
            await screen.shows("Devices   5")
        cut, closed = await server.tells("cut"), await server.tells("closed")
        assert 0.2 <= closed["seconds"] - cut["seconds"] < 5
        async with server.screen("kim") as screen:
            assert await screen.ended() == 0
            assert b"nothing was typed for 2s; the session has ended" in screen.raw.split(LAST)[-1], (
                screen.raw[-300:]
            )
        assert len(server.events("opened")) == 2


@pytest.mark.slow
async def test_who_watches_the_overview_is_not_idle(access: Access, fleet: Fleet, tmp_path: Path) -> None:
    """Without it, who looks at a roll-out is put out every quarter of an hour; with it alone, whoever leaves a list stays."""
    del fleet
    times = {"CONSOLE_SERVED_IDLE_S": "3", "CONSOLE_SERVED_WATCH_S": "60"}
    async with (
        served(tmp_path, access.url, settings=times) as server,
        server.screen("kim") as watching,
        server.screen("reader") as other,
    ):
        await watching.shows("Devices   5")
        watching.type("0")
        await watching.shows("ended per minute")
        await other.shows("Devices   5")
        other.type("j")  # later than the last key of who watches
        assert await other.ended() == 0
        assert b"nothing was typed for 3s" in other.raw.split(LAST)[-1]
        assert watching.alive
        assert len(server.events("closed")) == 1
        watching.type("1")
        await watching.shows("Devices   5")
        assert await watching.ended() == 0
        assert b"nothing was typed for 3s" in watching.raw.split(LAST)[-1]
    times = {"CONSOLE_SERVED_IDLE_S": "1", "CONSOLE_SERVED_WATCH_S": "2", "CONSOLE_START": "overview"}
    async with served(tmp_path, access.url, settings=times) as server, server.screen("kim") as watching:
        assert await watching.ended() == 0
        assert b"nothing was typed for 2s" in watching.raw.split(LAST)[-1]


async def test_a_stop_of_the_server_gives_the_terminals_back(server: Served) -> None:
    """Without the end in order, terminals stay on the other screen, with mouse reports on."""
    async with server.screen("kim") as one, server.screen("eve") as two, server.screen("reader") as three:
        for screen in (one, two, three):
            await screen.shows("Devices   5")
        three.kill()
        await server.tells("cut")
        server.running.signal(signal.SIGTERM)
        for screen in (one, two):
            assert await screen.ended() == 0
            last = screen.raw.split(LAST)
            assert len(last) == 2
            assert last[1] == b"device-console: this server is shutting down\r\n"
            assert b"\x1b[?1000l" in last[0]
            assert b"\x1b[?2004l" in last[0]
        assert await server.running.ended() == 0
    assert len(server.events("closed")) == 3


@pytest.mark.slow
async def test_each_terminal_gets_what_it_can_show_at_the_same_time(server: Served) -> None:
    """Without a look at each client, all get the colours and characters of the first one, or of the server."""
    clients = {
        "plain": {"TERM": "xterm"}, "many": {"TERM": "xterm-256color"},
        "true": {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
        "ascii": {"TERM": "xterm-256color", "LANG": "C"}, "none": {"TERM": "xterm-256color", "NO_COLOR": "1"},
    }  # fmt: skip
    raw: dict[str, bytes] = {}

    async def look(name: str, env: dict[str, str]) -> None:
        async with server.screen("kim", env=env) as screen:
            await screen.shows("Devices   5")
            screen.type("H")
            await screen.shows("History")
            screen.type("?")
            await screen.shows("Keys")
            raw[name] = bytes(screen.raw)
            screen.type(ESC)
            await screen.settled()
            screen.type(CTRL_Q)
            await screen.ended()

    await asyncio.gather(*(look(name, env) for name, env in clients.items()))
    found = {name: depths(data) for name, data in raw.items()}
    assert found == {"plain": {"16"}, "many": {"38;5"}, "true": {"38;2"}, "ascii": {"38;5"}, "none": set()}
    assert {name for name, data in raw.items() if max(data) < 128} == {"ascii"}


async def test_keys_sizes_pastes_and_the_mouse_reach_the_console(server: Served) -> None:
    async with server.screen("kim") as screen:
        await screen.shows("Devices   5")
        screen.resize(140, 45)
        await screen.shows("W columns")
        screen.type("/")
        await screen.paste("pump-3")
        await screen.shows("1 of 5")
        screen.type(ESC)  # alone: nothing follows that would make a sequence of it
        await screen.shows("pump-4")
        screen.click(
            6, next(number for number, line in enumerate(screen.text.splitlines(), 1) if "pump-4" in line)
        )
        await screen.shows("▌  pump-4")
        screen.resize(50, 12)
        await screen.shows("pump-4")
        screen.type("q")
        assert await screen.ended() == 0
    assert FIRST in screen.raw
    assert screen.raw.endswith(LAST)


async def test_nothing_else_of_ssh_is_served(server: Served, tmp_path: Path) -> None:
    """Without these refusals a key for the console is a way into the host's network and files."""
    place = f"anybody@127.0.0.1:{tmp_path}/stolen"
    (tmp_path / "own").write_text("x")
    port = ["-P", str(server.port)]
    for argv in (
        [*server.openssh("sftp", "kim"), *port, "anybody@127.0.0.1"],
        [*server.openssh("scp", "kim"), *port, f"{tmp_path}/own", place],
        [*server.openssh("scp", "kim"), *port, "-O", f"{tmp_path}/own", place],
        [*server.openssh("scp", "kim"), *port, "-O", "anybody@127.0.0.1:/etc/passwd", f"{tmp_path}/got"],
    ):
        code, said = await communicate(argv)
        assert code, argv
        assert "device-console: " in said, said
    code, said = await communicate(server.client("kim", "touch", f"{tmp_path}/made", tty=False))
    assert (code, "invalid choice" in said or "cannot be run" in said) == (2, True), said
    assert (await communicate(server.client("kim", tty=False)))[0] == 2
    code, said = await communicate(
        server.client("kim", options=("-o", "SetEnv=CONSOLE_TENANT=rival TERM=dumb")), {"TERM": "dumb"}
    )
    assert (code, "needs a terminal" in said) == (2, True), said
    await _forwards_nothing(server, tmp_path)
    assert _names(tmp_path) <= {"own", "local", "home", "authorized_keys", "key-kim", "key-reader", "key-eve"}


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def _forwards_nothing(server: Served, folder: Path) -> None:
    """-L, -D and -R carry no byte; an agent and a display are not taken along."""
    seen: list[bytes] = []

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(10))
        writer.close()

    target = await asyncio.start_server(greet, "127.0.0.1", 0)
    there = target.sockets[0].getsockname()[1]
    local = folder / "local"
    wishes = ("-L", f"{local}:127.0.0.1:{there}", "-A", "-X", "-R", f"{folder}/remote:127.0.0.1:{there}", "-o",
              "LogLevel=INFO", "-o", "SetEnv=SSH_AUTH_SOCK=/x")  # fmt: skip
    async with (
        target,
        server.screen("kim", options=wishes, SSH_AUTH_SOCK=str(folder / "agent"), DISPLAY=":9") as screen,
    ):
        await screen.shows("Devices   5")
        reader, writer = await asyncio.open_unix_connection(str(local))
        writer.write(b"hello")
        with suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        assert not (folder / "remote").exists()
        assert screen.alive
    assert seen == []
    process = await asyncio.create_subprocess_exec(
        *server.client("kim", tty=False, options=("-N", "-R", "0:127.0.0.1:1", "-o", "ExitOnForwardFailure=yes")),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert await asyncio.wait_for(process.wait(), 30) == 255


async def test_an_agent_may_offer_a_key_that_it_cannot_prove(server: Served, tmp_path: Path) -> None:
    """OpenSSH asks for each key in turn; whose signature is good is who comes in."""
    for name in ("kim", "eve"):
        (tmp_path / f"{name}.pub").write_text(server.keys.public(name) + "\n")
    both = [*server.client("eve", "devices", tty=False)]
    both[3:3] = ["-o", f"IdentityFile={tmp_path}/kim.pub"]  # the public half alone: offered, and never signed
    code, said = await communicate(both)
    assert (code, "5 devices of rival" in said) == (0, True), said
    assert (await server.tells("ran"))["operator"] == "eve"


async def test_a_crash_of_one_session_leaves_the_others(access: Access, fleet: Fleet, tmp_path: Path) -> None:
    """Without its own report, the second crash of a second overwrites the first."""
    del fleet
    point = "console.tui.screens.history:HistoryScreen.__init__:fail:1"
    async with (
        served(tmp_path, access.url, CONSOLE_TEST_FAILPOINT=point) as server,
        server.screen("kim") as one, server.screen("eve") as two,
    ):  # fmt: skip
        await one.shows("Devices   5")
        await two.shows("Devices   5")
        one.type("H")
        assert await one.ended() == 1
        assert b"device-console crashed; whoever runs this server has the report." in one.raw.split(LAST)[-1]
        two.type("H")
        await two.shows("History")
    (report,) = (tmp_path / "home" / "log").glob("crash-*")
    assert "the bug of a test" in report.read_text()
    assert report.stat().st_mode & 0o777 == 0o600


async def test_sigkill_of_the_client_is_noticed_at_once(server: Served) -> None:
    async with server.screen("kim") as screen:
        await screen.shows("Devices   5")
        assert screen.process is not None
        os.kill(screen.process.pid, signal.SIGKILL)

        async def noticed() -> bool:
            return bool(server.events("cut"))

        await until(noticed, 10)
