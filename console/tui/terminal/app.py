"""A Textual application with our own frames, final message and threads, and private names for them."""

import threading
from typing import Any

from rich.console import RenderableType
from rich.text import Text
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.drivers import _writer_thread
from textual.screen import Screen

from console.tui.terminal.driver import TerminalDriver
from console.tui.terminal.output_filter import OutputFilter


class TerminalApp(App[int]):
    """Draws through the easel; prints one line on a crash: Textual's own report prints local variables."""

    def __init__(self, *, ansi_color: bool | None, ascii_only: bool) -> None:
        super().__init__(TerminalDriver, ansi_color=ansi_color)
        self._filters.append(OutputFilter(ascii_only=ascii_only))

    def last_words(self, error: BaseException | None) -> str:
        """Return what is printed when a defect ends the program."""
        raise NotImplementedError

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Pass a frame to the easel, which writes the differences when the terminal can take them."""
        driver = self._driver
        if not isinstance(driver, TerminalDriver) or not isinstance(renderable, CompositorUpdate):
            super()._display(screen, renderable)
        elif self._running and not self._closed and not self._batch_count:
            driver.easel.show(self.screen, renderable, sync=self._sync_available)

    def forget_frame(self) -> None:
        """Draw the next frame completely: the terminal no longer shows what was drawn."""
        if isinstance(self._driver, TerminalDriver):
            self._driver.easel.forget()

    def on_resize(self) -> None:
        self.forget_frame()  # many terminals rearrange their content

    def _fatal_error(self) -> None:
        """Print one line instead of Textual's report."""
        if not self._exit_renderables:
            words = Text(self.last_words(self._exception), no_wrap=True, overflow="ignore")
            self._exit_renderables.append(words)
        self._close_messages_no_wait()

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


def never_wait_for_the_terminal() -> None:
    """Let Textual's queue to the terminal take any number of writes.

    It holds 30 and then blocks the loop: a stalled terminal would stall the workers too, and one that is gone
    would keep the process for ever.
    """
    vars(_writer_thread)["MAX_QUEUED_WRITES"] = 0
