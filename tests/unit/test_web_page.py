"""What a browser, or whoever pretends to be one, may ask of --serve-web; without a console behind it."""

import asyncio
import gzip
import hashlib
import json
import logging
import re
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, cast

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from console.concurrency import end_all
from console.errors import UnreachableError, UsageError
from console.runtime.program import Program
from console.serve import sessions, web
from console.serve.identity import Identity, NotAdmittedError, guest
from console.serve.run import ENDS, _origins, _programs
from console.serve.sessions import Limits, Sessions
from console.serve.web_link import MOST_UNREAD, MOST_UNSENT, WebLink
from tests.waiting import until

TOKEN = "a-token-of-thirty-two-characters-x"
STATIC = Path(web.__file__).parent / "static"
OWNER = Identity(("acme",), "alice", read_only=False)
FIRST = {"tab": "one", "columns": 80, "rows": 24}


@dataclass(eq=False)
class Remote:
    """In place of a console: it keeps what it is fed, and ends when it is told to."""

    fed: bytearray = field(default_factory=bytearray)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    links: list[Any] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    farewell: str = ""
    is_behind: bool = False
    is_watched: bool = False
    sent: int = 0

    async def run(self) -> int:
        await self.over.wait()
        return 0

    def attach(self, link: Any, columns: int, rows: int, notice: str = "") -> None:
        self.links.append(link)
        self.sizes.append((columns, rows))
        self.notice = notice

    def detach(self) -> None:
        pass

    def feed(self, data: bytes) -> None:
        self.fed += data

    def resize(self, columns: int, rows: int) -> None:
        self.sizes.append((columns, rows))

    def end(self, words: str = "") -> None:
        self.farewell = words
        self.over.set()


