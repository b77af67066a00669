"""Textual's driver for a terminal at the far end of a link: an SSH channel or a WebSocket, which may break.

Decided in docs/decisions/0067-one-process-for-all-sessions.md
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from textual import constants, events
from textual.app import App
from textual.driver import Driver
from textual.geometry import Size
from textual.message import Message

from console.tui.terminal.frames import Easel
from console.tui.terminal.input import TerminalInput
from console.tui.terminal.type_ahead import TypeAhead

MOST_COLUMNS, MOST_ROWS = 500, 200
MOST_KEYS = 1_000
_TICK_S = constants.ESCAPE_DELAY / 2
_MOUSE_ON = "\x1b[?1000h\x1b[?1002h\x1b[?1015h\x1b[?1006h"
_MOUSE_OFF = "\x1b[?1006l\x1b[?1015l\x1b[?1002l\x1b[?1000l"
# other screen, no cursor, focus reports, kitty's keys, bracketed paste, no wrap, can frames be held back?
_ON = "\x1b[?1049h\x1b[?25l\x1b[?1004h\x1b[>25u\x1b[?2004h\x1b[?7l\x1b[?2026$p"
_OFF = "\x1b[?7h\x1b[?2004l\x1b[<u\x1b[?1004l\x1b[0m\x1b[?25h\x1b[?1049l"


class Link(Protocol):
    """Where the bytes for a terminal go."""

    def send(self, data: bytes) -> None:
        """Send these bytes after all earlier ones; nothing where the link is gone."""

    def when_taken(self, call: Callable[[], object]) -> None:
        """Call, later and once, when the other end has room for another frame."""


class StreamDriver(Driver):
    """Outlives its link: while there is none the application goes on, and nothing is drawn."""

    def __init__(
        self,
        app: App[object],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
        started: Callable[["StreamDriver"], object],
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._started = started
        self._link: Link | None = None
        self._runs = False
        self._type_ahead = TypeAhead(app)
        self._input = TerminalInput()
        self._ticking: asyncio.TimerHandle | None = None
        self.easel = Easel(app, self._write_frame)
        self.sent = 0  # bytes, over all links

    # The link

    def attach(self, link: Link, columns: int, rows: int) -> None:
        """Draw on this link from now on: everything, since the terminal there may be another one."""
        self._link = link
        self._input = TerminalInput()
        self.resize(columns, rows)
        if self._runs:
            self._begin()
            self.easel.begin_again()

    def detach(self) -> None:
        """Draw nothing until another link is attached."""
        self._link = None

    def _begin(self) -> None:
        self.write(_ON + (_MOUSE_ON if self._mouse else ""))

    def write(self, data: str) -> None:
        """Send what is no frame: modes, and what is copied to the clipboard."""
        if self._link is not None:
            raw = data.encode("utf-8", "replace")
            self.sent += len(raw)
            self._link.send(raw)

    def _write_frame(self, data: str) -> None:
        """Send a frame; the next one is drawn when this one is taken, or when another link is attached."""
        self.write(data)
        link = self._link
        if link is not None:
            link.when_taken(lambda: self._taken(link))

    def _taken(self, link: Link) -> None:
        if link is self._link:
            self.easel.gone_out()

    # Input

    def feed(self, data: bytes) -> None:
        """Take bytes from the terminal."""
        if self._runs:
            self._process(self._input.feed(data))

    @property
    def is_behind(self) -> bool:
        """Whether so many keys, or other messages, wait that no more should be read."""
        return self._type_ahead.waiting > MOST_KEYS

    def resize(self, columns: int, rows: int) -> None:
        """Take the size of the terminal; one that is 0 is not known."""
        size = Size(min(columns or 80, MOST_COLUMNS), min(rows or 24, MOST_ROWS))
        self._size = (size.width, size.height)
        if self._runs:
            self._app.post_message(events.Resize(size, size))

    def _process(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.process_message(message)
        if self._input.is_well:
            self._input.is_well = False
            self.easel.answered()
        if self._ticking is None and self._input.waits:
            self._ticking = self._loop.call_later(_TICK_S, self._tick)

    def _tick(self) -> None:
        """Decide about an Esc that nothing follows."""
        self._ticking = None
        if self._runs:
            self._process(self._input.tick())

    def send_message(self, message: Message) -> None:
        """Pass a key on when the one before has taken effect; all else at once."""
        if isinstance(message, (events.InputEvent, events.Paste)):
            self.easel.hasten()
            self._type_ahead.put(message)
        else:
            self._app.post_message(message)

    # What Textual calls

    def start_application_mode(self) -> None:
        self._started(self)
        self._runs = True
        self._begin()
        size = Size(*(self._size or (80, 24)))
        self._app.post_message(events.Resize(size, size))

    def disable_input(self) -> None:
        self._runs = False

    def stop_application_mode(self) -> None:
        self._runs = False
        self.write((_MOUSE_OFF if self._mouse else "") + _OFF)

    def close(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
