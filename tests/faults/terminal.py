"""The real program in a pseudo-terminal that keeps every byte it wrote and knows what stands on the screen."""

import asyncio
import fcntl
import os
import signal
import struct
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.forks.client import REPOSITORY, Process, start_program
from tests.pseudo_terminal import PseudoTerminal
from tests.waiting import PATIENCE_S, until


def state(pid: int) -> str:
    """What /proc says of a process, or of its main thread: R runs, D waits for the disk, S sleeps, T is stopped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:  # it has just gone
        return ""


class Terminal(PseudoTerminal):
    """`raw` is everything that the program wrote. Keys go in by `type`, clicks as SGR mouse reports."""

    def __init__(self, columns: int, rows: int) -> None:
        master, self._slave = os.openpty()
        super().__init__(master, columns, rows)
        self.process: Process | None = None
        self._slave_name = os.ttyname(self._slave)

    async def start(self, env: dict[str, str], *arguments: str) -> None:
        self.process = await start_program(
            "tests.faults.program", *arguments,
            stdin=self._slave, stdout=self._slave, stderr=self._slave, new_session=True, cwd=REPOSITORY,
            env={**env, "TERM": env.get("TERM", "xterm-256color"), "LANG": env.get("LANG", "C.UTF-8")},
        )  # fmt: skip
        self._follow()

    async def start_command(self, env: dict[str, str], *argv: str) -> None:
        """Run another command on it, such as ssh to where the program is."""
        self.process = await asyncio.create_subprocess_exec(
            *argv, stdin=self._slave, stdout=self._slave, stderr=self._slave, env=env, start_new_session=True
        )
        self._follow()

    def _follow(self) -> None:
        os.close(self._slave)
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._master)
            return
        self._arrived(data)

    def stall(self) -> None:
        """Stop taking what the program writes, as a terminal does whose window is dragged or whose line hangs."""
        asyncio.get_running_loop().remove_reader(self._master)

    def go_on(self) -> None:
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def resize(self, columns: int, rows: int, *, announced: bool = True) -> None:
        """Change the size; a terminal announces that by SIGWINCH."""
        self._set_size(columns, rows)
        assert self.process is not None
        if announced:
            os.killpg(self.process.pid, signal.SIGWINCH)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def paste(self, text: str) -> None:
        """As a terminal with bracketed paste does; it takes what the program leaves room for."""
        data = f"\x1b[200~{text}\x1b[201~".encode()
        loop = asyncio.get_running_loop()
        while data:
            room = asyncio.Event()
            loop.add_writer(self._master, room.set)
            try:
                await room.wait()
            finally:
                loop.remove_writer(self._master)
            with suppress(BlockingIOError):
                data = data[os.write(self._master, data[:4_096]) :]

    def click(self, column: int, row: int) -> None:
        """Press and release the left button; the upper left cell is 1, 1."""
        self.type(f"\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m")

    async def shows(self, text: str, timeout_s: float = PATIENCE_S) -> None:
        async def there() -> bool:
            assert self.alive, self.text
            return text in self.text

        try:
            await until(there, timeout_s)
        except AssertionError:
            raise AssertionError(f"no {text!r} on the screen:\n{self.text}") from None

    async def hides(self, text: str) -> None:
        """Until this is no longer on the screen."""

        async def gone() -> bool:
            return text not in self.text

        await until(gone)

    async def changes(self, before: str) -> None:
        """Until something else is on the screen."""

        async def other() -> bool:
            return self.text != before

        await until(other)

    @property
    def _busy(self) -> bool:
        """Whether keys are unread or the program's main thread has work in hand or in the queue of the processor."""
        assert self.process is not None
        slave = os.open(self._slave_name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            unread = struct.unpack("i", fcntl.ioctl(slave, termios.FIONREAD, bytes(4)))[0]
        finally:
            os.close(slave)
        return unread > 0 or state(self.process.pid) in {"R", "D"}

    async def settled(self, quiet_s: float = 0.25, timeout_s: float = 10) -> None:
        """Until the program has nothing to read, to do or to write for a while: it has handled what was typed.

        A program that gets no processor is not quiet: an Esc still unread would be taken for Alt with the next key.
        """
        loop = asyncio.get_running_loop()
        size, since, ends = len(self.raw), loop.time(), loop.time() + timeout_s

        async def quiet() -> bool:
            nonlocal size, since
            if len(self.raw) != size or self._busy:
                size, since = len(self.raw), loop.time()
            return loop.time() - since > quiet_s or loop.time() > ends

        await until(quiet, timeout_s + 1)

    async def ended(self, timeout_s: float = PATIENCE_S) -> int:
        assert self.process is not None
        try:
            async with asyncio.timeout(timeout_s):
                return await self.process.wait()
        except TimeoutError:
            raise AssertionError(f"still there after {timeout_s} s:\n{self.text}") from None

    def kill(self) -> None:
        if self.alive:
            assert self.process is not None
            with suppress(ProcessLookupError):  # it has just ended by itself
                os.killpg(self.process.pid, signal.SIGKILL)

    async def close(self) -> None:
        self.kill()
        if self.process is not None:
            await self.process.wait()
        with suppress(OSError, ValueError):
            asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)


class FarTerminal(Terminal):
    """A terminal at the end of a slow line: it takes `rate` bytes a second, and a round trip takes `delay_s`."""

    def __init__(self, columns: int, rows: int, *, rate: int, delay_s: float) -> None:
        super().__init__(columns, rows)
        self._rate, self._delay_s = rate, delay_s

    def _read(self) -> None:
        """A twentieth of a second's worth; the rest waits where the program writes."""
        loop = asyncio.get_running_loop()
        self.stall()
        with suppress(OSError):
            data = os.read(self._master, self._rate // 20)
            loop.call_later(self._delay_s / 2, self._arrived, data)
            loop.call_later(len(data) / self._rate, self.go_on)

    def send(self, data: bytes) -> None:
        asyncio.get_running_loop().call_later(self._delay_s / 2, super().send, data)


@asynccontextmanager
async def terminal(
    env: dict[str, str], *arguments: str, columns: int = 80, rows: int = 24
) -> AsyncIterator[Terminal]:
    """Run the program on a terminal for the length of the block at most."""
    screen = Terminal(columns, rows)
    await screen.start(env, *arguments)
    try:
        yield screen
    finally:
        await screen.close()
