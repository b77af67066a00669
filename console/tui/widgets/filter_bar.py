"""The line in which a filter is typed; it speaks up 120 ms after the last key."""

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from console.tui.presenters.cells import Cell
from console.tui.widgets.text import Lines

DEBOUNCE_S = 0.12


class FilterBar(Horizontal):
    """Hidden while there is no filter."""

    class Changed(Message):
        """The text has settled."""

    class Left(Message):
        """The operator is done typing."""

    def __init__(self) -> None:
        super().__init__(id="filter-bar")
        self._timer: Timer | None = None
        self._field = Input(placeholder="every word must occur", compact=True, id="filter")
        self._count = Lines(id="filter-count")
        self.text = ""

    def compose(self) -> ComposeResult:
        yield Static(" / ", markup=False, classes="mark")
        yield self._field
        yield self._count

    def open(self) -> None:
        self.add_class("-up")
        self._field.focus()

    def clear(self) -> None:
        self._field.value = ""
        self.remove_class("-up")
        self._settle()

    def count(self, text: str) -> None:
        self._count.show([(Cell(f"{text} ", "dim"),)])

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(DEBOUNCE_S, self._settle)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._settle()
        self._leave()

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.clear()
            self._leave()
        elif event.key in {"down", "up"}:
            event.stop()
            self._leave()

    def _settle(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        text = self._field.value.encode("utf-8", "replace").decode().replace("\x00", "")
        if text != self.text:
            self.text = text
            self.post_message(self.Changed())

    def _leave(self) -> None:
        self.set_class(bool(self.text), "-up")
        self.post_message(self.Left())
