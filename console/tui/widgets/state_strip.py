"""The strip above a history: a symbol for each listed command, drawn again only when it changed."""

from datetime import datetime

from console.tui.lists.history_rows import HistoryRows
from console.tui.presenters.strip import MOST, strip_lines
from console.tui.widgets.text import Lines

_MARKED = 20  # rows of the terminal from which there is a line of times below


class StateStrip(Lines):
    """Hidden while there are too few commands to see anything."""

    def __init__(self) -> None:
        super().__init__(id="strip")

    def show_rows(self, rows: HistoryRows, cursor: str | None, now: datetime) -> None:
        """Draw these rows and where the cursor is."""
        width, height = self.app.size
        keys = rows.order[:MOST]
        commands = [rows.commands[key] for key in keys]
        place = keys.index(cursor) if cursor is not None and cursor in keys else None
        more = rows.more or len(rows.order) > MOST
        lines = strip_lines(commands, place, width, now, more=more, marks=height >= _MARKED)
        self.show(lines)
        self.display = bool(lines)