@dataclass
class Page:
    port: int
    remotes: list[Remote]
    sessions: Sessions
    prepare: list[Exception] = field(default_factory=list)  # what stands against the next visitor

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    @asynccontextmanager
    async def visit(
        self, *, first: object = FIRST, token: str | None = TOKEN, origin: str | None = None, **more: Any
    ) -> AsyncIterator[ClientConnection]:
        offered = [web.PROTOCOL, *([Subprotocol(f"token.{token}")] if token is not None else [])]
        chosen = Origin(origin or f"http://127.0.0.1:{self.port}")
        async with connect(self.url, subprotocols=offered, origin=chosen, proxy=None, **more) as socket:
            if first is not None:
                await socket.send(first if isinstance(first, str | bytes) else json.dumps(first))
            yield socket

    async def refusal(self, **how: Any) -> int:
        """Return the status with which a visit is refused; 101 if it is not."""
        try:
            async with self.visit(first=None, **how):
                return 101
        except InvalidStatus as error:
            return error.response.status_code

    async def answer(self, raw: bytes) -> bytes:
        """Return all that comes back for these bytes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(raw)
        try:
            async with asyncio.timeout(10):
                return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()

    async def get(self, path: str, *headers: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *headers, "", ""]
        head, _, body = (await self.answer("\r\n".join(lines).encode("latin-1"))).partition(b"\r\n\r\n")
        if not head:
            return 0, {}, b""
        status, *rest = head.decode("latin-1").split("\r\n")
        fields = (line.partition(": ") for line in rest)
        return int(status.split()[1]), {name.lower(): value for name, _, value in fields}, body


@asynccontextmanager
async def served(
    monkeypatch: pytest.MonkeyPatch,
    *,
    token: str | None = TOKEN,
    who: Identity = OWNER,
    limits: Limits | None = None,
) -> AsyncIterator[Page]:
    remotes: list[Remote] = []

    def remote(*_: object) -> Any:
        remotes.append(Remote())
        return remotes[-1]

    monkeypatch.setattr(sessions, "remote_session", remote)
    page = Page(0, remotes, Sessions(limits or Limits(), lambda _who: cast("Program", None)))

    async def prepare(_who: Identity) -> None:
        if page.prepare:
            raise page.prepare.pop()

    gate = web.Gate(
        sessions=page.sessions, who=who, token=token, host="127.0.0.1", prepare=prepare,
        origins=_origins("https://Console.example.com:443/, https://two.example.com:8443"),
    )  # fmt: skip
    server = await web.listen(gate, "127.0.0.1", 0)
    page.port = next(iter(server.sockets)).getsockname()[1]
    yield page
    await web.close(server, page.sessions, ENDS)


@pytest.fixture
async def page(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Page]:
    async with served(monkeypatch) as running:
        yield running


# The files

FILES = ["/", "/index.html", "/page.js", "/page.css", "/icon.svg", "/vendor/xterm.js", "/vendor/xterm.css",
         "/vendor/addon-fit.js"]  # fmt: skip


@pytest.mark.parametrize("path", FILES)
async def test_a_file_of_the_page_is_given_with_a_strict_policy(page: Page, path: str) -> None:
    """Without the policy, a script that some text smuggles in runs, and another site frames the console."""
    status, headers, body = await page.get(path)
    file = STATIC / (path.removeprefix("/") or "index.html")
    assert (status, body) == (200, file.read_bytes())
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self' " not in policy  # and nothing else
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    _, headers, packed = await page.get(path, "Accept-Encoding: gzip, deflate, br")
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed) == body


def test_the_files_of_others_are_those_that_were_taken_over() -> None:
    """Without it, what is changed in 500,000 characters of one line is seen by nobody."""
    folder = STATIC / "vendor"
    told = dict(
        re.findall(
            r"^\| (\S+) \| .* \| ([0-9a-f]{64}) \|$", (folder / "README.md").read_text("utf-8"), re.MULTILINE
        )
    )
    shipped = [path for path in folder.iterdir() if path.suffix in {".js", ".css"}]
    assert told == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in shipped}


def test_the_page_names_no_other_place() -> None:
    """Without it, who opens the page is told to a stranger, who may also change it."""
    ours = [
        path
        for path in STATIC.rglob("*")
        if path.suffix in {".html", ".css", ".js"} and "vendor" not in path.parts
    ]
    assert ours
    for path in ours:
        assert not re.search(r"//[a-z]|@import|url\(", path.read_text("utf-8").replace("// ", "")), path
    for path in (STATIC / "vendor").glob("*.css"):
        assert "url(" not in path.read_text("utf-8")
    for path in (STATIC / "vendor").glob("*.js"):
        assert "sourceMappingURL" not in path.read_text("utf-8")


@pytest.mark.parametrize(
    "path",
    [
        "/../web.py", "/static/../web.py", "/vendor/../page.js", "/vendor/../../web.py", "/%2e%2e/web.py", "/%2e%2e%2fweb.py",
        "/..%2fweb.py", "//etc/passwd", "//page.js", "/./page.js", "/vendor", "/vendor/", "/vendor/README.md", "/vendor/LICENSE",
        "/page.js%00", "/page.js/", "\\page.js", "page.js", "/PAGE.JS", "http://127.0.0.1/page.js", "/index.html/..", "*", "/ws/",
        "/favicon.ico", "/.env", "/..;/web.py", "/page.js#x", "/" + "a" * 7000,
    ],
)  # fmt: skip
async def test_nothing_else_of_this_machine_can_be_asked_for(page: Page, path: str) -> None:
    """Without it, whoever reaches the port reads the files of the account."""
    status, _, body = await page.get(path)
    assert status == 404
    assert body == b"There is nothing here.\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /\0page.js HTTP/1.1\r\n\r\n", b"GET /page.js\0 HTTP/1.1\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n", b"\r\n\r\n",
        b"GET\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"GET / HTTP/1.1\r\n: x\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 1_000 + b"\r\n", b"X" * 300_000,
    ],
    ids=range(15),
)  # fmt: skip
async def test_what_is_no_request_is_no_answer_and_no_line_of_the_log(
    page: Page, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it, each scan of a port writes a traceback."""
    assert b" 200 " not in (await page.answer(raw)).partition(b"\r\n")[0]
    assert (await page.get("/"))[0] == 200
    assert caplog.records == []


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get"])
async def test_the_page_can_only_be_read(page: Page, method: str) -> None:
    assert (await page.get("/page.js", method=method))[0] in {0, 405}


