"""The pages for machines: what is answered, what is cut off, and that nothing of it ends them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from console.worker.pages import MOST_AT_ONCE, MOST_HEAD, PATIENCE_S, Page, Pages

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


async def _ok() -> Page:
    return Page(200, "ok\n")


async def _bug() -> Page:
    message = "the bug of a test"
    raise RuntimeError(message)


@asynccontextmanager
async def served(patience_s: float = PATIENCE_S) -> AsyncIterator[int]:
    pages = Pages({"/healthz": _ok, "/bug": _bug}, patience_s)
    async with pages.listening("127.0.0.1", 0) as port:
        yield port


async def asked(port: int, request: bytes, *, and_end: bool = False) -> bytes:
    """All that comes back until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        if and_end:
            writer.write_eof()
        async with asyncio.timeout(20):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (GET, 200),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 200),
        (b"GET /healthz?a=b&c HTTP/1.1\r\n\r\n", 200),
        (b"GET /other HTTP/1.1\r\n\r\n", 404),
        (b"GET /../healthz HTTP/1.1\r\n\r\n", 404),
        (b"GET /\xff\xfe HTTP/1.1\r\n\r\n", 404),
        (b"POST /healthz HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405),
        (b"HEAD /healthz HTTP/1.1\r\n\r\n", 405),
        (b"GET /bug HTTP/1.1\r\n\r\n", 500),
        (b"GET /healthz\r\n\r\n", 400),
        (b"GET /healthz HTTP/2\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 tls \r\n\r\n", 400),
    ],
)
async def test_a_request_is_answered_by_its_path_and_method(request_: bytes, code: int) -> None:
    async with served() as port:
        head, _, body = (await asked(port, request_)).partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    assert lines[0].startswith(f"HTTP/1.1 {code} ")
    assert f"Content-Length: {len(body)}" in lines
    assert "Connection: close" in lines
    assert ("Allow: GET" in lines) == (code == 405)
    assert body == (b"ok\n" if code == 200 else body)


async def test_the_bug_of_a_page_is_not_told_to_strangers() -> None:
    """Without it, whoever asks reads what a traceback holds."""
    async with served() as port:
        assert b"bug of a test" not in await asked(port, b"GET /bug HTTP/1.1\r\n\r\n")
        assert b"ok" in await asked(port, GET)


@pytest.mark.parametrize("garbage", [b"", b"\x00" * 100, b"GET / HTTP/1.1\n\n", b"GET /healthz HTTP/1.1\r\n"])
async def test_what_never_becomes_a_request_gets_no_answer(garbage: bytes) -> None:
    async with served() as port:
        assert await asked(port, garbage, and_end=True) == b""
        assert b"ok" in await asked(port, GET)


async def test_a_huge_head_is_cut_off() -> None:
    """Without the limit, one client fills the memory of a worker."""
    async with served() as port:
        async with asyncio.timeout(PATIENCE_S / 2):  # not only when its time is over
            assert await asked(port, b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 10 * MOST_HEAD) == b""
        assert b"ok" in await asked(port, GET)


async def test_a_slow_client_is_cut_off() -> None:
    """Without a limit, 32 clients that say nothing keep everybody else out for ever."""
    assert PATIENCE_S == 5.0
    async with served(0.2) as port:
        began = asyncio.get_running_loop().time()
        assert await asked(port, b"GET /hea") == b""
        assert asyncio.get_running_loop().time() - began >= 0.2


async def test_whoever_comes_while_too_many_are_answered_is_cut_off() -> None:
    """Without the limit, a flood takes the descriptors that the links need."""
    async with served() as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST_AT_ONCE)]
        assert await asked(port, GET) == b""
        idle[0][1].write(GET)
        assert b"ok" in await idle[0][0].read()
        assert b"ok" in await asked(port, GET)  # one place is free again
        for _, writer in idle:
            writer.close()


async def test_the_end_waits_for_nobody() -> None:
    """Without cutting them off, a silent client holds up the end of the worker."""
    async with asyncio.timeout(PATIENCE_S / 2):
        async with served() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET ")
            assert b"ok" in await asked(port, GET)  # the other one was accepted before
        assert await reader.read() == b""
        writer.close()
