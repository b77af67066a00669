"""A stop that the operator asked for (ctrl+z): first release the roles that others can take over, then stop.

Nothing helps against SIGSTOP or a laptop that goes to sleep: there the leases become stale.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

PATIENCE_S = 3.0
_log = logging.getLogger("console.runtime")


class Part(Protocol):
    """What runs beside a front end."""

    async def pause(self) -> None: ...
    def go_on(self) -> None: ...


class Pausing:
    """The parts of this process that end before it is stopped, and begin again when it goes on."""

    def __init__(self, *, may_stop: bool = True) -> None:
        self.may_stop = may_stop
        self._parts: list[Part] = []
        self._paused = False
        self._turn = asyncio.Lock()

    def add(self, part: Part) -> None:
        """From now on this part is paused with the others."""
        self._parts.append(part)

    async def stop(self) -> None:
        """Pause, stop the process as a shell would, and go on with it. Do not wait for a part that hangs."""
        async with self._turn:
            await self._pause()
            os.kill(os.getpid(), signal.SIGSTOP)
            self.go_on()

    async def again(self) -> None:
        """End every part and start it again, on new connections with the current secrets."""
        async with self._turn:
            await self._pause()
            self.go_on()

    async def _pause(self) -> None:
        self._paused = True
        try:
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(*(part.pause() for part in self._parts))
        except TimeoutError:
            _log.warning("not every role was given back in time")

    def go_on(self) -> None:
        """Start the paused parts again."""
        if self._paused:
            self._paused = False
            for part in self._parts:
                part.go_on()


@contextmanager
def stops_in_order(pausing: Pausing) -> Iterator[None]:
    """Pause before a stop by the terminal (SIGTSTP) while the block runs: for front ends without a screen.

    Where the process may not stop, nothing is changed about that signal.
    """
    if not pausing.may_stop:
        yield
        return
    loop = asyncio.get_running_loop()
    stopping: set[asyncio.Task[None]] = set()

    def stop() -> None:
        task = asyncio.ensure_future(pausing.stop())
        stopping.add(task)
        task.add_done_callback(stopping.discard)

    loop.add_signal_handler(signal.SIGTSTP, stop)
    try:
        yield
    finally:
        with contextlib.suppress(RuntimeError):  # the loop is closing
            loop.remove_signal_handler(signal.SIGTSTP)
