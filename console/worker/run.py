"""``--sweeper``: the workers without a screen, with signals and systemd's protocol."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack

from console.concurrency import end_all
from console.domain.pace import in_words
from console.errors import CopyError, DatabaseUnreachableError, UsageError
from console.exit_codes import ExitCode
from console.retry import LINKS
from console.runtime.logs import log_to_stderr
from console.runtime.pausing import stops_in_order
from console.runtime.servers import is_embedded
from console.runtime.startup import RunningProgram, open_program
from console.settings import Settings
from console.worker.listening import Watched, listening
from console.worker.summary import Summary
from console.worker.systemd import notify_systemd, watchdog_s

_LOOK_EVERY_S = 0.05
_MORE_TIME = "EXTEND_TIMEOUT_USEC=60000000"  # a minute, which covers the next attempt
_log = logging.getLogger("console.sweeper")


async def run_sweeper(settings: Settings) -> int:
    """Run the workers until TERM or INT. A configured database that does not answer yet is waited for.

    Raises:
        UsageError: nothing is configured and no embedded servers were asked for, or `--listen` does not work.
        RefusedError: the worker role is not granted to this login.
        CopyError: this database, or another one with the same broker, is a copy.
    """
    log_to_stderr()
    _refuse(settings)
    stop = asyncio.Event()
    _on_signals(stop)
    watched = Watched()
    async with AsyncExitStack() as stack:
        if settings.listen is not None:
            await stack.enter_async_context(listening(settings.listen, watched))
        opened = await _open(stack, settings, stop)
        if opened is None:
            return ExitCode.OK
        notify_systemd("READY=1")  # also while a link is down: a broker's outage must not fail the unit
        summary = Summary(opened.program.health.counts)
        bodies = [_tell_ready(opened, in_words(settings.publish_rate)), _report(opened), summary.run()]
        if settings.listen is not None:
            bodies.append(watched.watch(opened))
        telling = [asyncio.create_task(body) for body in bodies]
        with stops_in_order(opened.program.pausing), _begins_again(opened):
            await _until_asked(stop, opened)
        await end_all(telling)
        notify_systemd("STOPPING=1")
        summary.tell()
        _log.info("stopping; %s", _settled(opened), extra={"event": "stopping"})
        if opened.program.health.view().stopped:
            raise CopyError(opened.program.health.view().stopped)
    return ExitCode.OK


def _refuse(settings: Settings) -> None:
    """Refuse what cannot be meant.

    Raises:
        UsageError: see `run_sweeper`.
    """
    if is_embedded(settings) and not settings.embedded:
        raise UsageError(
            "--sweeper needs a configured database: set DATABASE_URL and MQTT_URL, or give --embedded for "
            "the demo servers."
        )
    if settings.read_only:
        raise UsageError("--sweeper and --read-only exclude each other: read-only runs no workers.")
    if settings.restricted:
        raise UsageError("--sweeper is for whoever runs this host, and this console is restricted.")


async def _until_asked(stop: asyncio.Event, opened: RunningProgram) -> None:
    """Wait for a signal, or until the workers have ended for good."""
    waits = [asyncio.create_task(stop.wait())]
    if opened.workers is not None:
        waits.append(asyncio.create_task(opened.workers.stopped.wait()))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waits:
            task.cancel()


async def _open(stack: AsyncExitStack, settings: Settings, stop: asyncio.Event) -> RunningProgram | None:
    """Open the program as soon as the database answers; return None when asked to stop before that.

    After a power cut, a machine starts us and PostgreSQL at the same time. If we ended with an error, systemd
    would give the unit up after five quick starts.
    """
    failures = 0
    while not stop.is_set():
        try:
            return await stack.enter_async_context(
                open_program(settings, jobs="required", simulate=True, operator_front=False)
            )
        except DatabaseUnreachableError as error:
            if is_embedded(settings):
                raise
            delay_s = LINKS.delay_s(failures)
            failures += 1
            values = {"link": error.link, "cause": error.cause.name.lower(), "delay_s": round(delay_s, 3)}
            _log.warning(
                "%s Trying again in %.1f s.", error, delay_s, extra={"event": "retry", "values": values}
            )
            notify_systemd(f"STATUS=waiting for the database: {error}\n{_MORE_TIME}")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await stop.wait()
    return None


def _on_signals(stop: asyncio.Event) -> None:
    """Install handlers: TERM and INT end in order; a second INT ends at once."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, lambda: None)  # nothing has been started that could be restarted

    def interrupted() -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, interrupted)


@contextlib.contextmanager
def _begins_again(opened: RunningProgram) -> Iterator[None]:
    """Reconnect on HUP, sent also when a terminal ends, with the present content of the secrets' files."""
    loop = asyncio.get_running_loop()
    beginning: set[asyncio.Task[None]] = set()

    async def again() -> None:
        _log.info("reading the secrets again and reconnecting", extra={"event": "reconnecting"})
        await opened.database.renew()
        await opened.program.pausing.again()

    def hang_up() -> None:
        task = loop.create_task(again())
        beginning.add(task)
        task.add_done_callback(beginning.discard)

    loop.add_signal_handler(signal.SIGHUP, hang_up)
    try:
        yield
    finally:
        loop.add_signal_handler(signal.SIGHUP, lambda: None)
        for task in tuple(beginning):
            task.cancel()


def _place(opened: RunningProgram) -> str:
    return (
        f"embedded servers ({opened.servers.broker_kind})"
        if opened.servers.embedded
        else "configured servers"
    )


async def _tell_ready(opened: RunningProgram, bound: str) -> None:
    """Log and return once each job runs, here or in another process: from then on no answer is missed.

    `bound` is that on what this worker publishes, in words.
    """
    while True:
        view = opened.program.health.view()
        if view.dispatch == "on" and view.ingest in {"on", "standby"} and view.sweep == "on":
            values, place = {"ingest": view.ingest}, _place(opened)
            _log.info(
                "ready: dispatch, acknowledgements and sweep run; %s",
                f"{place}; {bound}" if bound else place,
                extra={"event": "ready", "values": values},
            )  # fmt: skip
            return
        await asyncio.sleep(_LOOK_EVERY_S)


async def _report(opened: RunningProgram) -> None:
    """Notify systemd's watchdog while the workers run."""
    every_s = watchdog_s(os.environ)
    while True:
        await asyncio.sleep(every_s)
        view = opened.program.health.view()
        status = (
            f"database {'up' if view.database.up else 'down'}, broker {'up' if view.broker.up else 'down'}, "
            f"sweep {view.sweep}, ingest {view.ingest}, dispatch {view.dispatch}, {_settled(opened)}"
        )
        notify_systemd(f"STATUS={status}\nWATCHDOG=1")


def _settled(opened: RunningProgram) -> str:
    """Return how many commands this process has settled, and how late."""
    lateness = opened.program.health.lateness
    p99_s = lateness.at_most_s(0.99)
    late = "" if p99_s is None else f", 99 % of them at most {p99_s:.3g} s late"
    return f"{lateness.settled:,} settled{late}"
