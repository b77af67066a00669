"""A TCP proxy between the program and a server, to make the network fail in every way that it can."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

from tests.brokers import free_port

Mode = Literal["pass", "refuse", "reset", "black hole", "stall", "drip"]
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_DRIP_S = 1.0


class Proxy:
    """Passes bytes to `target`, a (host, port) or the path of a Unix socket, until told otherwise.

    ``refuse``: nobody listens. ``reset``: connections are accepted and reset. ``black hole``: bytes vanish, nobody
    hangs up. ``stall``: bytes are held back and go on later. ``drip``: one byte a second to the client.
    """

    def __init__(self, target: tuple[str, int] | str) -> None:
        self._target = target
        self.port = free_port()
        self.connections = 0
        self._mode: Mode = "pass"
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._swallow: bytes | None = None
        self._passes = 0
        self.swallowed = asyncio.Event()

    @property
    def is_used(self) -> bool:
        """Whether a connection goes through at this moment."""
        return bool(self._pairs)

    async def become(self, mode: Mode) -> None:
        """Treat bytes and new connections like this from now on."""
        self._mode = mode
        self._changed.set()
        self._changed = asyncio.Event()
        if mode == "refuse":
            await self._close_listener()
        elif self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    def cut(self) -> None:
        """Reset every connection that there is."""
        for pair in tuple(self._pairs):
            for writer in pair:
                _reset(writer)

    def hang_up_on_servers(self) -> None:
        """Leave half-open connections: the servers see the end, the clients nothing."""
        for _, upstream in tuple(self._pairs):
            upstream.transport.abort()

    def cut_instead_of_reply(self, marker: bytes, occurrence: int = 1) -> None:
        """Swallow the n-th reply from now that holds `marker` and cut its link: it was done, nobody was told."""
        self._swallow, self._passes = marker, occurrence - 1
        self.swallowed.clear()

    async def close(self) -> None:
        await self._close_listener()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _close_listener(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            if self._mode == "reset":
                _reset(client)
                return
            back, upstream = await self._connect()
            pair = (client, upstream)
            self._pairs.add(pair)
            try:
                await asyncio.gather(
                    self._pump(reader, upstream, client, to_client=False),
                    self._pump(back, client, upstream, to_client=True),
                )
            finally:
                self._pairs.discard(pair)
                upstream.close()
                with suppress(OSError):
                    await upstream.wait_closed()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            client.close()
            with suppress(OSError, asyncio.CancelledError):
                await client.wait_closed()
            self._tasks.discard(task)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, str):
            return await asyncio.open_unix_connection(self._target)
        return await asyncio.open_connection(*self._target)

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        other: asyncio.StreamWriter,
        *,
        to_client: bool,
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                while self._mode == "stall":
                    await self._changed.wait()
                if self._mode == "black hole":
                    continue
                if to_client and self._is_to_be_swallowed(data):
                    _reset(sink)
                    _reset(other)
                    return
                if to_client and self._mode == "drip":
                    await self._drip(data, sink)
                    continue
                sink.write(data)
                await sink.drain()
        if not to_client or not sink.transport.is_closing():
            with suppress(OSError):
                if sink.can_write_eof() and not self._half_open(other, to_client=to_client):
                    sink.write_eof()

    def _is_to_be_swallowed(self, data: bytes) -> bool:
        if self._swallow is None or self._swallow not in data:
            return False
        self._passes -= 1
        if self._passes >= 0:
            return False
        self._swallow = None
        self.swallowed.set()
        return True

    def _half_open(self, other: asyncio.StreamWriter, *, to_client: bool) -> bool:
        """Whether the server side was hung up on purpose: then the client must not hear of it."""
        return to_client and other.transport.is_closing()

    async def _drip(self, data: bytes, sink: asyncio.StreamWriter) -> None:
        for number in range(len(data)):
            if self._mode != "drip":
                sink.write(data[number:])
                return
            sink.write(data[number : number + 1])
            await sink.drain()
            with suppress(TimeoutError):
                async with asyncio.timeout(_DRIP_S):
                    await self._changed.wait()


def _reset(writer: asyncio.StreamWriter) -> None:
    plug = writer.get_extra_info("socket")
    if plug is not None and plug.family != socket.AF_UNIX:
        with suppress(OSError):
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


@asynccontextmanager
async def proxy(target: tuple[str, int] | str) -> AsyncIterator[Proxy]:
    """A proxy that passes everything, for the length of the block."""
    running = Proxy(target)
    await running.become("pass")
    try:
        yield running
    finally:
        await running.close()
