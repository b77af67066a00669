"""The one dialog before every act: focus stands on the way out, and `y` is the only way in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from console.domain.safe_text import safe
from console.errors import ConsoleError, DatabaseUnreachableError
from console.tui.background import start
from console.tui.presenters.cells import Cell, Line, Tone
from console.tui.widgets.text import Lines

ConfirmAct: TypeAlias = Callable[[str], Awaitable[str]]
_AGAIN = "Whether it was written is unknown. y tries the very same again: nothing can be done twice."


@dataclass(frozen=True, slots=True)
class Question:
    """What is about to happen. `typed` has to be typed before `y` counts."""

    title: str
    lines: tuple[Line, ...]
    yes: str
    no: str = "cancel"
    typed: str = ""
    ask_reason: bool = False


class ConfirmDialog(ModalScreen[str | None]):
    """Does the act itself, so that an error stays where the decision was; gives its sentence back."""

    AUTO_FOCUS = "#no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "confirm", show=False),
        Binding("escape,n,q", "leave", show=False),
    ]

    def __init__(self, question: Question, act: ConfirmAct) -> None:
        super().__init__()
        self._question = question
        self._act = act
        self._busy = False
        self._digits = ""
        self._text = Lines(id="dialog-text")
        self._state = Lines(id="dialog-state")
        self._yes = Lines(id="dialog-yes")

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Lines(id="dialog-title")
            yield VerticalScroll(self._text)
            if self._question.ask_reason:
                yield Input(placeholder="reason (tab, optional)", compact=True, max_length=300, id="reason")
            yield self._state
            with Horizontal(id="choices"):
                yield self._yes
                yield Button(f"enter {self._question.no}", id="no", compact=True)

    def on_mount(self) -> None:
        self.query_one("#dialog-title", Lines).show([(Cell(self._question.title, "strong"),)])
        self._text.show(self._question.lines)
        self._show_state()

    @property
    def _ready(self) -> bool:
        return self._digits == self._question.typed

    def _show_state(self, error: str = "") -> None:
        lines: list[Line] = []
        if self._question.typed:
            prompt = f"Type {self._question.typed} to unlock: "
            lines.append((Cell(prompt), Cell(f"{self._digits}▏", "ok" if self._ready else "warn")))
        if error:
            lines.append((Cell(error, "bad"),))
        if self._busy:
            lines.append((Cell("Working…", "live"),))
        self._state.show(lines)
        self._state.display = bool(lines)
        tone: Tone = "accent" if self._ready else "dim"
        self._yes.show([(Cell("y", tone), Cell(f" {self._question.yes}", "" if self._ready else "dim"))])

    def on_key(self, event: events.Key) -> None:
        if not self._question.typed or self._busy or isinstance(self.focused, Input):
            return
        if event.character and event.character.isascii() and event.character.isdigit():
            self._digits = (self._digits + event.character)[-12:]
        elif event.key == "backspace":
            self._digits = self._digits[:-1]
        else:
            return
        event.stop()
        self._show_state()

    def action_confirm(self) -> None:
        if self._busy:
            return
        if not self._ready:
            self._show_state(f"First type {self._question.typed}.")
            return
        self._busy = True
        self._show_state()
        start(self, self._do, "act")

    async def _do(self) -> None:
        reason = self.query_one("#reason", Input).value if self._question.ask_reason else ""
        try:
            said = await self._act(reason)
        except DatabaseUnreachableError as error:
            self._busy = False
            self._show_state(f"{safe(error, 300)} {_AGAIN}")
        except ConsoleError as error:
            self._busy = False
            self._show_state(safe(error, 600))
        else:
            self.dismiss(said)

    @on(Button.Pressed, "#no")
    def _pressed(self) -> None:
        if not self._busy:
            self.dismiss(None)

    def action_leave(self) -> None:
        self.dismiss(None)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.query_one("#no", Button).focus()
