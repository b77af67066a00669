"""``--serve-web``: the console in a browser, by xterm.js over a WebSocket; every file of the page is our own.

Decided in docs/decisions/0069-in-a-browser.md
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http
import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from console.concurrency import end_all
from console.serve import audit
from console.serve.identity import Identity, NotAdmittedError
from console.serve.sessions import Session, Sessions, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

PROTOCOL = Subprotocol("device-console")
_TOKEN = "token."  # noqa: S105 - the mark before it
_STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),  # xterm.js writes style elements
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
    "Connection": "close",
}
_MOST_UNREAD = 64 * 1024  # bytes that a browser has not drawn yet
_MOST_MESSAGE = 64 * 1024
_FIRST_S = 10.0
_TAB = re.compile(r"[A-Za-z0-9-]{1,64}")
_POLICY_VIOLATION, _TRY_AGAIN_LATER = 1008, 1013
_MOST_REASON = 120  # bytes that a closing frame has room for


@dataclass(frozen=True, slots=True)
class Gate:
    """Who may come in: with a token, or without one anybody, as `who`.

    A page may come from `host`, this machine, or from `origins`, where a proxy shows it.
    """

    sessions: Sessions
    who: Identity
    token: str | None
    origins: frozenset[str]
    host: str
    prepare: Callable[[Identity], Coroutine[Any, Any, None]]


async def listen(gate: Gate, host: str, port: int) -> Server:
    """Serve the page and its WebSockets.

    Raises:
        OSError: the address cannot be used.
    """
    files = _files()
    return await serve(
        lambda connection: _visit(gate, connection),
        host,
        port,
        process_request=lambda connection, request: _page(gate, files, connection, request),
        select_subprotocol=lambda _connection, offered: PROTOCOL if PROTOCOL in offered else None,
        max_size=_MOST_MESSAGE,
        ping_interval=15,
        ping_timeout=30,
        server_header=None,
    )


def _files() -> Mapping[str, tuple[str, bytes]]:
    """Return the page's files by their paths: nothing else of this machine can be asked for."""
    files = {
        f"/{path.relative_to(_STATIC).as_posix()}": (_TYPES[path.suffix], path.read_bytes())
        for path in sorted(_STATIC.rglob("*"))
        if path.suffix in _TYPES
    }
    return files | {"/": files["/index.html"]}


def _page(
    gate: Gate, files: Mapping[str, tuple[str, bytes]], connection: ServerConnection, request: Request
) -> Response | None:
    """Answer with a file; None for a WebSocket with the right token."""
    path = request.path.partition("?")[0]
    if path == "/ws":
        why = _refusal(gate, connection, request.headers)
        if not why:
            return None
        audit.record("refused", address=_address(connection), why=why)
        return connection.respond(http.HTTPStatus.FORBIDDEN, "This link is not accepted.\n")
    found = files.get(path)
    if found is None:
        return connection.respond(http.HTTPStatus.NOT_FOUND, "There is nothing here.\n")
    kind, body = found
    headers = Headers({**_HEADERS, "Content-Type": kind, "Content-Length": str(len(body))})
    return Response(200, "OK", headers, body)


def _refusal(gate: Gate, connection: ServerConnection, headers: Headers) -> str:
    """Return why a WebSocket is refused: another site's page, or a wrong token; empty if it is not."""
    port = connection.local_address[1]
    ours = {f"http://{host}:{port}" for host in ("127.0.0.1", "localhost", "[::1]", gate.host)}
    if set(headers.get_all("Origin")) - ours - gate.origins or len(headers.get_all("Origin")) != 1:
        return "the page of another site, or none"
    return "" if gate.token is None or _has_token(headers, gate.token) else "a wrong or missing token"