async def test_a_request_that_never_ends_is_cut(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, a few bytes from each of many connections keep them all."""
    monkeypatch.setattr(web, "_OPEN_S", 0.2)
    async with served(monkeypatch) as other:
        began = asyncio.get_running_loop().time()
        assert await other.answer(b"GET / HTTP/1.1\r\nHost: x\r\n") == b""
        assert asyncio.get_running_loop().time() - began < 5


async def test_few_strangers_are_connected_at_once(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, whoever reaches the port takes all the files that this process may open."""
    monkeypatch.setattr(web, "MOST_STRANGERS", 3)
    async with page.visit() as inside:  # this one is a stranger no more
        await until(lambda: _soon(bool(page.remotes)))
        strangers = [await asyncio.open_connection("127.0.0.1", page.port) for _ in range(3)]
        await until(lambda: _refused(page))
        strangers.pop()[1].close()
        await until(lambda: _admitted(page))
        assert inside.state.name == "OPEN"
        for _, writer in strangers:
            writer.close()


async def _soon(condition: bool) -> bool:
    return condition


async def _refused(page: Page) -> bool:
    return (await page.get("/"))[0] == 0


async def _admitted(page: Page) -> bool:
    return (await page.get("/"))[0] == 200


def test_every_file_of_the_page_goes_into_the_packages() -> None:
    """Without it, a console that was installed serves nothing."""
    root = STATIC.parents[2]
    hatch = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    assert hatch["targets"]["wheel"]["packages"] == ["console"]
    assert hatch["targets"]["sdist"] == {"exclude": ["/.git"]}  # all else
    assert "exclude" not in hatch["targets"]["wheel"]
    left_out = [line.strip("/") for line in (root / ".gitignore").read_text("utf-8").split()]  # by hatch, too
    for path in STATIC.rglob("*"):
        parts = path.relative_to(root).parts
        assert not [part for part in parts for pattern in left_out if fnmatch(part, pattern)], path


# Who comes in


@pytest.mark.parametrize(
    "token",
    [None, "", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), f"{TOKEN}, token.{TOKEN}", f"x, token.{TOKEN}"],
)
async def test_without_the_token_nobody_comes_in(page: Page, token: str | None) -> None:
    """Without it, whoever reaches the port is the operator."""
    lines = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
             f"Origin: http://127.0.0.1:{page.port}"]  # fmt: skip
    more = "" if token is None else f", token.{token}"
    status, _, body = await page.get("/ws", *lines, f"Sec-WebSocket-Protocol: device-console{more}")
    assert (status, body) == (403, b"This link is not accepted.\n")
    for path in (f"/ws?token={TOKEN}", f"/ws?{TOKEN}"):
        assert (await page.get(path, *lines, "Sec-WebSocket-Protocol: device-console"))[0] == 403
    assert not page.remotes


async def test_with_the_token_the_page_of_this_server_comes_in(page: Page) -> None:
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert await page.refusal(origin=f"http://{host}:{page.port}") == 101
    for origin in ("https://console.example.com", "https://two.example.com:8443"):
        assert await page.refusal(origin=origin) == 101


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.com", "http://evil.example.com:{port}", "https://127.0.0.1:{port}", "http://127.0.0.1", "null",
        "http://127.0.0.1:{port}.evil.example.com", "https://console.example.com.evil.org", "http://console.example.com",
        "https://two.example.com", "http://127.0.0.1:{port}/", "http://127.0.0.1:1",
    ],
)  # fmt: skip
async def test_the_page_of_another_site_does_not_come_in(page: Page, origin: str) -> None:
    """Without it, a site that the operator visits uses this server; by a name of its own for 127.0.0.1, too."""
    there = origin.format(port=page.port)
    assert await page.refusal(origin=there) == 403
    host = there.split("//")[-1]
    assert await page.refusal(origin=there, additional_headers={"X-Forwarded-Host": host}) == 403


