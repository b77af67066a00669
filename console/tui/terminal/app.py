"""A Textual application with our own frames, final message and threads, and private names for them."""

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import textual.app
from rich.console import RenderableType
from rich.text import Text
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.driver import Driver
from textual.drivers import _writer_thread
from textual.filter import NoColor
from textual.screen import Screen

from console.tui.terminal.capabilities import Capabilities
from console.tui.terminal.driver import TerminalDriver
from console.tui.terminal.frames import easel_of
from console.tui.terminal.output_filter import OutputFilter
from console.tui.terminal.scroll_track import use_tracks


class TerminalApp(App[int]):
    """Draws through the easel; prints one line on a crash: Textual's own report prints local variables."""

    def __init__(self, shows: Capabilities, driver: Callable[..., Driver] | None = None) -> None:
        """Prepare for the terminal of this process, or for the one of `driver`."""
        use_tracks()
        super().__init__(ansi_color=True if shows.colourless else None)
        self.is_local = driver is None
        self.is_far = shows.far
        self.driver_class: Any = driver or TerminalDriver
        if shows.colourless and not self.no_color:  # it was the client that asked for it
            self.no_color = True
            self._filters.append(NoColor())
        if shows.colours is not None:
            self.console._color_system = shows.colours  # noqa: SLF001
        self._filters.append(OutputFilter(ascii_only=shows.ascii_only))

    def last_words(self, error: BaseException | None) -> str:
        """Return what is printed when a defect ends the program."""
        raise NotImplementedError

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Pass a frame to the easel, which writes the differences when the terminal can take them."""
        easel = easel_of(self)
        if easel is None or not isinstance(renderable, CompositorUpdate):
            super()._display(screen, renderable)
        elif self._running and not self._closed and not self._batch_count:
            easel.show(self.screen, renderable, sync=self._sync_available)

    def begin_quiet(self, wish: str) -> None:
        """Write little from the beginning with ``on``, and with ``auto`` if the line turns out to be slow."""
        easel, driver = easel_of(self), self._driver
        if easel is None or driver is None:
            return
        if wish == "on":
            easel.be_quiet(quiet=True)
        elif wish == "auto" and self.is_far:
            easel.measure(self._ask)

    def _ask(self, question: str) -> None:
        """Write to the terminal, unless it has been given back or lent to another program meanwhile."""
        with contextlib.suppress(AssertionError):  # the driver's, without its thread
            if self._driver is not None and self._running and not self._closed:
                self._driver.write(question)

    def forget_frame(self) -> None:
        """Draw the next frame completely: the terminal no longer shows what was drawn."""
        if (easel := easel_of(self)) is not None:
            easel.forget()

    def on_resize(self) -> None:
        self.forget_frame()  # many terminals rearrange their content

    def _fatal_error(self) -> None:
        """Print one line instead of Textual's report."""
        if not self._exit_renderables:
            words = Text(self.last_words(self._exception), no_wrap=True, overflow="ignore")
            self._exit_renderables.append(words)
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        """Print that line, where the terminal of this process is ours; elsewhere `last_words` said it."""
        if self.is_local:
            super()._print_error_renderables()

    def end_with(self, error: Exception) -> None:
        """End the program as an exception on its own thread would."""
        self._handle_exception(error)

    def free_input(self) -> None:
        """End the thread that reads keys, if the application crashed without ending it.

        On a terminal that has hung up it would poll at full speed and keep the process alive for ever.
        """
        ended = getattr(self._driver, "exit_event", None)
        if isinstance(ended, threading.Event):
            ended.set()


def leave_output_alone() -> None:
    """Keep Textual from redirecting the output of a process in which several applications run.

    Each redirects it to itself, and back at its end: the last to end would stay alive, and get what others
    print.
    """
    nothing: Callable[[object], object] = lambda _to: contextlib.nullcontext()  # noqa: E731
    vars(textual.app)["redirect_stdout"] = vars(textual.app)["redirect_stderr"] = nothing


def never_wait_for_the_terminal() -> None:
    """Let Textual's queue to the terminal take any number of writes.

    It holds 30 and then blocks the loop: a stalled terminal would stall the workers too, and one that is gone
    would keep the process for ever.
    """
    vars(_writer_thread)["MAX_QUEUED_WRITES"] = 0
