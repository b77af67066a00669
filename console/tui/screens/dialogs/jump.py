"""A letter on each pane, heading and key of the footer; pressed, it goes there.

Decided in docs/decisions/0099-a-letter-on-each-place.md
"""

import time
from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from console.tables.columns import Cell
from console.tui.keys.places import Place
from console.tui.terminal.frames import when_seen
from console.tui.widgets.text import Lines

_LETTERS = "asdfghjklqwertuiopzxcvbnm"  # without y, which confirms the question that a letter may open
LETTERS = f"{_LETTERS}{_LETTERS.upper()}"


class JumpDialog(ModalScreen[Place | None]):
    """Returns the place whose letter was pressed; any other key closes it.

    A letter that was pressed before the letters were seen goes nowhere: nobody can have read it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,apostrophe,ctrl+o", "close", show=False)]

    def __init__(self, places: Sequence[Place]) -> None:
        super().__init__()
        in_order = sorted(places, key=lambda place: (place.y, place.x))
        self._places = dict(zip(LETTERS, in_order, strict=False))
        self._seen_at: float | None = None

    def compose(self) -> ComposeResult:
        for letter, place in self._places.items():
            label = Lines(classes="jump")
            label.show([(Cell(letter, "strong"),)])
            label.styles.offset = (place.x, place.y)
            yield label

    def on_mount(self) -> None:
        self.call_after_refresh(when_seen, self.app, self._seen)

    def _seen(self) -> None:
        self._seen_at = time.monotonic()

    def on_resize(self) -> None:
        """Close: what the letters stand on has moved."""
        if self._seen_at is not None:
            self.dismiss(None)

    def on_key(self, event: events.Key) -> None:
        if event.key in {"escape", "apostrophe", "ctrl+o", "ctrl+q", "ctrl+c"}:
            return
        event.stop()
        if self._seen_at is None or event.time < self._seen_at:
            return
        self.dismiss(self._places.get(event.key))

    def on_click(self) -> None:
        self.dismiss(None)

    def action_close(self) -> None:
        self.dismiss(None)
