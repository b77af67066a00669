"""The real program with a failpoint: ``CONSOLE_TEST_FAILPOINT=module:Class.method:before|after|raise|hold|pause|stop|fail:N``.

At the N-th pass of that point the process kills itself, as a power cut would, fails as a bug would, or is stopped as
a shell would (``stop``, which is for a function and not for a coroutine, as is ``fail``, a bug in one; ``hold`` stops
before the N-th pass of a coroutine, ``pause`` after the N-th that had a result). The product itself has no failpoints: a method of a class is wrapped
before the program starts, and a name that no longer exists ends the process.
``CONSOLE_TEST_LEASE_S`` shortens lease and PUBACK timeout, so that a test sees them run out.
``CONSOLE_TEST_ALIVE_S`` shortens the intervals at which a server asks its clients over SSH for a sign of life.
``CONSOLE_TEST_COUNT`` makes SIGUSR1 write a line of JSON to stderr: how many consoles are in memory, and how it is collected.
``CONSOLE_TEST_CLOCK_SHIFT_S`` sets every wall clock of the program wrong by so many seconds.
"""

import datetime as dt
import functools
import gc
import importlib
import inspect
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

FAILPOINT = "CONSOLE_TEST_FAILPOINT"
LEASE_S = "CONSOLE_TEST_LEASE_S"
CLOCK_SHIFT_S = "CONSOLE_TEST_CLOCK_SHIFT_S"
ALIVE_S = "CONSOLE_TEST_ALIVE_S"
COUNT = "CONSOLE_TEST_COUNT"


def arm(description: str) -> None:
    """Wrap the method that the failpoint names."""
    module, path, moment, number = description.split(":")
    owner: Any = importlib.import_module(module)
    *holders, name = path.split(".")
    for holder in holders:
        owner = getattr(owner, holder)
    inner = getattr(owner, name)
    if moment in {"stop", "fail"}:
        setattr(owner, name, _stopping(inner, int(number), fails=moment == "fail"))
        return
    assert inspect.iscoroutinefunction(inner), f"{description} names no coroutine function"
    setattr(owner, name, _killing(inner, moment, int(number)))


def _stopping(inner: Callable[..., object], number: int, *, fails: bool) -> Callable[..., object]:
    passes = 0

    @functools.wraps(inner)
    def wrapped(*args: object, **rest: object) -> object:
        nonlocal passes
        passes += 1
        if passes == number and fails:
            message = "the bug of a test, in a function"
            raise RuntimeError(message)
        if passes == number:
            os.kill(os.getpid(), signal.SIGTSTP)
        return inner(*args, **rest)

    return wrapped


def _killing(
    inner: Callable[..., Awaitable[object]], moment: str, number: int
) -> Callable[..., Awaitable[object]]:
    passes = results = 0  # several may be under way at once

    @functools.wraps(inner)
    async def wrapped(*args: object, **rest: object) -> object:
        nonlocal passes, results
        passes += 1
        if moment == "before" and passes == number:
            os.kill(os.getpid(), signal.SIGKILL)
        if moment == "hold" and passes == number:
            os.kill(os.getpid(), signal.SIGSTOP)
        if moment == "raise" and passes == number:
            password = os.environ.get("PGPASSWORD", "")  # a local variable, as any frame may have
            message = f"the bug of a test{password[:0]}"
            raise RuntimeError(message)
        result = await inner(*args, **rest)
        if moment == "after" and passes == number:
            os.kill(os.getpid(), signal.SIGKILL)
        if moment == "pause" and result:
            results += 1
            if results == number:
                os.kill(os.getpid(), signal.SIGSTOP)
        return result

    return wrapped


def shorten_lease(lease_s: float) -> None:
    from console.runtime import startup as opening
    from console.settings import Settings

    inner = opening.worker_settings

    def shorter(settings: Settings) -> Any:
        made = inner(settings)
        limits = replace(made.dispatch, lease_s=lease_s, puback_timeout_s=lease_s / 2)
        return replace(made, dispatch=limits)

    opening.worker_settings = shorter


def shift_clocks(seconds: float) -> None:
    """Set the wall clocks wrong, before anything of the program has taken one by its name."""
    assert not any(name.partition(".")[0] == "console" for name in sys.modules)
    real, real_time, real_time_ns = dt.datetime, time.time, time.time_ns
    shift = dt.timedelta(seconds=seconds)

    class AlsoReal(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, real)

    class Wrong(dt.datetime, metaclass=AlsoReal):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return real.now(tz) + shift

        @classmethod
        def utcnow(cls) -> Any:
            return real.now(dt.UTC).replace(tzinfo=None) + shift

        @classmethod
        def today(cls) -> Any:
            return real.now() + shift

    dt.datetime = Wrong  # type: ignore[misc]
    time.time = lambda: real_time() + seconds
    time.time_ns = lambda: real_time_ns() + int(seconds * 1e9)


def ask_more_often(seconds: float) -> None:
    from console.serve import ssh

    ssh.ALIVE_EVERY_S = seconds  # type: ignore[assignment]


def count_consoles(*_: object) -> None:
    from console.tui.application.app import ConsoleApp

    gc.collect()
    found = sum(isinstance(one, ConsoleApp) for one in gc.get_objects())
    line = {
        "event": "counted",
        "consoles": found,
        "frozen": gc.get_freeze_count(),
        "often": gc.get_threshold(),
    }
    os.write(2, json.dumps(line).encode() + b"\n")


def main() -> int:
    if os.environ.get(CLOCK_SHIFT_S):
        shift_clocks(float(os.environ[CLOCK_SHIFT_S]))
    if os.environ.get(FAILPOINT):
        arm(os.environ[FAILPOINT])
    if os.environ.get(LEASE_S):
        shorten_lease(float(os.environ[LEASE_S]))
    if os.environ.get(ALIVE_S):
        ask_more_often(float(os.environ[ALIVE_S]))
    if os.environ.get(COUNT):
        signal.signal(signal.SIGUSR1, count_consoles)
    from console.__main__ import main as program

    return program()


if __name__ == "__main__":
    sys.exit(main())
