"""The question before an act: focus stands on cancel, and another key than the one that asked says yes."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static


class ConfirmScreen(ModalScreen[bool]):
    """Ends with True only on `y`, or on the typed count where one is asked for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "yes"),
        Binding("escape,n,q", "no", "cancel"),
    ]
    AUTO_FOCUS = "#no"

    def __init__(self, question: str, lines: list[str], *, act: str, count: int | None = None) -> None:
        super().__init__()
        self._question = question
        self._lines = lines
        self._act = act
        self._count = count
        self._answered = False

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(self._question, id="question", markup=False)
            yield Static("\n".join(self._lines), markup=False)
            if self._count is not None:
                yield Static(f"Type {self._count} and press enter to {self._act}.", markup=False)
                yield Input(id="count", max_length=7)
            with Horizontal(id="answers"):
                if self._count is None:
                    yield Static(f"y  {self._act}", id="yes", markup=False)
                yield Button("cancel", id="no", compact=True)

    def on_mount(self) -> None:
        if self._count is not None:
            self.query_one("#count").focus()

    def _end(self, *, yes: bool) -> None:
        if not self._answered:
            self._answered = True
            self.dismiss(yes)

    def action_yes(self) -> None:
        if self._count is None:
            self._end(yes=True)

    def action_no(self) -> None:
        self._end(yes=False)

    def on_button_pressed(self) -> None:
        self._end(yes=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip() == str(self._count):
            self._end(yes=True)
        else:
            event.input.value = ""
