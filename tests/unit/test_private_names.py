"""The private names of others that the program uses: a new release of theirs that lacks one fails here, by name."""

import ast
import inspect
import re
from pathlib import Path

import aiomqtt
import asyncpg
import asyncssh
import paho.mqtt.client as paho
import pytest
import textual.app
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, Compositor, LayoutUpdate
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers import _writer_thread
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import SGR_STYLES
from textual.widgets import TextArea

from console.store.access import Access

ROOT = Path(__file__).parents[2]
AIOMQTT = {"_client", "_connected", "_disconnected"}
PAHO = {
    "_sock_close", "_ssl_wrap_socket", "_topic", "_ping_t", "_last_bytes_received", "_send_pingreq", "_sock_recv",
    "_packet_queue", "_create_socket", "_create_socket_connection",
}  # fmt: skip
ASYNCPG = {"_con", "_params", "_transport", "_stmt_cache", "_stmt_cache_enabled"}
TEXTUAL = {
    "_driver", "_display", "_print_error_renderables", "_compositor", "_compositor_refresh", "_dirty_regions", "_awaiting", "_timeout_time",
    "_parse_extended_key",
}  # fmt: skip
TEXTUAL_MODULES = {"_compositor", "_parser", "_xterm_parser", "_writer_thread"}
OUR_OWN = {"_replace", "_value_"}  # of named tuples and enumerations, by their documentation
ASYNCSSH = {"_transport", "_send_window", "_env"}
RICH = {"_color_system", "_attributes", "_set_attributes"}


async def test_aiomqtt_has_them() -> None:
    client = aiomqtt.Client("127.0.0.1")
    assert {name for name in AIOMQTT if not hasattr(client, name)} == set()
    inner = client._client
    assert isinstance(inner, paho.Client)
    assert inner.on_connect is not None
    assert inner.on_disconnect is not None  # ours are put before theirs
    for future in (client._connected, client._disconnected):
        assert not future.done()


def test_paho_has_them() -> None:
    assert {name for name in ("_sock_close", "_ssl_wrap_socket") if not hasattr(paho.Client, name)} == set()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    assert {
        name for name in PAHO - {"_sock_close", "_ssl_wrap_socket", "_topic"} if not hasattr(client, name)
    } == set()
    assert list(inspect.signature(client._packet_queue).parameters) == [
        "command", "packet", "mid", "qos", "info",
    ]  # fmt: skip
    assert list(inspect.signature(client._sock_recv).parameters) == ["bufsize"]
    message = paho.MQTTMessage(mid=7, topic=b"a/\xff")
    assert message._topic == b"a/\xff"  # `topic` fails on what is no UTF-8


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (App, "_fatal_error"), (App, "_close_messages_no_wait"), (App, "_handle_exception"), (App, "_display"),
        (App, "_print_error_renderables"), (textual.app, "redirect_stdout"), (textual.app, "redirect_stderr"),
        (TextArea, "_on_paste"), (_writer_thread, "MAX_QUEUED_WRITES"), (Screen, "_compositor_refresh"),
        (LinuxDriver, "_run_input_thread"), (LinuxDriver, "_query_in_band_window_resize"),
        (Compositor, "render_full_update"), (LayoutUpdate, "render_segments"), (ChopsUpdate, "render_segments"),
    ],
)  # fmt: skip
def test_textual_has_them(owner: object, name: str) -> None:
    assert hasattr(owner, name)


def test_a_frame_is_made_of_what_the_painter_takes() -> None:
    assert isinstance(Compositor()._dirty_regions, set)
    update = ChopsUpdate([], [], [])
    assert (update.chops, update.spans, update.chop_ends) == ([], [], [])
    assert vars(LayoutUpdate([], Region())) == {"strips": [], "region": Region()}
    style = Style(bold=True)
    assert SGR_STYLES[0] == "1"
    assert style._attributes & style._set_attributes == 1
    assert hasattr(Console(), "_color_system")


