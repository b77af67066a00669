"""Waits for a condition instead of sleeping, so that tests are as fast as what they test."""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable

PATIENCE_S = float(os.environ.get("CONSOLE_TEST_PATIENCE_S", "90"))
LONG_S = max(PATIENCE_S, min(60.0, 3 * PATIENCE_S))  # for what has much to do


def wait_until(condition: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
    """Poll until the condition holds; fail the test when it doesn't in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            message = f"still waiting after {timeout_s} s"
            raise AssertionError(message)
        time.sleep(0.01)


async def until(condition: Callable[[], Awaitable[object]], timeout_s: float = PATIENCE_S) -> None:
    """Poll an asynchronous condition until it holds; fail the test when it doesn't in time."""
    deadline = time.monotonic() + timeout_s
    while not await condition():
        if time.monotonic() > deadline:
            message = f"still waiting after {timeout_s} s"
            raise AssertionError(message)
        await asyncio.sleep(0.01)


async def until_listening(host: str, port: int, timeout_s: float = 60) -> None:
    """Wait until a server accepts connections here."""

    async def listens() -> bool:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            return True
        return False

    await until(listens, timeout_s)
