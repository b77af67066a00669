"""A real browser, driven by its own protocol: headless Chromium, with a new profile each time."""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.needs import CHROMIUMS, need
from tests.waiting import PATIENCE_S, until

CHROMIUM = next(filter(None, map(shutil.which, CHROMIUMS)), None)
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-port=0",
    "--hide-scrollbars",
)  # fmt: skip
_KEYS = {
    "Enter": ("Enter", 13, "\r"), "Escape": ("Escape", 27, ""), "ArrowDown": ("ArrowDown", 40, ""), "F5": ("F5", 116, ""),
}  # fmt: skip


class Page:
    """One tab. What its console and its network say is kept."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.requests: list[str] = []
        self.errors: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in self._socket:
                self._take(json.loads(message))

    def _take(self, told: dict[str, Any]) -> None:
        if "id" in told:
            self._answers.pop(told["id"]).set_result(told)
        elif told["method"] == "Network.requestWillBeSent":
            self.requests.append(told["params"]["request"]["url"])
        elif told["method"] == "Network.webSocketCreated":
            self.requests.append(told["params"]["url"])
        elif told["method"] == "Network.responseReceived":
            if told["params"]["response"]["status"] >= 400:
                self.errors.append(told["params"]["response"]["url"])
        elif told["method"] == "Runtime.exceptionThrown":
            self.errors.append(told["params"]["exceptionDetails"]["text"])
        elif told["method"] == "Runtime.consoleAPICalled":
            self.errors.append(str(told["params"]["args"]))
        elif told["method"] == "Log.entryAdded":
            self.errors.append(told["params"]["entry"]["text"])

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        """Call a method of the browser's protocol; return its result."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        told = await asyncio.wait_for(answer, 30)
        assert "error" not in told, told
        result: dict[str, Any] = told["result"]
        return result

    async def open(self, url: str) -> None:
        """Load another page; what the last one's network and console said is forgotten."""
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self.call(f"{domain}.enable")
        await self.call("Page.navigate", url="about:blank")
        self.requests.clear()
        self.errors.clear()
        await self.call("Page.navigate", url=url)

    async def again(self) -> None:
        """Load the same page again."""
        await self.call("Page.reload")

    async def value(self, expression: str) -> Any:
        """Return the value of a JavaScript expression; None where it fails."""
        told = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        return told["result"].get("value")

    async def text(self) -> str:
        """Return what xterm.js shows."""
        found = await self.value(
            "[...Array(terminal.rows).keys()].map(y => terminal.buffer.active.getLine(y)?.translateToString(true, 0, terminal.cols))"
            ".join('\\n')"
        )
        return str(found or "")

    async def until(self, words: str, patience_s: float = PATIENCE_S) -> str:
        """Wait until the terminal shows these words; return all that it shows."""
        return await self._until(self.text, words, patience_s)

    async def says(self, words: str, patience_s: float = PATIENCE_S) -> str:
        """Wait until the page says these words below its terminal; return the whole sentence."""
        return await self._until(self._sentence, words, patience_s)

    async def _sentence(self) -> str:
        return str(await self.value("document.getElementById('end').innerText") or "")

    async def _until(self, look: Callable[[], Awaitable[str]], words: str, patience_s: float) -> str:
        shown: list[str] = []

        async def is_shown() -> bool:
            shown[:] = [await look()]
            return words in shown[0]

        with contextlib.suppress(AssertionError):
            await until(is_shown, patience_s)
        assert words in shown[0], f"{words!r} is not shown:\n{shown[0]}\n{self.errors}"
        return shown[0]

    async def press(self, key: str, *, ctrl: bool = False) -> None:
        code = ord(key.upper()) if len(key) == 1 and key.isascii() and key.isalnum() else 0
        name, code, text = _KEYS.get(key, (key, code, "" if ctrl else key))
        event = {"key": name, "windowsVirtualKeyCode": code, "modifiers": 2 if ctrl else 0}
        await self.call(
            "Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **event
        )
        await self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    async def type(self, text: str) -> None:
        for character in text:
            await self.press(character)

    async def screenshot(self) -> bytes:
        """Return a picture of the page, as PNG."""
        shot = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(shot["data"])


@contextlib.asynccontextmanager
async def browser(width: int = 1200, height: int = 760, flags: Sequence[str] = ()) -> AsyncIterator[Page]:
    """Start Chromium with one empty tab."""
    need("chromium", CHROMIUM)
    assert CHROMIUM
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            CHROMIUM, *_FLAGS, *flags, f"--user-data-dir={profile}", f"--window-size={width},{height}", "about:blank",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            port = await _port(Path(profile) / "DevToolsActivePort")
            async with connect(await _tab(port), max_size=None, origin=None) as socket:
                yield Page(socket)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            await process.wait()


async def _port(path: Path) -> int:
    """Return the port that the browser listens on, once it has written it down."""

    async def is_told() -> bool:
        return await asyncio.to_thread(lambda: path.exists() and "\n" in path.read_text())

    await until(is_told)
    return int((await asyncio.to_thread(path.read_text)).split()[0])


async def _tab(port: int) -> str:
    """Return the address of the tab's protocol."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /json/list HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    size = next(line for line in head.splitlines() if line.startswith("content-length:"))
    body = await reader.readexactly(int(size.partition(":")[2]))
    writer.close()
    return str(next(tab for tab in json.loads(body) if tab["type"] == "page")["webSocketDebuggerUrl"])
