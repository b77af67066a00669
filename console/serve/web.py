"""``--serve-web``: the console in a browser, by xterm.js over a WebSocket; every file of the page is our own.

Decided in docs/decisions/0069-in-a-browser.md
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import http
import json
import logging
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from console.concurrency import end_all
from console.errors import ConsoleError
from console.serve import audit
from console.serve.identity import Identity, NotAdmittedError
from console.serve.sessions import Session, Sessions, Terminal
from console.serve.web_link import WebLink

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

PROTOCOL = Subprotocol("device-console")
MOST_STRANGERS = 100  # connections that have not opened a console: those for the files, too
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
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; "
        "style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),  # xterm.js writes style elements
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
    "Connection": "close",
}
_TEXT = {"Content-Type": "text/plain; charset=utf-8"}
_MOST_MESSAGE = 64 * 1024
_OPEN_S = 30.0  # for a request and its answer
_FIRST_S = 10.0
_PIECE = 1024  # bytes of input taken at a time: between them the other sessions have their turn
_LOOK_EVERY_S = 0.02
_TAB = re.compile(r"[A-Za-z0-9-]{1,64}")
_POLICY_VIOLATION, _INTERNAL_ERROR, _TRY_AGAIN_LATER = 1008, 1011, 1013
_MOST_REASON = 120  # bytes that a closing frame has room for
_log = logging.getLogger("console.serve")
_silent = logging.getLogger("console.serve.web.library")  # what strangers send would fill a log
_silent.setLevel(logging.CRITICAL + 1)


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
    links: dict[Session, WebLink] = field(default_factory=dict)


async def listen(gate: Gate, host: str, port: int) -> Server:
    """Serve the page and its WebSockets.

    Raises:
        OSError: the address cannot be used.
    """
    files, strangers = _files(), set[ServerConnection]()

    class Connection(ServerConnection):
        """One connection, counted until a console is opened for it."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            if len(strangers) >= MOST_STRANGERS:
                self.transport.abort()
            else:
                strangers.add(self)

        def connection_lost(self, exc: Exception | None) -> None:
            strangers.discard(self)
            super().connection_lost(exc)

    return await serve(
        partial(_visit, gate, strangers),
        host,
        port,
        process_request=lambda connection, request: _page(gate, files, connection, request),
        select_subprotocol=lambda _connection, offered: PROTOCOL if PROTOCOL in offered else None,
        create_connection=Connection,
        open_timeout=_OPEN_S,
        max_size=_MOST_MESSAGE,
        ping_interval=15,
        ping_timeout=30,
        server_header=None,
        logger=_silent,
    )


async def close(server: Server, sessions: Sessions, words: str) -> None:
    """Let nobody in any more, and end the consoles with these words on their pages."""
    server.close(close_connections=False)
    await sessions.end_all(words)
    with suppress(TimeoutError):
        async with asyncio.timeout(_FIRST_S):
            await server.wait_closed()


@dataclass(frozen=True, slots=True)
class _File:
    kind: str
    body: bytes
    packed: bytes  # with gzip: half a megabyte is too long for a thin line


def _files() -> Mapping[str, _File]:
    """Return the page's files by their paths: nothing else of this machine can be asked for."""
    files: dict[str, _File] = {}
    for path in sorted(_STATIC.rglob("*")):
        if path.suffix in _TYPES:
            body = path.read_bytes()
            file = _File(_TYPES[path.suffix], body, gzip.compress(body))
            files[f"/{path.relative_to(_STATIC).as_posix()}"] = file
    return files | {"/": files["/index.html"]}


def _page(
    gate: Gate, files: Mapping[str, _File], connection: ServerConnection, request: Request
) -> Response | None:
    """Answer with a file; None for a WebSocket with the right token."""
    if getattr(request, "method", "GET") != "GET":  # older versions of the library refuse others themselves
        return _response(http.HTTPStatus.METHOD_NOT_ALLOWED, b"The page can only be read.\n")
    path = request.path.partition("?")[0]
    if path == "/ws":
        why = _refusal(gate, connection, request.headers)
        if not why:
            return None
        audit.record("refused", address=_address(connection), why=why)
        return _response(http.HTTPStatus.FORBIDDEN, b"This link is not accepted.\n")
    found = files.get(path)
    if found is None:
        return _response(http.HTTPStatus.NOT_FOUND, b"There is nothing here.\n")
    more = {"Content-Type": found.kind, "Vary": "Accept-Encoding"}
    if "gzip" in ",".join(request.headers.get_all("Accept-Encoding")):
        return _response(http.HTTPStatus.OK, found.packed, more | {"Content-Encoding": "gzip"})
    return _response(http.HTTPStatus.OK, found.body, more)


