"""Textual's driver for a Unix terminal: keys in their order, and job control that cannot wait for itself."""

import asyncio
import os
import selectors
import signal
import time
from typing import Any, Protocol, cast

from textual import events
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from console.tui.terminal.frames import Easel, Outlet
from console.tui.terminal.input import TerminalInput
from console.tui.terminal.type_ahead import TypeAhead

_TICK_S = 0.05
_GONE_S = 2.0
JOB_CONTROL = (signal.SIGTSTP, signal.SIGCONT)


class Stops(Protocol):
    """An application that releases its roles to other processes before the process stops, if it may."""

    @property
    def may_stop(self) -> bool: ...
    async def stop_process(self) -> None: ...


class TerminalDriver(LinuxDriver):
    """Restores the terminal when the shell stops the program, and takes it again when the program continues.

    Textual does both inside the signal handlers. A stop that comes while the thread of the loop holds the
    lock of the queue to the terminal then waits for that lock for ever; so both run outside handlers here.
    """

    def __init__(
        self,
        app: App[object],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._type_ahead = TypeAhead(app)
        self._stopping: asyncio.Task[None] | None = None
        self.easel = Easel(app, self.write)
        self._file: Any = Outlet(self._file, self.easel.gone_out)
        for number, act in zip(JOB_CONTROL, (self._stop, self._go_on), strict=True):
            self._loop.add_signal_handler(number, act)

    def start_application_mode(self) -> None:
        self.easel.renew()
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def send_message(self, message: Message) -> None:
        """Take a message of the thread that reads the terminal: input, or what the terminal reports."""
        if isinstance(message, (events.InputEvent, events.Paste)):
            self.easel.hasten()
            self._type_ahead.put(message)
        else:
            super().send_message(message)

    def _query_in_band_window_resize(self) -> None:
        """Send no query: sizes come from the system, so that input cannot forge one."""

    def _run_input_thread(self) -> None:
        """Read the terminal; a failure ends the program like that of any thread, without Textual's report."""
        self.run_input_thread()

    def run_input_thread(self) -> None:
        """Read the terminal until the end, or until it has hung up."""
        source, gone_since = TerminalInput(), 0.0
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                data = self._read() if selector.select(_TICK_S) else None
                if data == b"":
                    gone_since = gone_since or time.monotonic()
                    if time.monotonic() - gone_since > _GONE_S:
                        os.kill(os.getpid(), signal.SIGHUP)
                        return
                    self.exit_event.wait(_TICK_S)
                    continue
                gone_since = 0.0
                for message in source.tick() if data is None else source.feed(data):
                    self.process_message(message)
                if source.is_well:
                    source.is_well = False
                    self.easel.answered()

    def _read(self) -> bytes:
        try:
            return os.read(self.fileno, 4_096)
        except OSError:  # the terminal is gone; in most cases a signal reports that
            return b""

    @property
    def _has_terminal(self) -> bool:
        return self._writer_thread is not None and self._writer_thread.is_alive()

    def _stop(self) -> None:
        if not cast("Stops", self._app).may_stop:
            return
        if self._auto_restart and self._has_terminal:
            self.suspend_application_mode()
            self._must_signal_resume = True
        if self._stopping is None or self._stopping.done():
            self._stopping = self._loop.create_task(self._stop_process())

    async def _stop_process(self) -> None:
        await cast("Stops", self._app).stop_process()

    def _go_on(self) -> None:
        """Take the terminal; after a stop without notice set it up again, since the shell has changed it."""
        if not self._auto_restart:  # it is lent to an editor
            return
        if self._has_terminal:
            self.suspend_application_mode()
        self.resume_application_mode()
