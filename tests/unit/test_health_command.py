"""``health``: what its answers mean, whatever answers there."""

import argparse
import asyncio

import pytest

from console.errors import UnreachableError, UsageError
from console.exit_codes import ExitCode
from console.settings import load
from console.shell.health import VERB
from tests.brokers import free_port

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
NOT_READY = (
    b"HTTP/1.1 503 Service Unavailable\r\n\r\nthe broker is down: \x1b[31mgone\nthe sweep does not run\n"
)


async def health(at: int | str, listen: str = "") -> int:
    given = {"CONSOLE_LISTEN": listen} if listen else {}
    configuration = load({}, {"CONSOLE_CONFIG": "/nowhere", **given})
    return await VERB.run(argparse.Namespace(at=str(at) if at else None), configuration)


async def asked(answer: bytes, *, hangs: bool = False) -> int:
    """What `health` makes of an answer."""
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if hangs:
            await left.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        return await health(server.sockets[0].getsockname()[1])
    finally:
        left.set()
        server.close()


async def test_workers_that_are_ready_are_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert await asked(OK) == ExitCode.OK
    assert capsys.readouterr().out == "ok\n"


async def test_workers_that_are_not_are_1_with_the_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    assert await asked(NOT_READY) == ExitCode.FAILED
    out = capsys.readouterr().out
    assert out.count("\n") == 2
    assert "\x1b" not in out


async def test_it_asks_where_the_workers_listen_by_their_settings() -> None:
    """Without it, a container has to repeat its address; 0.0.0.0 is where to listen, and not whom to ask."""
    port = free_port()
    for listen in (str(port), f"0.0.0.0:{port}"):
        with pytest.raises(UnreachableError, match=rf"on 127\.0\.0\.1:{port}: .*--listen {listen}"):
            await health("", listen)
    with pytest.raises(UnreachableError, match=rf"on \[?::1\]?:{port}"):
        await health("", f"[::]:{port}")


async def test_nobody_there_is_3() -> None:
    with pytest.raises(UnreachableError, match="start them with --sweeper --listen"):
        await health(free_port())


@pytest.mark.parametrize(
    "garbage",
    [
        b"", b"\x00\xff" * 50, b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 abc\r\n\r\nok\n", b"HTTP/1.1 200 OK\r\n\r\n<html>ok",
        b"HTTP/1.1 \xc2\xb2\xc2\xb2\xc2\xb2 OK\r\n\r\nok\n", b"200", b"HTTP/1.1 404 Not Found\r\n\r\nnothing\n", b"x" * 1_000_000,
        b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 503 x\r\n\r\n",
    ],
)  # fmt: skip
async def test_whatever_else_answers_there_is_3(garbage: bytes) -> None:
    """Without the look at what it is, a container is well because some other program answers with 200."""
    with pytest.raises(UnreachableError, match="is not the workers"):
        await asked(garbage)


async def test_who_never_ends_an_answer_is_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.shell.health._PATIENCE_S", 0.2)
    with pytest.raises(UnreachableError, match="No workers answer"):
        await asked(OK, hangs=True)


async def test_an_address_that_is_none_is_a_usage_error() -> None:
    for at in ("x", "a:b", "127.0.0.1:70000", ":"):
        with pytest.raises(UsageError, match="--at needs a port"):
            await health(at)
    with pytest.raises(UnreachableError):
        await health("x" * 300 + ":1")
