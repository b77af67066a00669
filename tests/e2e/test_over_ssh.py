"""Over a real sshd, a forced command with --restricted gives the console and nothing else of its host."""

import asyncio
import json
import os
import random
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from console.store.access import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.faults.processes import REPOSITORY, environment
from tests.faults.sshd import Sshd, sshd
from tests.faults.terminal import Terminal, state
from tests.rows import add_command
from tests.waiting import until

pytestmark = [pytest.mark.sshd, pytest.mark.mosquitto, pytest.mark.proc]

_QUIET_S = 0.1
CLIENT = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8"}
PROGRAMS = {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn", "subprocess.Popen",
            "webbrowser.open", "os.kill", "os.killpg"}  # fmt: skip
CODE = tuple(str(Path(place).resolve()) for place in (sys.prefix, sys.base_prefix, REPOSITORY / "console",
                                                      REPOSITORY / "migrations"))  # fmt: skip
SYSTEM = ("/proc/", "/usr/share/zoneinfo/", "/etc/ssl/", "/usr/lib/ssl/")
KEPT = {"device-console.log", "favourites.json"}  # no theme: it is chosen until the operator leaves
DRIVER = {".pgpass"}  # what asyncpg looks for at each connection
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CTRL_Z, CTRL_S, CTRL_P = "\x1a", "\x13", "\x10"
F1, F2, F4, F6, F7, F8, F9 = "\x1bOP", "\x1bOQ", "\x1bOS", "\x1b[17~", "\x1b[18~", "\x1b[19~", "\x1b[20~"
ENTER, ESC, DOWN, UP, TAB = "\r", "\x1b", "\x1b[B", "\x1b[A", "\t"
WORDS = (
    "pump-1",
    "export",
    "editor",
    "suspend",
    "shell",
    "/etc/passwd",
    "!sh",
    "theme",
    "problems",
    "favourite",
    "screenshot",
    "../x.csv",
    "demo broker killed",
    "quiet",
    "fleet",
    "log",
    "columns",
    "name",
)


