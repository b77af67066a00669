"""Concurrent coroutines, all of which have ended at the end.

Decided in docs/decisions/0007-no-wait-for.md
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

_CANCEL_AGAIN_S = 1.0


async def first_to_end(*bodies: Coroutine[Any, Any, None]) -> None:
    """Run bodies until one ends or fails; end the others and pass on its error."""
    tasks = [asyncio.create_task(body) for body in bodies]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await end_all(tasks)


async def end_all(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel tasks until all have ended: asyncio.wait_for of Python 3.11 can swallow a cancellation."""
    waiting = {task for task in tasks if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=_CANCEL_AGAIN_S)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio logs no warning
