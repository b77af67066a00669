"""The workers beside the sessions, in a process of their own: with embedded servers nobody else runs them.

In one process with many screens they would starve: sweep, dispatch and answers would time out.
"""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from console.concurrency import end_all
from console.retry import LINKS
from console.serve.children import end_with

_END_S = 15.0
_STEADY_S = 30.0
_log = logging.getLogger("console.serve")


@asynccontextmanager
async def workers_beside(place: Sequence[str], environment: Mapping[str, str]) -> AsyncIterator[None]:
    """Keep one `--sweeper` running with these flags, until the end of the context, or of this process."""
    keeping = asyncio.create_task(_keep(place, environment))
    try:
        yield
    finally:
        await end_all([keeping])


async def _keep(place: Sequence[str], environment: Mapping[str, str]) -> None:
    loop, failures = asyncio.get_running_loop(), 0
    parent = os.getpid()
    while True:
        began = loop.time()
        try:
            how = f"the workers ended with {await _run(place, environment, parent)}"
        except OSError as error:
            how = f"the workers could not be started: {error.strerror}"
        failures = 0 if loop.time() - began > _STEADY_S else failures + 1
        delay_s = LINKS.delay_s(failures)
        _log.warning("%s; starting them again in %.1f s", how, delay_s)
        await asyncio.sleep(delay_s)


async def _run(place: Sequence[str], environment: Mapping[str, str], parent: int) -> int:
    """Run them until they end; cancelled, end them."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "console", "--sweeper", *place,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, env=environment,
        preexec_fn=lambda: end_with(parent),
    )  # fmt: skip
    try:
        return await child.wait()
    except asyncio.CancelledError:
        await _end(child)
        raise


async def _end(child: asyncio.subprocess.Process) -> None:
    for end in (child.terminate, child.kill):
        with contextlib.suppress(ProcessLookupError):
            end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await child.wait()
                return