def _has_token(headers: Headers, token: str) -> bool:
    offered = ",".join(headers.get_all("Sec-WebSocket-Protocol")).split(",")
    given = [name.strip().removeprefix(_TOKEN) for name in offered if name.strip().startswith(_TOKEN)]
    return len(given) == 1 and hmac.compare_digest(given[0].encode(), token.encode())


class _WebLink:
    """The link of a session: the browser says how many bytes its terminal has drawn."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._pieces: list[bytes] = []
        self._some = asyncio.Event()
        self._unread = 0
        self._waiting: list[Callable[[], object]] = []

    def send(self, data: bytes) -> None:
        self._pieces.append(data)
        self._unread += len(data)
        self._some.set()

    def when_taken(self, call: Callable[[], object]) -> None:
        self._waiting.append(call)
        self._tell()

    def taken(self, size: int) -> None:
        """Note that the browser has drawn so many bytes more."""
        self._unread = max(0, self._unread - max(0, size))
        self._tell()

    def _tell(self) -> None:
        if self._unread <= _MOST_UNREAD:
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
        self._some.clear()
        pieces, self._pieces = self._pieces, []
        if pieces:
            await self._connection.send(b"".join(pieces))


async def _visit(gate: Gate, connection: ServerConnection) -> None:
    """Serve one browser: its console until one of both ends."""
    try:
        first = await _first(connection)
        who = _whom(gate.who, first)
        await gate.prepare(who)
        link = _WebLink(connection)
        terminal = Terminal("xterm-256color", {"COLORTERM": "truecolor"}, *_size(first))
        session = gate.sessions.open(who, terminal, link, _address(connection))
    except NotAdmittedError as error:
        audit.record("refused", address=_address(connection), why=str(error))
        await _close(connection, _TRY_AGAIN_LATER, str(error))
        return
    except (ValueError, TypeError, KeyError, TimeoutError, ConnectionClosed):
        await _close(connection, _POLICY_VIOLATION, "the page and the server do not fit: load it again")
        return
    pouring = asyncio.create_task(link.pour())
    reading = asyncio.create_task(_read(connection, session, link))
    over = asyncio.create_task(gate.sessions.until_over(session))
    try:
        await asyncio.wait({reading, over}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended = over.done()
        await end_all([pouring, reading, over])
        gate.sessions.cut(session)
    if ended:
        with suppress(ConnectionClosed):
            await link.flush()
        await _close(connection, 1000, session.remote.farewell or "You have left the console.")


async def _first(connection: ServerConnection) -> dict[str, Any]:
    async with asyncio.timeout(_FIRST_S):
        told = json.loads(await connection.recv())
    if not isinstance(told, dict):
        raise TypeError(told)
    return told


def _whom(who: Identity, first: Mapping[str, Any]) -> Identity:
    """Return the identity of one tab: it takes up its own session when its page is loaded again."""
    tab = str(first["tab"])
    if who.is_guest or not _TAB.fullmatch(tab):
        return who
    return replace(who, fingerprint=f"web:{hashlib.sha256(tab.encode()).hexdigest()[:16]}")


def _size(told: Mapping[str, Any]) -> tuple[int, int]:
    return max(0, int(told["columns"])), max(0, int(told["rows"]))


async def _read(connection: ServerConnection, session: Session, link: _WebLink) -> None:
    with suppress(ConnectionClosed):
        async for message in connection:
            if isinstance(message, bytes):
                session.feed(message)
                continue
            with suppress(ValueError, TypeError, KeyError, OverflowError, RecursionError):
                told = json.loads(message)
                if "taken" in told:
                    link.taken(int(told["taken"]))
                else:
                    session.remote.resize(*_size(told))


async def _close(connection: ServerConnection, code: int, reason: str) -> None:
    raw = reason.encode("utf-8")[:_MOST_REASON]
    await connection.close(code, raw.decode("utf-8", "ignore"))


def _address(connection: ServerConnection) -> str:
    peer = connection.remote_address
    return str(peer[0]) if isinstance(peer, tuple) else ""
