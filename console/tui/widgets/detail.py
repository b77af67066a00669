"""One command in full, scrollable: beside a history, or on a screen of its own."""

from datetime import datetime

from textual.containers import VerticalScroll

from console.domain.history import CommandDetail
from console.tui.presenters.cells import Cell
from console.tui.presenters.timeline import detail_lines
from console.tui.widgets.text import Lines


class DetailView(VerticalScroll):
    """Shows what it is given and repaints only when a word changed."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines = Lines()
        self._shown_id = ""

    def on_mount(self) -> None:
        self.mount(self._lines)

    def show(self, detail: CommandDetail | None, now: datetime, empty: str = "") -> None:
        if detail is None:
            self._shown_id = ""
            self._lines.show([(Cell(empty, "dim"),)])
            return
        self._lines.show(detail_lines(detail, now))
        if detail.command.command_id != self._shown_id:
            self._shown_id = detail.command.command_id
            self.scroll_home(animate=False)

    @property
    def plain(self) -> str:
        return self._lines.plain
