"""What all screens share: header, banner, footer, one read at a time, errors that never end the program."""

import contextlib
from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, TextArea

from console.domain.text.safe import safe
from console.errors import ConsoleError
from console.services.sender import SendReceipt
from console.tables.columns import Cell, Tone
from console.tui.keys.actions import Action
from console.tui.keys.allowed import allowed
from console.tui.keys.keymap import with_keys
from console.tui.keys.places import Place
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowNotice
from console.tui.widgets.banner import Banner
from console.tui.widgets.footer import Key, KeyBar
from console.tui.widgets.header import HeaderBar
from console.tui.widgets.notice import Notice
from console.tui.widgets.receipt import ReceiptLine
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines

LEAST = (40, 10)
HEADLINE_EVERY_S = 5
WIDE = 100
SHORT = 20
FIRST_SCREEN = "This is the first screen: q leaves the console."


def top_screen(app: App[Any]) -> "ConsoleScreen | None":
    """Return the full screen that is visible, possibly behind a dialog."""
    return next((screen for screen in reversed(app.screen_stack) if isinstance(screen, ConsoleScreen)), None)


class ConsoleScreen(Screen[SendReceipt | None]):
    """A full screen. Subclasses give `ACTIONS`, `body`, `read`, and what they repaint each second."""

    KIND: ClassVar[str] = ""
    ACTIONS: ClassVar[tuple[Action[Any], ...]] = ()
    READS_HEADLINE: ClassVar[bool] = True  # False: its own read brings one
    AUTO_FOCUS = None

    def __init__(self, state: ConsoleState) -> None:
        super().__init__()
        self.state = state
        self._reading = self._reading_headline = False
        self._read_again = False
        self._ticks = 0
        self._header = HeaderBar(id="header")
        self._banner = Banner(id="banner")
        self.key_bar = KeyBar(self.run_listed)
        self._notice, self._receipt = Notice(), ReceiptLine()
        self._small = Lines(id="small")
        self.last_copied: tuple[str, float] | None = None
        self._refusal: tuple[Action[Any], str] | None = None
        self._warned = False

    # For subclasses

    def body(self) -> Iterable[Widget]:
        """Return the widgets between banner and footer."""
        raise NotImplementedError

    async def read(self) -> None:
        """Read the data on screen; may raise ConsoleError."""

    def repaint(self) -> None:
        """Draw what changes with time alone."""

    # Chrome

    def compose(self) -> ComposeResult:
        yield self._header
        yield self._banner
        yield from self.body()
        yield self.key_bar
        yield self._receipt
        yield self._notice
        yield self._small

    def on_mount(self) -> None:
        self.refresh_chrome()
        self.set_interval(1.0, self._tick)
        self.request_read()

    def on_resize(self) -> None:
        width, height = self.app.size
        self._small.show([(Cell(f"This terminal is too small: make it at least {LEAST[0]} by {LEAST[1]}."),)])
        self.set_class(width < LEAST[0] or height < LEAST[1], "-small")
        self.set_class(width >= WIDE, "-wide")
        self.set_class(height < SHORT, "-short")
        self.refresh_chrome()
        self.repaint()

    def on_screen_resume(self) -> None:
        self.refresh_chrome()
        self.request_read()

    def refresh_chrome(self) -> None:
        """Draw header, banner and footer, and hide a refusal that no longer applies; nothing is read."""
        if self.is_mounted:
            if self._refusal is not None and self._refusal[0].reason(self) != self._refusal[1]:
                self._refusal = None
                self._notice.hide()
            self._header.refresh_from(self.state)
            tour = self.state.tour.words(self.KIND, is_first=not self.goes_back)
            self._banner.refresh_from(self.state, self._key_to_press("headline"), tour)
            self._receipt.refresh_from(self.state, self._key_to_press("receipt"), self.cursor_row)
            if self.focused is not None and self.focused.id == "filter":
                self.key_bar.show_typing()
            else:
                keys = (action for action in self.actions if action.id != "back" or self.goes_back)
                self.key_bar.show_keys([self._key(action) for action in keys])

    def _key_to_press(self, action_id: str) -> str:
        """Return the key of an action; empty where it is typed as text, or is none."""
        if isinstance(self.focused, Input | TextArea):
            return ""
        return next((action.shown for action in self.actions if action.id == action_id), "")

    def on_descendant_focus(self) -> None:
        self.call_after_refresh(self.refresh_chrome)

    def say(self, text: str, tone: Tone = "") -> None:
        """Show one sentence over the last row of the list."""
        self._refusal = None
        self._notice.say(text, tone, self.cursor_row)

    @property
    def cursor_row(self) -> int | None:
        """The row of the screen where the operator looks, which nothing may cover."""
        focused = self.focused
        if isinstance(focused, Input | TextArea):
            return focused.cursor_screen_offset.y
        if isinstance(focused, Lines):
            marked = [at for at, line in enumerate(focused.plain.split("\n")) if "▌" in line]
            return focused.region.y + marked[-1] if marked else None
        return focused.cursor_row if isinstance(focused, LineTable) else None

    @on(LineTable.CursorMoved)
    @on(LineTable.WindowMoved)
    def _keep_cursor_clear(self) -> None:
        self._receipt.keep_clear(self.cursor_row)

    def on_show_notice(self, message: ShowNotice) -> None:
        self.say(message.text, message.tone)

    def _tick(self) -> None:
        if not self.is_active:
            return
        self._ticks += 1
        if self.state.outbox_unread or (self.state.link_problem and self._ticks % 2 == 0):
            self.request_read()
        if self._ticks % HEADLINE_EVERY_S == 1 and self.READS_HEADLINE:
            start(self, self._read_headline, "headline")
        self.refresh_chrome()
        self.repaint()
        if message := self.state.outage.observe(self.state.program.health.view(), self.state.outbox):
            self.say(message)

    # Reading

    def request_read(self) -> None:
        """Read again; if a read is under way, read again after it.

        A screen that is covered by another one reads when it is uncovered.
        """
        if not self.is_active:
            return
        if self._reading:
            self._read_again = True
            return
        self._reading = True
        start(self, self._read_loop, "read")

    async def _read_loop(self) -> None:
        try:
            while True:
                self._read_again = False
                await self._read_once()
                if not (self._read_again and self.is_active):
                    return
        finally:
            self._reading = False

    async def _read_headline(self) -> None:
        """Read the headline of every screen, one read at a time; a failure is told by the screen's own."""
        if not self._reading_headline:
            self._reading_headline = True
            try:
                with contextlib.suppress(ConsoleError):
                    await self.state.read_headline()
            finally:
                self._reading_headline = False

    async def _read_once(self) -> None:
        try:
            await self.read()
            await self.state.read_outbox()
            await self.state.receipts.read(self.state.program, self.state.tenant)
        except ConsoleError as error:
            self.state.link_problem = safe(error, 300)
        else:
            self.state.link_problem = ""
        if self.is_active:  # the operator may have left it meanwhile, and widgets may be gone
            self.refresh_chrome()
            self.repaint()

    # Actions

    @property
    def actions(self) -> tuple[Action[Any], ...]:
        """The actions of this screen, with the operator's keys."""
        here = (action for action in allowed(self.ACTIONS, self.state.program) if action.offered(self))
        return tuple(with_keys(action, self.KIND, self.state.keys) for action in here)

    @property
    def goes_back(self) -> bool:
        """Whether esc does something here; the first screen says that it is the first."""
        return True

    def label(self, action: Action[Any]) -> str:
        """Return the current label of the action."""
        return action.label if action.label_now is None else action.label_now(self)

    def _key(self, action: Action[Any]) -> Key:
        return Key(action, self.label(action), action.reason(self) if action.footer else None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide actions that change something, rather than refuse them, when the console is read-only."""
        if action != "listed" or not self.state.program.read_only:
            return True
        return not any(listed.act for listed in self.ACTIONS if listed.id in parameters)

    def action_listed(self, action_id: str) -> None:
        """Run the action of this id, where it exists here; say why this console never does it."""
        for action in self.actions:
            if action.id == action_id:
                self.run_listed(action)
        for action in self.ACTIONS:
            why = action.barred(self.state.program) if action.id == action_id else None
            if why is not None:
                self.say(why, "warn")

    def run_listed(self, action: Action[Any]) -> None:
        """Run an action of this screen, or show why it cannot be done."""
        reason = action.reason(self)
        if reason is None:
            ends = self.state.tour.takes(action.id, is_first=not self.goes_back)
            (self.refresh_chrome if ends else partial(action.run, self))()
            return
        self.say(f"Cannot {action.label}: {reason}.", "warn")
        self._refusal = (action, reason)

    @on(LineTable.Opened)
    def _row_clicked(self) -> None:
        self.action_listed("open")

    def still_here(self) -> bool:
        """Return whether a dialog that waited for the database may open: not over another screen."""
        if not self.is_active:
            self.say(
                "The question was not shown, because another screen was opened: press the key again.", "warn"
            )
        return self.is_active

    def own_places(self) -> Iterable[Place]:
        """Return what a letter can go to here, besides panes, headings and the footer."""
        return ()

    def leave(self) -> None:
        """Go back to the screen below."""
        self.dismiss(None)

    def ask_to_quit(self, key: str) -> None:
        """Leave the console; the first time, only show what that would interrupt."""
        sending = self.state.sending
        acting = any(worker.group == "act" and not worker.is_finished for worker in self.app.workers)
        if self._warned or not (sending or acting):
            self.app.exit(0)
            return
        self._warned = True
        if sending:
            job = sending[0]
            how_far = f"{job.done:,} of {job.total:,}"
            left = f"Still sending {how_far}: {key} again quits, and R on its screen sends the rest later."
        else:
            left = f"What you confirmed is still under way: {key} again quits, with its outcome unknown."
        self.say(left, "warn")
