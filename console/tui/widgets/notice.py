"""One sentence about what was just done or refused; it disappears by itself."""

from textual.timer import Timer

from console.domain.text.safe import safe
from console.tables.columns import Cell, Tone
from console.tui.widgets.text import Lines

STAYS_S = 8.0


class Notice(Lines):
    """The notice; it covers the last row of the content, so that nothing moves."""

    def __init__(self) -> None:
        super().__init__(id="notice")
        self._timer: Timer | None = None

    def say(self, text: str, tone: Tone = "") -> None:
        self.show([(Cell(f" {safe(text, 600)}", tone),)])
        self.add_class("-up")
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(STAYS_S, self.hide)

    def hide(self) -> None:
        self.remove_class("-up")
