"""The console in a real browser: headless Chromium at the real program, with the demo's servers behind it."""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import ssl
import sys
import zlib
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pyte
import pytest
import pytest_asyncio
import trustme
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from console.serve.web_link import MOST_UNREAD
from tests.browser import Page, browser
from tests.conftest import make_home
from tests.faults.serving import Served, served
from tests.forks.client import REPOSITORY
from tests.waiting import PATIENCE_S, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium, pytest.mark.slow]

PROTOCOL = Subprotocol("device-console")


def settings(home: Path, **more: str) -> dict[str, str]:
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("CONSOLE_", "DATABASE_URL", "MQTT_URL"))}
    return {
        **keep, "PYTHONPATH": str(REPOSITORY), "CONSOLE_HOME": str(home), "XDG_DATA_HOME": str(home),
        "CONSOLE_CONFIG": str(home / "none.toml"), "CONSOLE_OPERATOR": "alice",
        "CONSOLE_DEMO_TRAFFIC": "false", "CONSOLE_START": "devices", **more,
    }  # fmt: skip


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def home() -> AsyncIterator[Path]:
    home = make_home()
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server(home: Path) -> AsyncIterator[Served]:
    async with served(settings(home), "--embedded", "--serve-web", "0") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def window() -> AsyncIterator[Page]:
    async with browser() as page:
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def page(window: Page, server: Served) -> Page:
    """The console in a tab of its own, with the demo's devices on it."""
    await window.open(server.url + "icon.svg")
    await window.value("sessionStorage.clear()")
    await window.open(server.link)
    await window.until("online")
    return window


async def find(page: Page, device: str) -> None:
    await page.type(f"/{device}")
    await page.until(f"/ {device}")
    await page.press("Enter")
    await page.until(" 1 of 2")


async def compose(page: Page, device: str, command: str) -> None:
    await find(page, device)
    await page.type("c")
    await page.until("New command")
    await page.type(command)
    await page.until("Ready")


