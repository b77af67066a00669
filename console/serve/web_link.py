"""The link of a session in a browser: it takes a frame only while the page keeps drawing.

Decided in docs/decisions/0072-what-a-page-is-believed.md
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from collections.abc import Callable

    from websockets.asyncio.server import ServerConnection

MOST_UNREAD = 64 * 1024  # bytes that a browser has not drawn yet, when another frame is made
MOST_UNSENT = 4 * 1024 * 1024  # bytes: what is no frame, such as copies, is not held back


class WebLink:
    """Sends in order. The page says how many bytes it has drawn; it is not believed beyond what was sent.

    `ended` is why nothing more is sent here, as a sentence for the page, once `over` is set.
    """

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._pieces: list[bytes] = []
        self._some = asyncio.Event()
        self._unsent = 0
        self._unread = 0
        self._waiting: list[Callable[[], object]] = []
        self.over = asyncio.Event()
        self.ended = ""

    def send(self, data: bytes) -> None:
        if self.over.is_set():
            return
        self._pieces.append(data)
        self._unsent += len(data)
        self._unread += len(data)
        self._some.set()
        if self._unsent > MOST_UNSENT:
            self.end("This browser reads too slowly. Load the page again to go on where you were.")

    def when_taken(self, call: Callable[[], object]) -> None:
        self._waiting.append(call)
        self._tell()

    def taken(self, size: int) -> None:
        """Note that the browser has drawn so many bytes more."""
        self._unread = max(self._unsent, self._unread - max(0, size))
        self._tell()

    def end(self, words: str) -> None:
        """Send nothing more, not even what waits."""
        self._pieces.clear()
        self.ended = words
        self.over.set()

    def _tell(self) -> None:
        if self._unread <= MOST_UNREAD:
            waiting, self._waiting = self._waiting, []
            for call in waiting:
                asyncio.get_running_loop().call_soon(call)

    async def pour(self) -> None:
        """Send what there is, until the line is cut."""
        with suppress(ConnectionClosed):
            while True:
                await self._some.wait()
                await self.flush()

    async def flush(self) -> None:
        """Send what waits; wait while the line holds much."""
        self._some.clear()
        pieces, self._pieces = self._pieces, []
        if pieces:
            data = b"".join(pieces)
            await self._connection.send(data)
            self._unsent -= len(data)
            self._tell()
