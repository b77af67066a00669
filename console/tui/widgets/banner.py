"""The sentence under the header that says which link is down and what that means."""

from console.tui.desk import Desk
from console.tui.presenters.cells import Cell
from console.tui.presenters.header import banner_line
from console.tui.widgets.text import Lines

_NARROW, _LOW = 70, 20


class Banner(Lines):
    """There only while something is down."""

    def refresh_from(self, desk: Desk) -> None:
        width, height = self.app.size
        view, now = desk.program.health.view(), desk.clock.now()
        text = banner_line(
            view,
            desk.outbox,
            desk.trouble,
            now,
            brief=width < _NARROW or height < _LOW,
            acts=not desk.program.read_only,
        )
        self.set_class(bool(text), "-up")
        self.show([(Cell(text),)] if text else [])
