"""One sentence about what was just done or refused; it disappears by itself."""

from textual.timer import Timer

from console.domain.text.safe import safe
from console.tables.columns import Cell, Tone
from console.tui.widgets.text import Lines

STAYS_S, LONG_S = 4.0, 8.0
_SHORT = 60  # letters that are read in the shorter time


def would_cover(cursor_row: int | None, height: int, rows: int) -> bool:
    """Return whether so many rows above the footer would cover the cursor's row of the screen."""
    return cursor_row is not None and cursor_row >= height - 1 - rows


class Notice(Lines):
    """The notice; it covers the last row of the content, so that nothing moves.

    If the cursor stands there, it covers the line below the header instead: one looks at the cursor.
    """

    def __init__(self) -> None:
        super().__init__(id="notice")
        self._timer: Timer | None = None

    def say(self, text: str, tone: Tone = "", cursor_row: int | None = None) -> None:
        """Show a text while it is read; `cursor_row` is the row of the screen to keep clear."""
        self.show([(Cell(f" {safe(text, 600)}", tone),)])
        width, height = self.app.size
        self.set_class(would_cover(cursor_row, height, self.rows(max(1, width - 2))), "-above")
        self.add_class("-up")
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(STAYS_S if len(text) <= _SHORT else LONG_S, self.hide)

    def hide(self) -> None:
        self.remove_class("-up")
