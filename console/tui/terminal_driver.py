"""Textual's driver for a Unix terminal: keys in their order, and job control that cannot wait for itself."""

import asyncio
import signal
from typing import Protocol, cast

from textual import events
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from console.tui.type_ahead import TypeAhead

JOB_CONTROL = (signal.SIGTSTP, signal.SIGCONT)


class Stops(Protocol):
    """An application that gives back what others could go on with before the process is stopped."""

    async def stop_process(self) -> None: ...


class TerminalDriver(LinuxDriver):
    """Gives the terminal back when the shell stops the program, and takes it again when it goes on.

    Textual does both inside the signal handlers. A stop that comes while the thread of the loop holds the
    lock of the queue to the terminal then waits for that lock for ever; so both have their own turn here.
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
        for number, act in zip(JOB_CONTROL, (self._stop, self._go_on), strict=True):
            self._loop.add_signal_handler(number, act)

    def send_message(self, message: Message) -> None:
        """Called on the thread that reads the terminal, for input and for what the terminal reports."""
        if isinstance(message, (events.InputEvent, events.Paste)):
            self._type_ahead.put(message)
        else:
            super().send_message(message)

    @property
    def _has_terminal(self) -> bool:
        return self._writer_thread is not None and self._writer_thread.is_alive()

    def _stop(self) -> None:
        if self._auto_restart and self._has_terminal:
            self.suspend_application_mode()
            self._must_signal_resume = True
        if self._stopping is None or self._stopping.done():
            self._stopping = self._loop.create_task(self._stop_process())

    async def _stop_process(self) -> None:
        await cast("Stops", self._app).stop_process()

    def _go_on(self) -> None:
        """Take the terminal, anew if something stopped us without asking: the shell has changed it since."""
        if not self._auto_restart:  # it is lent to an editor
            return
        if self._has_terminal:
            self.suspend_application_mode()
        self.resume_application_mode()
