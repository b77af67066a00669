"""Ctrl-C ends the running work in order and without a traceback, with 130; the work may define how."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from console.leaving import leave

if TYPE_CHECKING:
    import asyncio

_acts: list[Callable[[], object]] = []


def raise_again() -> None:
    """Restore Python's handler, which raises KeyboardInterrupt: for work that runs without a loop."""
    if signal.getsignal(signal.SIGINT) is leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def on_interrupt(loop: "asyncio.AbstractEventLoop", act: Callable[[], object]) -> Iterator[None]:
    """Call `act` on an interrupt while this block runs; restore the earlier handler afterwards."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        yield
        return
    _acts.append(act)
    loop.add_signal_handler(signal.SIGINT, act)
    try:
        yield
    finally:
        _acts.pop()
        if _acts:
            loop.add_signal_handler(signal.SIGINT, _acts[-1])
        else:
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, before)