async def test_whoever_names_no_site_or_two_does_not_come_in(page: Page) -> None:
    lines = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
             f"Sec-WebSocket-Protocol: device-console, token.{TOKEN}"]  # fmt: skip
    ours = f"Origin: http://127.0.0.1:{page.port}"
    for origins in ([], ["Origin: "], [ours, "Origin: https://evil.example.com"], [ours, ours]):
        assert (await page.get("/ws", *lines, *origins))[0] == 403


async def test_guests_need_no_token_but_the_page_of_this_server(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(monkeypatch, token=None, who=guest(("demo",))) as page:
        assert await page.refusal(token=None) == 101
        assert await page.refusal(token=None, origin="https://evil.example.com") == 403
        async with page.visit(token=None):
            await until(lambda: _soon(bool(page.sessions.attached)))
            (session,) = page.sessions.attached
            assert session.who.is_guest
            assert session.who.read_only


@pytest.mark.parametrize(
    "text", ["console.example.com", "https://a/b", "ftp://a", "https://", "https://a b", "*", "https://*.a"]
)
def test_an_address_that_no_browser_names_is_refused_at_the_start(text: str) -> None:
    """Without it, the page behind the proxy says that its link is wrong."""
    with pytest.raises(UsageError, match="CONSOLE_WEB_ORIGIN must be an address"):
        _origins(f"https://good.example.com,{text}")
    assert _origins("") == frozenset()


def test_who_may_not_write_gets_the_program_that_cannot() -> None:
    """Without it, a guest's console keeps from writing by its keys only."""
    made = []

    @dataclass(frozen=True)
    class Made:
        name: str
        favourites: object = None
        views: object = None
        tenants: tuple[str, ...] = ()
        operator: str = ""
        read_only: bool = False
        warnings: tuple[str, ...] = ()
        restricted: bool = False
        may_export: bool = True

    @dataclass
    class Opened:
        program: Made

        def for_reading(self) -> Made:
            made.append("reading")
            return Made("reading")

    program = cast("Any", _programs)(Opened(Made("writing")), cast("Any", _Settings()))
    for who, name in ((guest(("demo",)), "reading"), (OWNER, "writing")):
        found = program(who)
        assert (found.name, found.restricted, found.may_export) == (name, True, False)
        assert (found.tenants, found.operator, found.read_only) == (who.tenants, who.operator, who.read_only)


class _Settings:
    home_folder = Path("/nowhere")


# What is said first


@pytest.mark.parametrize(
    "first",
    [
        "", "x", "[]", "1", "null", '"tab"', "{}", '{"tab":"a"}', '{"tab":"a","columns":80}', '{"tab":"a","columns":"x","rows":1}',
        '{"tab":"a","columns":null,"rows":1}', '{"tab":"a","columns":Infinity,"rows":1}', '{"tab":"a","columns":1e999,"rows":1}',
        '{"tab":"a","columns":NaN,"rows":1}', '{"tab":"a","columns":[],"rows":{}}', "[" * 60_000, '{"a":' * 10_000, b"\xff\xfe", b"",
        '{"tab":"a","columns":' + "9" * 5_000 + ',"rows":1}', '{"columns":1,"rows":1}',
    ],
    ids=range(21),
)  # fmt: skip
async def test_a_first_message_that_cannot_be_read_opens_nothing(
    page: Page, first: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with page.visit(first=first) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.reason == "The page and the server do not fit: load it again."
    assert not page.remotes
    assert caplog.records == []


async def test_a_message_that_is_too_large_ends_the_line_only(page: Page) -> None:
    async with page.visit(first="x" * 70_000) as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    async with page.visit() as socket:
        await until(lambda: _soon(len(page.sessions.attached) == 1))
        await socket.send(b"x" * 70_000)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    await until(lambda: _soon(len(page.sessions.kept) == 1))


async def test_a_page_that_says_nothing_is_sent_away(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, connections that never open a console stay."""
    monkeypatch.setattr(web, "_FIRST_S", 0.1)
    async with page.visit(first=None) as socket:
        with pytest.raises(ConnectionClosed, match="do not fit"):
            await socket.recv()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            NotAdmittedError("there is no tenant 'x' in this database"),
            "there is no tenant 'x' in this database",
        ),
        (
            UnreachableError("The database does not answer: " + "word " * 50),
            "The database does not answer: word word",
        ),
        (RuntimeError("a bug with a password"), "This failed; whoever runs the server has the report."),
    ],
)
async def test_why_no_console_opens_is_said_on_the_page(page: Page, error: Exception, words: str) -> None:
    """Without it, the page says that the line was cut, and the log has a traceback of a library."""
    page.prepare.append(error)
    async with page.visit() as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.reason.startswith(words)
    assert len(closed.value.rcvd.reason.encode()) <= 123
    assert "password" not in closed.value.rcvd.reason
    async with page.visit():
        await until(lambda: _soon(bool(page.sessions.attached)))


# While it is open


async def test_messages_that_mean_nothing_are_left_out(page: Page) -> None:
    async with page.visit() as socket:
        for message in ("", "x", "[]", "1", "{}", '{"taken":"x"}', '{"taken":-5}', '{"taken":1e999}', '{"taken":9e99}', "[" * 60_000,
                        '{"columns":[],"rows":1}', '{"columns":Infinity,"rows":1}', '{"taken":[]}', '{"taken":null}'):  # fmt: skip
            await socket.send(message)
        await socket.send(b"typed")
        await until(lambda: _soon(bool(page.remotes)))
        await until(lambda: _soon(page.remotes[0].fed == b"typed"))
        await socket.send('{"columns":-1,"rows":99999}')
        await until(lambda: _soon(page.remotes[0].sizes == [(80, 24), (0, 99_999)]))


async def test_no_more_is_read_than_the_console_handles(page: Page) -> None:
    """Without it, a flood of keys or sizes fills the memory of all sessions, and stops them."""
    async with page.visit(compression=None, close_timeout=0.1) as socket:
        await until(lambda: _soon(bool(page.remotes)))
        (remote,) = page.remotes
        remote.is_behind = True
        flood = asyncio.create_task(_flood(socket))
        async with page.visit(first={**FIRST, "tab": "two"}) as other:  # nobody else waits for it
            await other.send(b"key")
            await until(lambda: _soon(len(page.remotes) == 2))
            await until(lambda: _soon(bytes(page.remotes[1].fed) == b"key"))
        assert len(remote.fed) <= 1024
        assert not flood.done()
        remote.is_behind = False
        await until(lambda: _soon(len(remote.fed) > 1_000_000))
        await end_all([flood])


async def _flood(socket: ClientConnection) -> None:
    while True:
        await socket.send(b"j" * 60_000)


async def test_a_tab_takes_up_its_own_session_and_no_other(page: Page) -> None:
    """Without it, the unsent command is lost when the page is loaded again, or stands in another tab."""
    async with page.visit():
        await until(lambda: _soon(len(page.remotes) == 1))
    await until(lambda: _soon(len(page.sessions.kept) == 1))
    async with page.visit(first={**FIRST, "tab": "two"}):
        await until(lambda: _soon(len(page.remotes) == 2))
    async with page.visit() as socket:
        await until(lambda: _soon(len(page.remotes[0].links) == 2))
        await socket.send(b"x")
        await until(lambda: _soon(page.remotes[0].fed == b"x"))
    assert len(page.remotes) == 2


async def test_a_tab_comes_back_while_its_old_line_seems_open(page: Page) -> None:
    """Without it, a page that is loaded again after the network failed shows a new console, and the old one ends."""
    async with page.visit() as old:
        await until(lambda: _soon(len(page.remotes) == 1))
        async with page.visit() as new:
            await until(lambda: _soon(len(page.remotes[0].links) == 2))
            with pytest.raises(ConnectionClosed, match="open in another window"):
                await old.recv()
            await new.send(b"x")
            await until(lambda: _soon(page.remotes[0].fed == b"x"))
            assert len(page.sessions.attached) == 1
    assert len(page.remotes) == 1


async def test_the_tabs_of_one_browser_do_not_push_out_the_sessions_of_others(page: Page) -> None:
    """Without it, whoever has the link loads the page six times, and all whose lines were cut lose what they typed."""
    others = [Identity(("acme",), name, read_only=False, fingerprint=name) for name in ("kim", "eve")]
    kept = [page.sessions.open(who, _terminal(), WebLink(cast("Any", None)), "far") for who in others]
    for session in kept:
        page.sessions.cut(session)
    for number in range(8):
        async with page.visit(first={**FIRST, "tab": f"t{number}"}):
            await until(lambda: _soon(bool(page.sessions.attached)))
        await until(lambda: _soon(not page.sessions.attached))
    assert set(kept) <= set(page.sessions.kept)
    assert len([session for session in page.sessions.kept if session not in kept]) == sessions.MOST_KEPT - 2


def _terminal() -> sessions.Terminal:
    return sessions.Terminal("xterm", {}, 80, 24)


async def test_the_end_of_the_server_is_said_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, the page says that the line was cut, and to load it again."""
    context = served(monkeypatch)
    page = await context.__aenter__()
    async with page.visit() as socket:
        await until(lambda: _soon(bool(page.remotes)))
        ending = asyncio.create_task(context.__aexit__(None, None, None))
        with pytest.raises(ConnectionClosed, match=ENDS):
            await socket.recv()
        await ending


# The link


class Line:
    """In place of a connection: it takes what is sent when it is told to."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.room = asyncio.Event()

    async def send(self, data: bytes) -> None:
        await self.room.wait()
        self.taken.append(data)


async def test_frames_stop_when_nobody_takes_them_whatever_the_page_says() -> None:
    """Without it, a page that says it has drawn what it never read fills the memory of all."""
    line = Line()
    link = WebLink(cast("Any", line))
    pouring = asyncio.create_task(link.pour())
    drawn = []
    link.send(b"x" * (MOST_UNREAD + 1))
    link.when_taken(lambda: drawn.append(1))
    for lie in (10**30, -(10**30), 0, 1):
        link.taken(lie)
    await asyncio.sleep(0)
    assert not drawn
    line.room.set()
    await until(lambda: _soon(bool(line.taken)))
    assert not drawn  # it is out, but the page has not drawn it
    link.taken(-5)
    link.taken(1)
    await until(lambda: _soon(bool(drawn)))
    pouring.cancel()


async def test_a_line_that_takes_nothing_is_given_up(page: Page) -> None:
    """Without it, copies, which are no frames, wait without end."""
    async with page.visit() as socket:
        await until(lambda: _soon(bool(page.remotes)))
        (link,) = page.remotes[0].links
        for _ in range(MOST_UNSENT // 100_000 + 1):
            link.send(b"x" * 100_000)
        link.send(b"more")
        with pytest.raises(ConnectionClosed, match="reads too slowly"):
            await _drain(socket)
    await until(lambda: _soon(len(page.sessions.kept) == 1))


async def _drain(socket: ClientConnection) -> None:
    while True:
        await socket.recv()


def test_the_librarys_log_is_silent() -> None:
    """Without it, the headers of a request, and the secret among them, may stand in a log."""
    assert not logging.getLogger("console.serve.web.library").isEnabledFor(logging.CRITICAL)
