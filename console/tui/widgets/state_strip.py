"""The strip above a history: a symbol for each listed command, drawn again only when it changed."""

import time
from datetime import datetime

from console.tui.lists.history_rows import HistoryRows
from console.tui.presenters.strip import MOST, CommandStrip
from console.tui.widgets.text import Lines

CHANGES_EVERY_S = 2.0  # a new command shifts all of it, which costs a kilobyte
_MARKED = 20  # rows of the terminal from which there is a line of times below


class StateStrip(Lines):
    """Hidden while there are too few commands to see anything. It follows the cursor at once."""

    def __init__(self) -> None:
        super().__init__(id="strip")
        self._rows: HistoryRows | None = None
        self._revision = 0
        self._strip = CommandStrip(())
        self._due = 0.0

    def show_rows(self, rows: HistoryRows, cursor: str | None, now: datetime) -> None:
        """Draw these rows and where the cursor is."""
        clock = time.monotonic()
        if rows is not self._rows or (rows.revision != self._revision and clock >= self._due):
            self._strip = CommandStrip([rows.commands[key] for key in rows.order[:MOST]])
            self._rows, self._revision = rows, rows.revision
            self._due = clock + CHANGES_EVERY_S if rows.order else 0.0
        width, height = self.app.size
        more = rows.more or len(rows.order) > MOST
        lines = self._strip.lines(cursor, width, now, more=more, marks=height >= _MARKED)
        self.show(lines)
        self.display = bool(lines)
