"""The strip above a history: a symbol for each listed command, drawn again only when it changed."""

from datetime import datetime

from console.tui.lists.history_rows import HistoryRows
from console.tui.presenters.strip import strip_lines
from console.tui.widgets.text import Lines

_MARKED = 20  # rows of the terminal from which there is a line of times below


class StateStrip(Lines):
    """Hidden while there are too few commands to see anything."""

    def __init__(self) -> None:
        super().__init__(id="strip")

    def show_rows(self, rows: HistoryRows, cursor: str | None, now: datetime) -> None:
        """Draw these rows and where the cursor is."""
        width, height = self.app.size
        commands = [rows.commands[key] for key in rows.order]
        place = rows.order.index(cursor) if cursor in rows.commands else None
        lines = strip_lines(commands, place, width, now, more=rows.more, marks=height >= _MARKED)
        self.show(lines)
        self.display = bool(lines)