def _response(status: http.HTTPStatus, body: bytes, more: Mapping[str, str] = _TEXT) -> Response:
    headers = Headers({**_HEADERS, **more, "Content-Length": str(len(body))})
    return Response(status.value, status.phrase, headers, body)


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


async def _visit(gate: Gate, strangers: set[ServerConnection], connection: ServerConnection) -> None:
    """Serve one browser: its console until one of both ends."""
    try:
        first = await _first(connection)
        who = _whom(gate.who, first)
        await gate.prepare(who)
        link = WebLink(connection)
        terminal = Terminal("xterm-256color", {"COLORTERM": "truecolor"}, *_size(first))
        session = gate.sessions.open(who, terminal, link, _address(connection))
    except (NotAdmittedError, ConsoleError) as error:
        audit.record("refused", address=_address(connection), why=str(error))
        await _close(connection, _TRY_AGAIN_LATER, str(error))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError, TimeoutError, ConnectionClosed):
        await _close(connection, _POLICY_VIOLATION, "The page and the server do not fit: load it again.")
    except Exception:  # noqa: BLE001 - what one client met must not end the others
        _log.exception("a console in a browser could not be opened")
        await _close(connection, _INTERNAL_ERROR, "This failed; whoever runs the server has the report.")
    else:
        strangers.discard(connection)
        await _serve(gate, connection, session, link)


async def _serve(gate: Gate, connection: ServerConnection, session: Session, link: WebLink) -> None:
    before = gate.links.get(session)
    gate.links[session] = link
    if before is not None:
        before.end("This console is open in another window now.")
    pouring = asyncio.create_task(link.pour())
    reading = asyncio.create_task(_read(connection, session, link))
    replaced = asyncio.create_task(link.over.wait())
    over = asyncio.create_task(gate.sessions.until_over(session))
    try:
        await asyncio.wait({reading, replaced, over}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended = over.done()
        await end_all([pouring, reading, replaced, over])
        if gate.links.get(session) is link:
            del gate.links[session]
            gate.sessions.cut(session)
    if ended:
        with suppress(ConnectionClosed):
            await link.flush()
    words = link.ended or (ended and session.remote.farewell) or "You have left the console."
    await _close(connection, 1000, words)


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
    return replace(who, tab=f"web:{hashlib.sha256(tab.encode()).hexdigest()[:16]}")


def _size(told: Mapping[str, Any]) -> tuple[int, int]:
    return max(0, int(told["columns"])), max(0, int(told["rows"]))


async def _read(connection: ServerConnection, session: Session, link: WebLink) -> None:
    with suppress(ConnectionClosed):
        async for message in connection:
            if isinstance(message, bytes):
                for at in range(0, len(message), _PIECE):
                    session.feed(message[at : at + _PIECE])
                    await _until_few_wait(session)
                continue
            with suppress(ValueError, TypeError, KeyError, OverflowError, RecursionError):
                told = json.loads(message)
                if "taken" in told:
                    link.taken(int(told["taken"]))
                    continue
                session.remote.resize(*_size(told))
            await _until_few_wait(session)


async def _until_few_wait(session: Session) -> None:
    """Wait while the console has much to handle, so that what it was sent fills no memory."""
    await asyncio.sleep(0)
    while session.remote.is_behind:  # noqa: ASYNC110 - Textual tells nobody of its queue
        await asyncio.sleep(_LOOK_EVERY_S)


async def _close(connection: ServerConnection, code: int, reason: str) -> None:
    raw = reason.encode("utf-8")
    if len(raw) > _MOST_REASON:
        raw = raw[: _MOST_REASON - 3].rpartition(b" ")[0] + "…".encode()
    await connection.close(code, raw.decode("utf-8", "ignore"))


def _address(connection: ServerConnection) -> str:
    peer = connection.remote_address
    return str(peer[0]) if isinstance(peer, tuple) else "unknown"
