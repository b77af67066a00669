"""A pseudo-terminal as a program has it, and what stands on its screen: for the tests, the benchmarks and the pictures."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pyte

REPOSITORY = Path(__file__).parents[1]
PROGRAM = [sys.executable, "-m", "console"]


class PseudoTerminal:
    """The terminal's end: `raw` is everything that was written, `screen` what it shows. Who runs on it is another's."""

    def __init__(self, master: int, columns: int, rows: int) -> None:
        self.raw = bytearray()
        self._master = master
        self._set_size(columns, rows)

    def _set_size(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.screen = pyte.Screen(columns, rows)  # pyte loses rows when it shrinks; the program paints all
        self._stream = pyte.ByteStream(self.screen)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def _arrived(self, data: bytes) -> None:
        self.raw += data
        with suppress(Exception):  # pyte trips over some private sequences; the bytes are kept all the same
            self._stream.feed(data)
        if b"\x1b[5n" in data:  # "are you well?"
            self.send(b"\x1b[0n")

    def type(self, keys: str) -> None:
        self.send(keys.encode())

    def send(self, data: bytes) -> None:
        """Bytes as a terminal may send them, whatever they are."""
        with suppress(BlockingIOError):
            while data:
                data = data[os.write(self._master, data) :]


class WatchedTerminal(PseudoTerminal):
    """A command on a terminal of its own, for who reads when it likes to and waits."""

    def __init__(self, columns: int, rows: int, argv: list[str], env: Mapping[str, str]) -> None:
        self.pid, master = pty.fork()
        if self.pid == 0:
            os.execve(argv[0], argv, env)
        super().__init__(master, columns, rows)

    def read(self, quiet_s: float = 0.4, most_s: float = 3.0) -> None:
        """Until nothing comes for a while."""
        end = time.monotonic() + most_s
        while time.monotonic() < end and select.select([self._master], [], [], quiet_s)[0]:
            try:
                data = os.read(self._master, 65_536)
            except OSError:  # so Linux reports the end
                return
            if not data:
                return
            self._arrived(data)

    def wait_for(self, word: str, most_s: float = 30.0) -> None:
        end = time.monotonic() + most_s
        while word not in self.text:
            if time.monotonic() > end:
                raise AssertionError(f"{word!r} never appeared:\n{self.text}")
            self.read(0.1)

    def press(self, keys: str, word: str = "") -> None:
        for key in keys:
            self.type(key)
            self.read(0.15, 1.0)
        if word:
            self.wait_for(word)

    def hang_up(self) -> None:
        os.close(self._master)

    def close(self) -> None:
        os.kill(self.pid, signal.SIGTERM)
        self.read(1.0, 8.0)
        os.waitpid(self.pid, 0)
        self.hang_up()


def demo_environment(home: Path) -> dict[str, str]:
    """The demo of this folder, in which nobody but its user acts, and none of the caller's settings."""
    simulated = {name: value for name, value in os.environ.items() if name.startswith("CONSOLE_SIM")}
    return simulated | {
        "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8", "TERM": "xterm-256color",
        "COLORTERM": "truecolor", "CONSOLE_HOME": str(home), "CONSOLE_OPERATOR": "alice", "CONSOLE_START": "devices",
        "CONSOLE_DEMO_TRAFFIC": "false", "PYTHONPATH": str(REPOSITORY),
    }  # fmt: skip


def demo_terminal(home: Path, columns: int, rows: int, argv: list[str] | None = None) -> WatchedTerminal:
    """The program, or another command, on a terminal."""
    return WatchedTerminal(columns, rows, argv or PROGRAM, demo_environment(home))
