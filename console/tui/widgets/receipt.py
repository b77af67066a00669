"""What became of what was just sent: a line above the footer, on every screen."""

from console.tui.presenters.receipt import receipt_line
from console.tui.state.console_state import ConsoleState
from console.tui.terminal.frames import easel_of
from console.tui.widgets.notice import would_cover
from console.tui.widgets.text import Lines


class ReceiptLine(Lines):
    """It stands where notices do, below them, and repaints only when its text has changed."""

    def __init__(self) -> None:
        super().__init__(id="receipt")

    def refresh_from(self, state: ConsoleState, key: str, cursor_row: int | None) -> None:
        """Show what is in flight; `key` opens it, `cursor_row` is the row of the screen to keep clear."""
        shown = state.receipts.shown(state.tenant)
        self.set_class(bool(shown), "-up")
        if shown:
            easel = easel_of(self.app)
            ticks = easel is None or not easel.is_quiet
            self.show([receipt_line(shown, max(1, self.app.size.width - 2), key, ticks=ticks)])
            self.keep_clear(cursor_row)

    def keep_clear(self, cursor_row: int | None) -> None:
        """Stand below the header if the cursor is above the footer."""
        self.set_class(would_cover(cursor_row, self.app.size.height, 1), "-above")
