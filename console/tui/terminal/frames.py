"""When a frame is written: after the terminal has taken the last one, and within what a slow line can carry.

Decided in docs/decisions/0008-a-stalled-terminal.md and docs/decisions/0094-quiet-on-a-slow-line.md
"""

import asyncio
import contextlib
import os
import select
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

from rich.color import ColorSystem
from textual._compositor import CompositorUpdate
from textual.app import App

from console.tui.terminal.painter import Painter

if TYPE_CHECKING:
    from textual.screen import Screen

_SYNC_START, _SYNC_END = "\x1b[?2026h", "\x1b[?2026l"  # between them a terminal shows nothing half-done
RATE = (
    12_000  # bytes a second for changes without a key press: a slow line keeps room for the answers to keys
)
BURST = 16_000
EAGER_S = 0.5  # what is drawn within this time after a key counts as its answer
QUIET_RATE, QUIET_BURST = 250, 500  # the same while quiet, when answers to keys are not counted
QUIET_EAGER_S = 2.0  # the same: an answer may come in several frames, and there is no other traffic to spare
QUIET_DEBT = 5_000  # bytes at most: after a large frame the next one waits for 20 s
FAR_S = 0.15  # a terminal that takes longer to answer is at the end of a slow line
ASKS, ASK_AGAIN_S = 3, 1.0  # so often it has to: once, this process or its host may have been busy
ASK = "\x1b[5n"  # every terminal answers that it is well


class Outlet:
    """The file that the writing thread writes to; calls `gone` each time all of it has been written.

    Another program may have left the terminal in a mode in which a write can fail for want of room, and a
    terminal that has hung up takes nothing: neither ends the thread.
    """

    def __init__(self, file: TextIO, gone: Callable[[], object]) -> None:
        self._file = file
        self._gone = gone
        self._held: list[str] = []

    def write(self, text: str) -> int:
        self._held.append(text)
        return len(text)

    def flush(self) -> None:
        data = "".join(self._held).encode(self._file.encoding, self._file.errors or "replace")
        self._held = []
        with contextlib.suppress(OSError):
            while data:
                try:
                    data = data[os.write(self.fileno(), data) :]
                except BlockingIOError:
                    select.select((), (self.fileno(),), ())
        self._gone()

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()


