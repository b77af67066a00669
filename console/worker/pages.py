"""A few pages over HTTP for machines: GET only, one answer a connection, nothing is kept.

Decided in docs/decisions/0073-pages-for-machines.md
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

MOST_HEAD = 8_192  # bytes
MOST_AT_ONCE = 32
PATIENCE_S = 5.0  # for a request and its answer
_WORDS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_CUT_SHORT = (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)
_log = logging.getLogger("console.pages")


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    code: int
    body: str
    kind: str = "text/plain; charset=utf-8"


class Pages:
    """Serves pages by their paths; each is made when it is asked for.

    Who sends no whole request within `patience_s`, or too much of one, is cut off; so is, at once, whoever
    comes while `MOST_AT_ONCE` others are being answered.
    """

    def __init__(
        self, pages: Mapping[str, Callable[[], Awaitable[Page]]], patience_s: float = PATIENCE_S
    ) -> None:
        self._pages = pages
        self._patience_s = patience_s
        self._open: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[int]:
        """Answer for the length of the block, whose value is the port; then cut off who is still there.

        Raises:
            OSError: the address cannot be used.
        """
        server = await asyncio.start_server(self._answer, host, port, limit=MOST_HEAD)
        async with server:
            try:
                yield server.sockets[0].getsockname()[1]
            finally:
                for writer in self._open:
                    writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= MOST_AT_ONCE:
            writer.transport.abort()
            return
        self._open.add(writer)
        try:
            with suppress(*_CUT_SHORT):
                async with asyncio.timeout(self._patience_s):
                    writer.write(_bytes(await self._page(await reader.readuntil(b"\r\n\r\n"))))
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
        finally:
            self._open.discard(writer)
            writer.transport.abort()  # what is written is on its way by now, or nobody takes it

    async def _page(self, head: bytes) -> Page:
        words = head.partition(b"\r\n")[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return Page(400, "This is not a request of HTTP/1.1.\n")
        if words[0] != b"GET":
            return Page(405, "Only GET is answered here.\n")
        make = self._pages.get(words[1].partition(b"?")[0].decode("ascii", "replace"))
        if make is None:
            return Page(404, f"{' '.join(self._pages)}\n")
        try:
            return await make()
        except Exception:  # noqa: BLE001 - the other pages are still worth an answer
            _log.exception("a bug: a page could not be made")
            return Page(500, "The page could not be made; the log has the reason.\n")


def _bytes(page: Page) -> bytes:
    body = page.body.encode()
    allow = "Allow: GET\r\n" if page.code == 405 else ""
    head = (
        f"HTTP/1.1 {page.code} {_WORDS[page.code]}\r\nContent-Type: {page.kind}\r\n"
        f"Content-Length: {len(body)}\r\n{allow}Connection: close\r\n\r\n"
    )
    return head.encode() + body