class Client:
    """A page without a browser: what it draws, and what it says of that."""

    def __init__(self, socket: ClientConnection, columns: int) -> None:
        self.socket = socket
        self.came = 0  # bytes
        self.screen = pyte.Screen(columns, 24)
        self._stream = pyte.ByteStream(self.screen)

    async def says(self, **message: object) -> None:
        await self.socket.send(json.dumps(message))

    async def types(self, keys: str) -> None:
        await self.socket.send(keys.encode())

    async def take(self) -> int:
        """Draw what comes next; return its size in bytes."""
        data = await self.socket.recv()
        assert isinstance(data, bytes)
        self.came += len(data)
        with contextlib.suppress(Exception):  # pyte trips over some private sequences
            self._stream.feed(data)
        return len(data)

    async def until(self, words: str) -> None:
        """Draw, and say so, until these words are shown."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while words not in "\n".join(self.screen.display):
                    await self.says(taken=await self.take())
                return
        raise AssertionError("\n".join((words, *self.screen.display)))

    async def until_the_end(self) -> None:
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(1):
                while True:
                    await self.take()


@asynccontextmanager
async def client(server: Served, tab: str, columns: int = 100) -> AsyncIterator[Client]:
    token = server.link.partition("#")[2] if server.printed else ""
    offered = [PROTOCOL, *([Subprotocol(f"token.{token}")] if token else [])]
    url, origin = server.url.replace("http", "ws") + "ws", Origin(server.url.rstrip("/"))
    async with connect(url, subprotocols=offered, origin=origin, proxy=None, close_timeout=1) as socket:
        made = Client(socket, columns)
        await made.says(tab=tab, columns=columns, rows=24)
        yield made


async def test_a_command_is_sent_and_answered(page: Page, server: Served) -> None:
    """Without it, nobody knows whether a person at a browser can work."""
    await compose(page, "pump-0001", "ping")
    await page.press("s", ctrl=True)
    await page.until("Published commands")
    await page.type("y")
    await until(lambda: _confirmed(page))
    shown = await page.until("alice")
    await page.until(" ok ")
    assert "pump-0001" in shown
    assert page.errors == []
    assert len(_colours(await page.screenshot())) > 20, "the picture that the README has is no blank page"
    token = server.link.partition("#")[2]
    assert len(base64.urlsafe_b64decode(f"{token}=")) == 32
    origin = server.url.rstrip("/").partition("//")[2]
    assert len(page.requests) >= 8
    for url in page.requests:
        assert url.split("#")[0].partition("//")[2].partition("/")[0] == origin
        assert token not in url
    assert server.printed == [f"{server.url}#{token}"]
    assert not any(token in line for line in server.logged)


def _colours(png: bytes) -> set[bytes]:
    """The colours of some pixels in the rows of a picture; a row holds what it adds to its neighbours."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    packed, at = b"", 8
    while at < len(png):
        size, kind = int.from_bytes(png[at : at + 4], "big"), png[at + 4 : at + 8]
        packed += png[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    raw = zlib.decompress(packed)
    return {raw[place : place + 3] for place in range(0, len(raw), 3)}


async def _confirmed(page: Page) -> bool:
    """Whether it is sent; a browser is faster than a reader, so the question may have to be answered twice."""
    shown = await page.text()
    if "press y again" in shown:
        await page.type("y")
    return "History" in shown


async def test_a_page_that_is_loaded_again_goes_on_and_another_tab_begins(page: Page, server: Served) -> None:
    """Without it, a reload loses the command that was being written, or another tab shows it."""
    await compose(page, "pump-0002", "reboot")
    await page.again()
    shown = await page.until("The line was cut: this is where you were.")
    assert "to pump-0002" in shown
    assert "reboot" in shown
    await page.value("sessionStorage.clear()")  # what a new tab has
    await page.again()
    shown = await page.until("online")
    assert "New command" not in shown
    assert page.errors == []


async def test_text_of_any_script_is_typed_pasted_and_shown(page: Page) -> None:
    await page.type("/é漢")
    await page.call("Input.insertText", text="日本🙂")
    await page.until("/ é漢日本🙂")
    await page.value("terminal.paste('x'.repeat(200000))")  # longer than a message may be
    await page.until("xxxxxxxxxx")
    await page.press("Escape")
    assert page.errors == []


async def test_the_console_has_the_size_of_the_window(page: Page) -> None:
    for width, height in ((700, 400), (1500, 900), (120, 60), (1200, 760)):
        await page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        if width > 500:
            await until(partial(_fits, page, width))
    await page.call("Emulation.clearDeviceMetricsOverride")
    assert page.errors == []


async def _fits(page: Page, width: int) -> bool:
    lines = (await page.text()).splitlines()
    columns = await page.value("terminal.cols")
    top, bottom = lines[0].rstrip(), lines[-1].rstrip()
    return width / 11 < columns < width / 8 and len(top) == columns - 1 and bottom.endswith("? help")


async def _equals(page: Page, expression: str, value: object) -> bool:
    return bool(await page.value(expression) == value)


async def test_what_is_copied_is_in_the_clipboard_and_nothing_reads_it(page: Page, server: Served) -> None:
    """Without it, y does nothing; or whatever is shown on a screen reads what somebody has copied elsewhere."""
    permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"]
    await page.call("Browser.grantPermissions", origin=server.url, permissions=permissions)
    await page.call("Emulation.setFocusEmulationEnabled", enabled=True)
    await find(page, "pump-0001")
    await page.press("Enter")
    await page.until("History")
    await page.until("explain")
    await page.value(
        "var read = 0; navigator.clipboard.readText = async () => { read += 1; return 'secret'; }"
    )
    await page.value("var sent = []; WebSocket.prototype.send = function (data) { sent.push(data); }")
    copy = "navigator.clipboard.writeText('before').then(() => true)"
    assert await page.value(copy)
    for query in ("c;?", "c;", ";", "", "c;%%%", "p;?", "c;w6TDtg=="):
        await page.value(f"new Promise(done => terminal.write('\\x1b]52;{query}\\x07', done))")
    await until(
        lambda: _equals(
            page, "Object.getPrototypeOf(navigator.clipboard).readText.call(navigator.clipboard)", "äö"
        )
    )
    assert await page.value("read") == 0
    assert await page.value("sent.filter((data) => typeof data !== 'string').length") == 0
    await page.again()
    await page.until("History")
    await page.press("j")
    await page.press("y")
    await page.until("opied")
    await until(lambda: _copied(page))


async def _copied(page: Page) -> bool:
    return len(await page.value("navigator.clipboard.readText()") or "") == 36


async def test_no_foreign_script_runs_on_the_page(page: Page) -> None:
    """Without it, text that finds a way into the page works as the operator."""
    await page.value("""
        var ran = 0;
        for (const [name, text] of [["script", "ran = 1"], ["img", ""]]) {
            const made = document.createElement(name);
            made.textContent = text;
            if (name === "img") { made.setAttribute("onerror", "ran = 2"); made.src = "/nothing"; }
            document.body.append(made);
        }
        const far = document.createElement("script");
        far.src = "https://example.com/x.js";
        document.body.append(far);
        const data = document.createElement("script");
        data.src = "data:text/javascript,ran=3";
        document.body.append(data);
    """)
    await until(lambda: _said(page, 4))
    assert await page.value("ran") == 0
    assert await page.value("fetch('https://example.com/').then(() => 1, () => 0)") == 0
    assert sum("Content Security Policy" in error for error in page.errors) >= 4


async def _said(page: Page, count: int) -> bool:
    return sum("Content Security Policy" in error for error in page.errors) >= count


async def test_another_site_neither_frames_the_console_nor_opens_it(page: Page, server: Served) -> None:
    """Without it, a site that the operator visits lets them press keys unseen, or uses this server itself."""
    token = server.link.partition("#")[2]
    html = f"""<!doctype html><iframe src="{server.link}"></iframe><script>
        var ended = 0, opened = 0;
        const socket = new WebSocket("{server.url.replace("http", "ws")}ws", ["device-console", "token.{token}"]);
        socket.onopen = () => opened = 1;
        socket.onclose = () => ended = 1;
        var read = "";
        fetch("{server.url}page.js").then(r => r.text()).then(t => read = t, () => read = "refused");
        </script>"""
    async with little_site(html) as url:
        before = len([line for line in server.logged if '"opened"' in line])
        await page.open(url)
        await until(lambda: _equals(page, "ended", 1))
        await until(lambda: _equals(page, "read", "refused"))
        assert await page.value("opened") == 0
        await until(lambda: _framing_refused(page))
        assert len([line for line in server.logged if '"opened"' in line]) == before
    assert any("the page of another site" in line for line in server.logged)


async def _framing_refused(page: Page) -> bool:
    return any("frame-ancestors" in error for error in page.errors)


@asynccontextmanager
async def little_site(html: str) -> AsyncIterator[str]:
    """Another site on this machine."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = html.encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
            % len(body)
        )
        writer.write(body)
        await writer.drain()
        writer.close()

    site = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{site.sockets[0].getsockname()[1]}/"
    site.close()


async def test_a_link_that_is_wrong_says_so(window: Page, server: Served) -> None:
    for end in ("", "#", "#wrong", "#%", "#a b", "#ä"):
        await window.open(server.url + "icon.svg")
        await window.open(server.url + end)
        await window.says("or this link was not accepted: open the one that the server printed.")
        assert not any("ncaught" in error for error in window.errors), window.errors


async def test_a_hidden_tab_draws_nothing_and_goes_on_when_it_is_seen(server: Served) -> None:
    """Without it, each tab that nobody looks at costs frames, and memory where they wait."""
    async with client(server, "hidden", 200) as hidden:
        await hidden.until("online")
        before = hidden.came
        for number in range(160):
            await hidden.types("sg"[number % 2])  # another order, drawn anew
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await hidden.take()
        assert hidden.came - before < MOST_UNREAD + 40_000  # and one frame
        await hidden.says(taken=10_000_000)
        await hidden.types("p")
        await hidden.until("Problems")


async def test_what_is_no_input_ends_nothing(server: Served) -> None:
    """Without it, whoever has the link ends the consoles of all."""
    frames = (
        b"\xff" * 1000,
        b"\x83\x80abcd",
        b"\x81\xff" + b"\xff" * 8,
        b"\x82\x05hello",
        bytes(range(256)) * 10,
    )
    async with client(server, "calm") as calm:
        await calm.until("online")
        for raw in frames:
            async with client(server, "wild") as wild:
                await wild.take()
                wild.socket.transport.write(raw)
                await wild.until_the_end()
        async with client(server, "sizes") as sizes:
            await sizes.until("online")
            for columns, rows in ((0, 0), (1, 1), (2, 1), (500, 200), (10**9, 10**9), (-5, -5), (100, 24)):
                await sizes.says(columns=columns, rows=rows)
                await sizes.says(taken=10**9)
            await sizes.types("p")
            await sizes.until("Problems")
        await calm.types("p")
        await calm.until("Problems")
    assert server.process.returncode is None
    assert not any('"exception"' in line for line in server.logged), server.logged


@pytest.mark.proc
async def test_a_flood_of_keys_stops_nobody_else(server: Served) -> None:
    """Without it, one who holds a key down with a program stops the consoles of all, and fills their memory."""

    async def flood(socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.send(os.urandom(20_000) + b"j" * 20_000)
                await socket.send(json.dumps({"taken": 10**9}))

    async with client(server, "calm-2") as calm, client(server, "wild-2") as wild:
        await calm.until("online")
        await wild.until("online")
        before = _rss_bytes(server.process.pid)
        flooding = asyncio.create_task(flood(wild.socket))
        for _ in range(3):
            await calm.types("p")
            await calm.until("Problems")
            await calm.types("\x1b")
            await calm.until("DEVICE")
        grown = _rss_bytes(server.process.pid) - before
        wild.socket.transport.abort()
        await flooding
    assert grown < 60_000_000


def _rss_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def test_guests_only_look_and_each_end_is_said_on_the_page(window: Page, home: Path) -> None:
    """Without it, a stranger sends; or a page that shows nothing more does not say why."""
    env = settings(home, CONSOLE_SERVED_SESSIONS="1", CONSOLE_SERVED_IDLE_S="6")
    async with served(env, "--embedded", "--serve-web", "0", "--guests") as server:
        assert server.printed == []
        await window.open(server.url)
        shown = await window.until("online")
        assert "READ-ONLY" in shown
        assert "guest" in shown
        await window.type("c")
        assert "New command" not in await window.text()
        async with client(server, "second") as second:
            with pytest.raises(ConnectionClosed, match="too many sessions are open on this server"):
                await second.socket.recv()
        await window.says("othing was typed for 6s; the session has ended")
        await window.again()
        await window.until("online")
        ending = asyncio.create_task(server.end())
        await window.says("his server is shutting down")
        assert await ending == 0


async def test_behind_a_proxy_with_tls_and_a_token_from_a_file(home: Path, tmp_path: Path) -> None:
    """Without it, the set-up that is advised does not work; or the secret of a file is printed."""
    token = "from-a-file-0123456789-0123456789-0123"
    (tmp_path / "token").write_text(f"{token}\n")
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    to: list[int] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            there, back = await asyncio.open_connection("127.0.0.1", to[0])
            await asyncio.gather(_copy(reader, back), _copy(there, writer))

    proxy = await asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=context)
    origin = f"https://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
    env = settings(home, CONSOLE_WEB_ORIGIN=origin, CONSOLE_WEB_TOKEN_FILE=str(tmp_path / "token"))
    async with (
        served(env, "--embedded", "--serve-web", "0") as server,
        browser(flags=("--ignore-certificate-errors",)) as page,
    ):
        to.append(int(server.url.rstrip("/").rpartition(":")[2]))
        await page.open(f"{origin}/#{token}")
        await page.until("online")
        assert page.errors == []
        assert {url.partition("//")[2].partition("/")[0] for url in page.requests} == {origin[8:]}
        assert server.printed == []
        assert not any(token in line for line in server.logged)
    proxy.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    "token", ["short", "a" * 31, "a" * 300, "with a blank in it, and long enough", "ä" * 40]
)
async def test_a_token_that_could_be_guessed_is_refused_at_the_start(
    home: Path, tmp_path: Path, token: str
) -> None:
    """Without it, a word of five letters lets whoever guesses it work as the operator."""
    (tmp_path / "token").write_text(f"{token}\n")
    env = settings(home, CONSOLE_WEB_TOKEN_FILE=str(tmp_path / "token"))
    code, out, err = await _started(env, "--embedded", "--serve-web", "0")
    assert (code, out, "must have at least 32 letters" in err) == (2, "", True), err
    assert token not in err


async def test_guests_see_no_real_data_in_a_browser_either(home: Path) -> None:
    """Without it, --guests shows a configured fleet to anybody who reaches the port."""
    env = settings(
        home, DATABASE_URL="postgresql://127.0.0.1:1/x", MQTT_URL="mqtt://127.0.0.1:1", CONSOLE_TENANT="acme"
    )
    code, out, err = await _started(env, "--serve-web", "0", "--guests")
    assert (code, out, "needs the embedded servers" in err) == (2, "", True), err


async def _started(env: dict[str, str], *flags: str) -> tuple[int | None, str, str]:
    """Start a server that is to refuse to start."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "console", *flags, env=env, cwd=REPOSITORY, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode, out.decode(), err.decode()