class Easel:
    """Draws frames. Frames that come too soon are skipped, and the next one shows what they changed."""

    def __init__(self, app: App[Any], write: Callable[[str], object]) -> None:
        self._app = app
        self._write = write
        self._loop = asyncio.get_running_loop()
        colours = app.console._color_system or ColorSystem.TRUECOLOR  # noqa: SLF001
        self._painter = Painter(colours)
        self._under_way = False
        self._owed = False
        self._timer: asyncio.TimerHandle | None = None
        self._eager_until = 0.0
        self._left, self._counted_at = float(BURST), time.monotonic()
        self._asked_at: float | None = None
        self._measures, self._asks = False, 0
        self._ask: Callable[[str], object] = write
        self.is_quiet = False
        self._waiting: list[Callable[[], object]] = []

    def forget(self) -> None:
        """Draw the next frame completely: another program wrote to the terminal, or its size changed."""
        self._painter.forget()

    def renew(self) -> None:
        """Start over with a terminal that was taken again, and with a new writing thread."""
        self._painter.forget()
        self._under_way = False

    def begin_again(self) -> None:
        """Draw everything now, on a terminal of which nothing is known."""
        self.renew()
        self._owed = True
        self._pay()

    def be_quiet(self, *, quiet: bool) -> None:
        """Write next to nothing of what changes without a key, or as much as usual again."""
        self.is_quiet = quiet
        self._measures = False  # the operator knows better
        self._left = 0.0
        self.hasten()

    def measure(self, ask: Callable[[str], object]) -> None:
        """Become quiet if the terminal takes long to answer. `ask` writes the question."""
        self._measures, self._asks, self._ask = True, 0, ask
        self._ask_now()

    def _ask_now(self) -> None:
        if self._measures:
            self._asks += 1
            self._asked_at = time.monotonic()
            self._ask(ASK)

    def answered(self) -> None:
        """Note the answer to the question. Called on the thread that reads the terminal."""
        if not self._measures or self._asked_at is None or self._loop.is_closed():
            return
        took_s, self._asked_at = time.monotonic() - self._asked_at, None
        if took_s > FAR_S and self._asks < ASKS:
            self._loop.call_soon_threadsafe(self._loop.call_later, ASK_AGAIN_S, self._ask_now)
        else:
            self._measures = False
            self.is_quiet = took_s > FAR_S

    def hasten(self) -> None:
        """Allow the answer to a key to be written at once. Called on the thread that reads the terminal."""
        self._eager_until = time.monotonic() + (QUIET_EAGER_S if self.is_quiet else EAGER_S)

    def gone_out(self) -> None:
        """Note that the terminal has taken all that was written. Called on the thread that writes."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._take_up)

    def when_seen(self, call: Callable[[], object]) -> None:
        """Run `call` once the terminal has taken everything drawn so far."""
        self._waiting.append(call)
        self._tell()

    def show(self, screen: "Screen[Any]", update: CompositorUpdate, *, sync: bool) -> None:
        """Write this frame, or remember that one is owed."""
        if self._under_way or self._held():
            self._owed = True
            return
        size = screen.outer_size
        if self._owed or not self._painter.knows(size):
            self._owed = False
            update = screen._compositor.render_full_update()  # noqa: SLF001
        text = self._painter.paint(update, size, size.clamp_offset(self._app.cursor_position))
        if text:
            self._under_way = True
            self._charge(len(text))
            self._write(f"{_SYNC_START}{text}{_SYNC_END}" if sync else text)
        else:
            self._tell()

    def _charge(self, size: int) -> None:
        if not self.is_quiet:
            self._left -= size
        elif time.monotonic() >= self._eager_until:
            self._left = max(self._left - size, -QUIET_DEBT)

    def _held(self) -> bool:
        """Return whether this frame has to wait because too much was written recently."""
        now = time.monotonic()
        rate, burst = (QUIET_RATE, QUIET_BURST) if self.is_quiet else (RATE, BURST)
        self._left = min(float(burst), self._left + (now - self._counted_at) * rate)
        self._counted_at = now
        if self._left >= 0 or now < self._eager_until:
            return False
        if self._timer is None:
            self._timer = self._loop.call_later(-self._left / rate, self._in_time)
        return True

    def _in_time(self) -> None:
        self._timer = None
        self._pay()

    def _take_up(self) -> None:
        self._under_way = False
        self._pay()
        self._tell()

    def _pay(self) -> None:
        """Draw what was skipped."""
        if self._owed and not self._under_way:
            self._app.call_later(self._repaint)

    def _repaint(self) -> None:
        """Redraw everything visible; what is unchanged on the terminal is not written."""
        if self._owed and not self._under_way and self._app.screen_stack:
            screen = self._app.screen
            screen._compositor._dirty_regions.add(screen.size.region)  # noqa: SLF001
            screen._compositor_refresh()  # noqa: SLF001

    def _tell(self) -> None:
        if not self._under_way and not self._owed:
            waiting, self._waiting = self._waiting, []
            for call in waiting:
                call()


def when_seen(app: App[Any], call: Callable[[], object]) -> None:
    """Run `call` once the terminal has taken everything drawn so far; at once if there is no terminal."""
    easel = easel_of(app)
    if easel is not None:
        easel.when_seen(call)
    else:
        call()


def easel_of(app: App[Any]) -> Easel | None:
    """Return the easel that this application draws on; None without a terminal."""
    easel = getattr(app._driver, "easel", None)  # noqa: SLF001
    return easel if isinstance(easel, Easel) else None