def test_a_parser_tells_whether_it_waits_for_more() -> None:
    parser = XTermParser()
    assert parser._awaiting.timeout is None
    list(parser.feed("\x1b"))
    assert parser._awaiting.timeout is not None
    parser._timeout_time = 0.0
    assert [event.key for event in parser.tick() if isinstance(event, Key)] == ["escape"]


def test_textuals_driver_has_them() -> None:
    """They are made by its constructor, so that only its text tells them."""
    text = Path(inspect.getfile(LinuxDriver)).read_text("utf-8")
    base = Path(inspect.getfile(LinuxDriver.__mro__[1])).read_text("utf-8")
    for name in ("_loop", "_writer_thread", "_auto_restart", "_must_signal_resume", "_file"):
        assert f"self.{name}" in text + base, name
    assert App()._driver is None


async def test_asyncpg_has_them(access: Access) -> None:
    pool = await asyncpg.create_pool(access.url, min_size=1, max_size=1)
    try:
        async with pool.acquire() as lent:
            assert lent._con._params.password is None
            assert lent._con._transport.get_extra_info("socket") is not None
            assert lent._con._stmt_cache.get_max_size() == 100
            assert lent._con._stmt_cache_enabled
    finally:
        await pool.close()


async def test_asyncssh_has_them() -> None:
    """They are made by its constructors, so that only a connection tells them."""
    seen: list[int] = []
    key = asyncssh.generate_private_key("ssh-ed25519")

    async def answer(process: asyncssh.SSHServerProcess[str]) -> None:
        transport = process.channel.get_connection()._transport
        assert transport is not None
        seen.extend((process.channel._send_window, transport.get_write_buffer_size()))
        process.exit(0)

    async with (
        asyncssh.listen("127.0.0.1", 0, server_host_keys=[key], process_factory=answer,
                        server_factory=_Anybody) as server,
        asyncssh.connect("127.0.0.1", server.get_port(), known_hosts=None, username="x", config=None) as client,
    ):  # fmt: skip
        await client.run("x")
    assert seen[0] > 0 == seen[1]


class _Anybody(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return not username


def private_names(path: Path) -> set[str]:
    """The private names of others that a file uses: attributes of what is not its own, and modules."""
    found: set[str] = set()
    tree = ast.parse(path.read_text("utf-8"))
    made_here = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr):
            of_self = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls", "os"}
            own = of_self or (node.attr in made_here and not isinstance(node.value, ast.Call))
            found |= set() if own else {node.attr}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.module.startswith("console"):
            names = (*node.module.split("."), *(alias.name for alias in node.names))
            found |= {name for name in names if re.match("_[a-z]", name)}
    return found - OUR_OWN


def test_every_private_name_that_is_used_is_among_them() -> None:
    """Without it, the next one is used without a word here."""
    used = set().union(*(private_names(path) for path in (ROOT / "console").rglob("*.py")))
    assert used == AIOMQTT | PAHO | ASYNCPG | ASYNCSSH | TEXTUAL | TEXTUAL_MODULES | RICH


def test_those_of_paho_and_aiomqtt_are_in_one_file() -> None:
    """Without it, a new version is met in every file of the room."""
    users = {path.name for path in (ROOT / "console" / "mqtt").glob("*.py") if private_names(path)}
    assert users == {"library.py"}
    assert private_names(ROOT / "console" / "mqtt" / "library.py") == AIOMQTT | PAHO


def test_those_of_textual_are_in_one_room() -> None:
    """Without it, a new version is met on every screen."""
    tui = ROOT / "console" / "tui"
    users = {path.parent for path in tui.rglob("*.py") if private_names(path)}
    assert users == {tui / "terminal"}
    of_app = {name for name in dir(App()) if re.match("_[a-z]", name)}
    for path in (tui / "application").glob("*.py"):
        assert not of_app & set(re.findall(r"self\.(_[a-z]\w*)", path.read_text("utf-8"))), path
