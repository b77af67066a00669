"""Other programs' hands, on a thread with a loop of its own, and a terminal that notes when bytes arrive."""

import asyncio
import concurrent.futures
import contextlib
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

import aiomqtt
import asyncpg

from tests.pseudo_terminal import WatchedTerminal

NO_DELAY = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
T = TypeVar("T")


class Hand(threading.Thread):
    """Another program's hand on rows and broker."""

    def __init__(self, url: str, port: int) -> None:
        super().__init__(daemon=True)
        self._url, self.port = url, port
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self._over = asyncio.Event()
        self.sql: Any = None
        self.mqtt: Any = None

    def run(self) -> None:
        self.loop.run_until_complete(self._live())

    async def _live(self) -> None:
        self.sql = await asyncpg.connect(self._url)
        async with aiomqtt.Client("127.0.0.1", self.port, socket_options=NO_DELAY) as self.mqtt:
            self.ready.set()
            await self._over.wait()
        await self.sql.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.begin(work).result(60)

    def begin(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self._over.set)
        self.join(10)


class TimedTerminal(WatchedTerminal):
    """A terminal that notes when bytes arrive, before they are parsed: the parser here is slower than the program."""

    def __init__(self, columns: int, rows: int, argv: list[str], env: Mapping[str, str]) -> None:
        super().__init__(columns, rows, argv, env)
        self._unread: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self._master, 65_536):
                self._unread.put((time.perf_counter(), data))

    def next(self, within_s: float) -> float | None:
        """Show what arrived next; return when that was, or None if nothing came."""
        try:
            at, data = self._unread.get(timeout=within_s)
        except queue.Empty:
            return None
        self._arrived(data)
        return at

    def read(self, quiet_s: float = 0.4, most_s: float = 3.0) -> None:
        end = time.monotonic() + most_s
        while time.monotonic() < end and self.next(quiet_s) is not None:
            pass

    def until(self, shown: Callable[[], bool], began: float, most_s: float = 20.0) -> float:
        """Seconds from `began` until the bytes arrived with which it is shown."""
        arrived = began
        while not shown():
            at = self.next(0.05)
            arrived = at or arrived
            if at is None and time.perf_counter() - began > most_s:
                raise RuntimeError("never shown:\n" + "\n".join(self.screen.display))
        return arrived - began

    def has(self, *words: str) -> bool:
        """Whether one line has all of these words."""
        return any(all(word in line for word in words) for line in self.screen.display)

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        self.hang_up()
