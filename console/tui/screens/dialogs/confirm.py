"""The dialog before everything that changes devices: the focus is on cancel, and only `y` confirms."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, TypeAlias

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from console.domain.danger import Typed
from console.domain.text.safe import safe
from console.errors import ConsoleError, DatabaseUnreachableError
from console.tables.columns import Cell, Tone
from console.tui.keys.actions import CONFIRM_KEY
from console.tui.presenters.cells import Line
from console.tui.screens.base import ConsoleScreen, top_screen
from console.tui.state.background import start
from console.tui.terminal.frames import when_seen
from console.tui.widgets.text import Lines

ConfirmAct: TypeAlias = Callable[[str], Awaitable[str]]
_DIGITS = frozenset("0123456789")
_AGAIN = "Whether it was stored is unknown. y tries the same again; nothing is done twice."
_UNKNOWN = "Whether it was stored is unknown: look before you do it again."
_WAIT = "It is under way and cannot be stopped; esc again closes this, and the result is shown later."
_EARLY = "That key was typed before this question could be read: press y again if you mean it."


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be confirmed. `typed` has to be typed before `y` is accepted."""

    title: str
    lines: tuple[Line, ...]
    yes: str
    no: str = "cancel"
    typed: Typed | None = None
    ask_reason: bool = False


def ask(screen: ConsoleScreen, question: Question, act: ConfirmAct, done: Callable[[str], object]) -> None:
    """Ask, run `act`, and call `done` with the outcome; only show it if `screen` was left meanwhile."""

    def ended(outcome: str) -> None:
        if screen.is_active:
            done(outcome)
        else:
            top = top_screen(screen.app)
            if top is not None:
                top.say(outcome)

    screen.app.push_screen(ConfirmDialog(question, act, ended))


class ConfirmDialog(ModalScreen[None]):
    """Starts the act, which belongs to the application: it runs to its end even if this dialog is closed.

    An error is shown in the dialog. A key counts only if it was typed after the dialog could be seen.
    """

    AUTO_FOCUS = "#no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q", "leave", show=False),
    ]

    def __init__(self, question: Question, act: ConfirmAct, ended: Callable[[str], object]) -> None:
        super().__init__()
        self._question = question
        self._act = act
        self._ended = ended
        self._outcome: str | None = None
        self._busy = False
        self._warned = False
        self._has_hinted = False
        self._typed = ""
        self._wanted = question.typed.text if question.typed else ""
        self._painted_at: float | None = None
        self._text = Lines(id="dialog-text")
        self._status_line = Lines(id="dialog-state")
        self._yes = Lines(id="dialog-yes")

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Lines(id="dialog-title")
            yield VerticalScroll(self._text)
            if self._question.ask_reason:
                yield Input(placeholder="reason (tab, optional)", compact=True, max_length=300, id="reason")
            yield self._status_line
            with Horizontal(id="choices"):
                yield self._yes
                yield Button(f"enter {self._question.no}", id="no", compact=True)

    def on_mount(self) -> None:
        self.query_one("#dialog-title", Lines).show([(Cell(self._question.title, "strong"),)])
        self._text.show(self._question.lines)
        self._show_state()
        self.call_after_refresh(when_seen, self.app, self._painted)

    def _painted(self) -> None:
        self._painted_at = time.monotonic()

    @property
    def _is_unlocked(self) -> bool:
        return self._typed == self._wanted

    def _is_text(self, event: events.Key) -> bool:
        """Return whether the key belongs to what has to be typed; then it neither confirms nor leaves."""
        character = event.character or ""
        if not self._wanted or not character or (self._is_unlocked and event.key == CONFIRM_KEY):
            return False
        return character in _DIGITS or character in self._wanted

    def _show_state(self, error: str = "") -> None:
        lines: list[Line] = []
        if self._question.typed:
            prompt = f"Type {self._question.typed.what}, {self._wanted}, to unlock: "
            lines.append((Cell(prompt), Cell(f"{self._typed}▏", "ok" if self._is_unlocked else "warn")))
        if error:
            lines.append((Cell(error, "bad"),))
        if self._busy:
            lines.append((Cell("Working…", "live"),))
        self._status_line.show(lines)
        self._status_line.display = bool(lines)
        tone: Tone = "accent" if self._is_unlocked else "dim"
        self._yes.show(
            [(Cell("y", tone), Cell(f" {self._question.yes}", "" if self._is_unlocked else "dim"))]
        )

    def on_key(self, event: events.Key) -> None:
        is_text = self._is_text(event)
        if isinstance(self.focused, Input) or not (is_text or event.key in {CONFIRM_KEY, "backspace"}):
            return
        event.stop()
        if self._busy:
            return
        if self._painted_at is None or event.time < self._painted_at:
            self._show_state(_EARLY)
        elif not is_text and event.key == CONFIRM_KEY:
            self._confirm()
        elif self._wanted:
            typed = self._typed + (event.character or "") if is_text else self._typed[:-1]
            self._typed = typed[-12:]
            self._show_state()

    def _confirm(self) -> None:
        if not self._is_unlocked:
            self._show_state(f"First type {self._wanted}.")
            return
        self._busy, self._warned = True, False
        self._show_state()
        reason = self.query_one("#reason", Input).value if self._question.ask_reason else ""
        start(self.app, partial(self._do, reason), "act")

    async def _do(self, reason: str) -> None:
        try:
            outcome = await self._act(reason)
        except DatabaseUnreachableError as error:
            self._fail(safe(error, 300), _AGAIN, _UNKNOWN)
        except ConsoleError as error:
            self._fail(safe(error, 600), "", "")
        else:
            self._outcome = outcome
            self._finish()

    def _fail(self, error: str, here: str, elsewhere: str) -> None:
        self._busy = False
        if self._here:
            self._show_state(f"{error} {here}".strip())
            return
        top = top_screen(self.app)
        if top is not None:
            top.say(f"{error} {elsewhere}".strip(), "bad")

    @property
    def _here(self) -> bool:
        return self in self.app.screen_stack

    def _finish(self) -> None:
        """Report the outcome, once no other screen covers the dialog."""
        if self._outcome is None or (self._here and not self.is_active):
            return
        outcome, self._outcome = self._outcome, None
        if self._here:
            self.dismiss(None)
        self.app.call_later(self._ended, outcome)

    def on_screen_resume(self) -> None:
        self._finish()

    @on(Button.Pressed, "#no")
    def _pressed(self) -> None:
        """Explain once that `y` confirms: enter after typing is a habit and not meant as cancel."""
        if self._typed and not self._busy and not self._has_hinted:
            self._has_hinted = True
            first = f"First type {self._wanted}."
            self._show_state(f"{CONFIRM_KEY} confirms, enter again cancels." if self._is_unlocked else first)
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Leave; while the act is under way, first show that its outcome will appear elsewhere."""
        if self._busy and not self._warned:
            self._warned = True
            self._show_state(_WAIT)
        else:
            self.dismiss(None)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.query_one("#no", Button).focus()
