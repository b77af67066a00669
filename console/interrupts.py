"""Ctrl-C ends what runs in order and in silence, with 130; what runs may say how."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from console.leaving import leave

if TYPE_CHECKING:
    import asyncio

_acts: list[Callable[[], object]] = []


def raise_again() -> None:
    """From now on an interrupt is an exception, as Python has it: for work that runs without a loop."""
    if signal.getsignal(signal.SIGINT) is leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def on_interrupt(loop: "asyncio.AbstractEventLoop", act: Callable[[], object]) -> Iterator[None]:
    """While this block runs, an interrupt calls `act`; behind it, what it called before."""
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
