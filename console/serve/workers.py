"""The workers beside the sessions, in a process of their own: with embedded servers nobody else runs them.

In one process with many screens they would starve: sweep, dispatch and answers would time out.
"""

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from console.concurrency import end_all
from console.retry import LINKS

_PR_SET_PDEATHSIG = 1
_END_S = 15.0
_STEADY_S = 30.0
_log = logging.getLogger("console.serve")


@asynccontextmanager
async def workers_beside(place: Sequence[str]) -> AsyncIterator[None]:
    """Keep one `--sweeper` running with these flags, until the end of the context, or of this process."""
    keeping = asyncio.create_task(_keep(place))
    try:
        yield
    finally:
        await end_all([keeping])


async def _keep(place: Sequence[str]) -> None:
    loop, failures = asyncio.get_running_loop(), 0
    parent = os.getpid()
    while True:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "console", "--sweeper", *place,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            preexec_fn=lambda: _end_with(parent),
        )  # fmt: skip
        began = loop.time()
        try:
            code = await child.wait()
        except asyncio.CancelledError:
            await _end(child)
            raise
        failures = 0 if loop.time() - began > _STEADY_S else failures + 1
        delay_s = LINKS.delay_s(failures)
        _log.warning("the workers ended with %s; starting them again in %.1f s", code, delay_s)
        await asyncio.sleep(delay_s)


async def _end(child: asyncio.subprocess.Process) -> None:
    for end in (child.terminate, child.kill):
        with contextlib.suppress(ProcessLookupError):
            end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await child.wait()
                return


def _end_with(parent: int) -> None:
    """Make the kernel end the workers when this process dies without a word. Linux only."""
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
