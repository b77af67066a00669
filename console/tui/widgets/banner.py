"""The sentence under the header that says which link is down and what that means."""

from console.tui.desk import Desk
from console.tui.presenters.cells import Cell
from console.tui.presenters.header import banner_line
from console.tui.widgets.text import Lines


class Banner(Lines):
    """There only while something is down."""

    def refresh_from(self, desk: Desk) -> None:
        text = banner_line(desk.program.health.view(), desk.outbox, desk.trouble, desk.clock.now())
        self.set_class(bool(text), "-up")
        self.show([(Cell(text),)] if text else [])
