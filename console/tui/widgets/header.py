"""The first line: where the operator is, and how the links are."""

from console.tui.desk import Desk
from console.tui.presenters.header import header_line
from console.tui.widgets.text import Lines


class HeaderBar(Lines):
    """Repaints only when a word changed."""

    def refresh_from(self, desk: Desk) -> None:
        width = self.app.size.width
        self.show([header_line(desk.place, desk.program.health.view(), desk.outbox, width)])