@dataclass
class Host:
    """The host's end: what a login's program did there."""

    folder: Path
    own: tuple[Path, ...]

    @property
    def pid(self) -> int:
        return int((self.folder / "pid").read_text())

    @property
    def _witness(self) -> Path:
        return self.folder / "witness"

    def mark(self) -> int:
        """Return how much had been seen until now."""
        return self._witness.stat().st_size

    def reached(self, since: int) -> list[str]:
        """Return what the program did to its host since then, except for reading itself and keeping what is its own."""
        lines = self._witness.read_bytes()[since:].decode().splitlines()
        return [line for line in lines if self._reaches(*json.loads(line))]

    def _reaches(self, event: str, *arguments: str) -> bool:
        if event == "os.kill" and arguments[1] == "0":  # asks whether a process is there
            return False
        if event in PROGRAMS:
            return True
        path = Path(arguments[0])
        if any(path.is_relative_to(own) for own in self.own):
            return False
        if event == "open" and not int(arguments[2]) & WRITES:
            known = str(path.resolve()).startswith(CODE) or str(path).startswith(SYSTEM)
            return not known and path.name not in DRIVER
        return True

    @property
    def files(self) -> list[Path]:
        """All that lies around the program's own folder."""
        return [path for path in self.folder.rglob("*") if self.own[0] not in path.parents]

    @property
    def kept(self) -> set[str]:
        """The files that the program keeps in its own folder, by their names."""
        return {path.name for path in self.own[0].rglob("*") if path.is_file()}

    @property
    def children(self) -> list[int]:
        """The processes that the program has started and that are still there."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/children")
        return [int(word) for task in tasks for word in task.read_text().split()]


@asynccontextmanager
async def logged_in(running: Sshd, *words: str, env: dict[str, str] | None = None) -> AsyncIterator[Terminal]:
    screen = Terminal(100, 30)
    await screen.start_command(CLIENT | (env or {}), *running.client(*words))
    try:
        yield screen
    finally:
        await screen.close()


def set_up(
    folder: Path, access: Access, mosquitto: BrokerProcess, line: str, **more: str
) -> tuple[Host, str]:
    """Write the forced command, a script that sets its own environment; return the host and the script."""
    home = folder / "home"
    home.mkdir()
    env = environment(home, access.url, mosquitto.address) | {
        "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY}/tests/faults/witness", "PYTHONDONTWRITEBYTECODE": "1",
        "CONSOLE_TEST_WITNESS": str(folder / "witness"), "XDG_DATA_HOME": str(home), "LANG": "C.UTF-8",
        "CONSOLE_OPERATOR": "alice", "EDITOR": f"touch {folder}/edited", "TMUX": f"{folder}/tmux,1,0", "HOME": str(folder), **more,
    }  # fmt: skip
    script = folder / "console.sh"
    exports = "".join(
        f"export {name}={shlex.quote(value)}\n" for name, value in env.items() if name.isidentifier()
    )
    script.write_text(
        f"#!/bin/sh\n{exports}echo $$ > {folder}/pid\ncd {folder}\nexec {sys.executable} -m console {line}\n"
    )
    script.chmod(0o755)
    return Host(folder, (home,)), str(script)


async def to_the_list(screen: Terminal) -> None:
    await screen.shows("pump-5")
    await screen.shows("mqtt ok")


async def press_all_that_reaches_the_host(screen: Terminal) -> None:
    """The keys that start an editor, export, copy, and suspend, each where it is."""
    await screen.settled(_QUIET_S)
    screen.type(CTRL_Z)
    await screen.settled(_QUIET_S)
    screen.type("c")
    await screen.shows("params")
    await screen.settled(_QUIET_S)
    screen.type("read_meter")
    await screen.shows("Ready.")
    for key in (F4, F8, F6, F4):
        screen.type(key)
        await screen.settled(_QUIET_S)
    screen.type(ESC)
    await screen.shows("Devices   5")
    await screen.settled(_QUIET_S)
    screen.type("H")
    await screen.shows("History")
    await screen.shows("c-1")
    for keys in ("w", ENTER, ESC, "y", "C", CTRL_P, "export", ENTER, ESC, CTRL_P, "editor", ENTER, ESC, ESC):
        screen.type(keys)
        await screen.settled(_QUIET_S)
    await look_at_all_screens(screen)


async def look_at_all_screens(screen: Terminal) -> None:
    """Open each screen and dialog beside lists and forms, and change what a console remembers while it runs."""
    await screen.shows("Devices   5")
    devices = "Devices   5"
    for keys, shown in (
        ("@", "What this console did"), ("y", "nothing was done here"), (ESC, devices), ("0", "ended per minute"), ("]", "ended per"),
        ("F", "fleet 5"), ("w", "fleet 5"), (ESC, "F fleet"), ("1", devices), ("s", "DEVICE ↓"), (">", "s sorts by"), ("s", "LINK ↓"),
        ("W", "Columns"), (f"{DOWN * 3} ", "Columns"), (ESC, "-Columns"), (F9, "THEME"), (DOWN, "until you leave"), (ENTER, "-THEME"),
        (":demo broker killed", "There is no device"), (f"{ENTER}", "There is no device"), (ESC, "? help"), (":pump-2", "device    pump-2"),
        (ENTER, "pump-2 ›"), (ESC, devices), (":", "chosen lately"), (ESC, "? help"), ("H", "c-1"), ("d", "No earlier ping"), (ESC, devices),
    ):  # fmt: skip
        screen.type(keys)
        if shown.startswith("-"):
            await screen.hides(shown[1:])
        else:
            await screen.shows(shown)
        await screen.settled(_QUIET_S)


@pytest.fixture
async def someone(owner: asyncpg.Connection, fleet: Fleet) -> None:
    await add_command(owner, fleet.acme, "c-1", published=True)


@pytest.mark.usefixtures("someone")
async def test_a_forced_command_opens_the_screen_whatever_the_client_asks_for(
    access: Access, mosquitto: BrokerProcess, tmp_path: Path
) -> None:
    """Without the forced command the client's own words would run; without AcceptEnv its settings would count."""
    host, script = set_up(tmp_path, access, mosquitto, "--restricted")
    wishes = {"CONSOLE_RESTRICTED": "0", "DATABASE_URL": "postgresql://nowhere", "EDITOR": "sh"}
    with sshd(tmp_path, script) as running:
        async with logged_in(running, "touch", str(tmp_path / "asked"), env=wishes) as screen:
            await to_the_list(screen)
            before = host.mark()
            await press_all_that_reaches_the_host(screen)
            os.kill(host.pid, signal.SIGTSTP)  # as a terminal would whose program has not set it up yet
            await screen.settled(_QUIET_S)
            assert screen.alive
            assert state(host.pid) not in {"T", ""}
            assert (host.reached(before), host.children) == ([], [])
            screen.type("\x11")
            assert await screen.ended() == 0
        without = await asyncio.create_subprocess_exec(
            *running.client(tty=False), env=CLIENT, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, message = await without.communicate()
        assert (without.returncode, b"terminal" in message) == (2, True), message
    assert not (tmp_path / "asked").exists()
    assert not (tmp_path / "edited").exists()
    assert host.kept <= KEPT


@pytest.mark.usefixtures("someone")
async def test_the_witness_sees_what_an_unrestricted_console_does(
    access: Access, mosquitto: BrokerProcess, tmp_path: Path
) -> None:
    """Without it, nobody knows whether the other tests could see an editor, an export or tmux at all."""
    host, script = set_up(tmp_path, access, mosquitto, "")
    with sshd(tmp_path, script) as running:
        async with logged_in(running) as screen:
            await to_the_list(screen)
            before = host.mark()
            await screen.settled(_QUIET_S)
            screen.type("H")
            await screen.shows("c-1")
            for keys in ("w", ENTER):
                screen.type(keys)
                await screen.settled(_QUIET_S)
            await screen.shows("written to")
            screen.type("c")
            await screen.shows("New command")
            await screen.settled(_QUIET_S)
            screen.type(F4)

            async def edited() -> bool:
                return (tmp_path / "edited").exists()

            try:
                await until(edited)
            except AssertionError:
                raise AssertionError(screen.text) from None
            seen = {json.loads(line)[0] for line in host.reached(before)}
            assert {"open", "subprocess.Popen"} <= seen, seen


def _some_keys(chance: random.Random) -> bytes:
    """A piece of what a terminal may send: it leaves out only what ends the program at once."""
    kind = chance.randrange(9)
    if kind == 0:
        return chance.choice(
            (CTRL_Z, F4, "\x05", F1, F2, F6, F7, F8, F9, CTRL_S, CTRL_P, "\x03", "\x0f", "\x14", "\x1c")
        ).encode()
    if kind == 1:
        return (CTRL_P + chance.choice(WORDS) + ENTER).encode()
    if kind == 2:
        return (":" + chance.choice(WORDS) + ENTER).encode()
    if kind == 3:
        return f"\x1b[200~{chance.choice(WORDS)}\n!{chance.choice(WORDS)}\x1b[201~".encode()
    if kind == 4:
        button, column, row = (
            chance.choice((0, 0, 1, 2, 64, 65, 35)),
            chance.randrange(1, 101),
            chance.randrange(1, 31),
        )
        return f"\x1b[<{button};{column};{row}M\x1b[<{button};{column};{row}m".encode()
    if kind == 5:
        beginning = chance.choice((b"\x1b[", b"\x1b]52;c;", b"\x1bP", b"\x1bO", b"\x1b_", b""))
        return bytes(b for b in beginning + chance.randbytes(chance.randrange(1, 12)) if b not in b"qQ\x11")
    if kind == 6:
        return chance.choice((ENTER, ESC, ESC, DOWN, UP, TAB, "\x1b[Z", " ")).encode()
    return "".join(
        chance.choice("abcdefghijklmnoprstuvwxyzABCDEFGHMNRSTWXYZwwyyHHcc/?:.*-@@<>[],0123456789 ")
        for _ in range(3)
    ).encode()


async def _fuzz(host: Host, running: Sshd, seed: int, steps: int) -> None:
    chance, done = random.Random(seed), 0
    while done < steps:
        async with logged_in(running) as screen:
            await to_the_list(screen)
            before = host.mark()
            await press_all_that_reaches_the_host(screen)
            while done < steps and screen.alive:
                done += 1
                data = _some_keys(chance)
                screen.send(data)
                if chance.random() < 0.5:
                    await screen.settled(0.05, 3)
                assert state(host.pid) != "T", (seed, data)
                assert not host.children, (seed, data, host.children)
            assert host.reached(before) == [], seed
            screen.send(b"\x1b[201~\x1b\\\x1b")
            await screen.settled(_QUIET_S)
            assert host.reached(before) == [], seed


@pytest.mark.usefixtures("someone")
@pytest.mark.parametrize(
    ("seed", "steps"), [pytest.param(seed, 400, marks=pytest.mark.slow) for seed in range(1, 5)]
)
async def test_no_keys_start_a_program_or_open_a_file(
    access: Access, mosquitto: BrokerProcess, tmp_path: Path, seed: int, steps: int
) -> None:
    """Without --restricted, some keys among them run the editor and write an export."""
    host, script = set_up(tmp_path, access, mosquitto, "--restricted")
    with sshd(tmp_path, script) as running:
        before = set(host.files)
        await _fuzz(host, running, seed, steps)
    assert {path.name for path in set(host.files) - before} <= {"pid", "witness"}
    assert host.kept <= KEPT


@pytest.mark.usefixtures("someone")
async def test_a_wrapper_that_passes_the_clients_words_on_stays_restricted(
    access: Access, mosquitto: BrokerProcess, tmp_path: Path
) -> None:
    """Without the look at parsed arguments and flags, those words write files and choose another tenant."""
    _, script = set_up(tmp_path, access, mosquitto, "$SSH_ORIGINAL_COMMAND", CONSOLE_RESTRICTED="1")

    async def ask(*words: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *running.client(" " + shlex.join(words), tty=False), env=CLIENT, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate()
        return process.returncode, out.decode()

    with sshd(tmp_path, script) as running:
        code, out = await ask("history", "--json")
        assert (code, '"c-1"' in out) == (0, True), out
        for words in (
            ("export", "--output", str(tmp_path / "out.csv")),
            ("config", "show"),
            ("history", "--tenant", "rival"),
            ("--home", str(tmp_path), "history"),
            ("--restricted", "--operator", "root", "history"),
            ("--sweeper",),
        ):
            code, out = await ask(*words)
            assert (code, "restricted" in out) == (2, True), (words, out)
    assert not (tmp_path / "out.csv").exists()
