"""The line that says what a cold start is doing, before there is a screen."""

import asyncio
from enum import Enum

from console.cli.output_filter import TerminalStream

QUICK_S = 0.5  # a start that is over by then says nothing
_TICK_S = 1.0


class StartingLine:
    """Shows the step that is under way, and for how long; nothing where `stream` is not a terminal."""

    def __init__(self, stream: object) -> None:
        self._stream = stream if isinstance(stream, TerminalStream) else None
        self._timer: asyncio.TimerHandle | None = None
        self._words = ""
        self._began = 0.0

    def begin(self, step: Enum) -> None:
        """Show this step, one of an enumeration whose values are words, from now on."""
        steps = list(type(step))
        self._words = f"starting {steps.index(step) + 1} of {len(steps)}   {step.value}"
        loop = asyncio.get_running_loop()
        is_first, self._began = self._timer is None, loop.time()
        if is_first:
            self._timer = loop.call_later(QUICK_S, self._tick)
        elif self._timer is not None and self._timer.when() - self._began > QUICK_S:
            self._show()

    def _tick(self) -> None:
        self._show()
        self._timer = asyncio.get_running_loop().call_later(_TICK_S, self._tick)

    def _show(self) -> None:
        if self._stream is not None:
            seconds = int(asyncio.get_running_loop().time() - self._began)
            self._stream.show_over(f"{self._words}   {seconds}s" if seconds else self._words)

    def end(self) -> None:
        """Take the line away: the screen opens, or an error follows."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._stream is not None:
            self._stream.show_over("")
