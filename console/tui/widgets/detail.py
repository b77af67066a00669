"""One command in full, scrollable: beside a history, or on a screen of its own."""

from datetime import UTC, datetime, tzinfo

from textual.containers import VerticalScroll

from console.domain.history import CommandDetail
from console.tui.presenters.cells import Cell
from console.tui.presenters.timeline import content_lines, deadline_line, story_lines
from console.tui.widgets.text import Lines


class DetailView(VerticalScroll):
    """Shows what it is given and repaints only when a word changed."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines = Lines()
        self._deadline = Lines()
        self._rest = Lines()
        self._shown_id = ""

    def on_mount(self) -> None:
        self.mount(self._lines, self._deadline, self._rest)

    def show(
        self, detail: CommandDetail | None, now: datetime, empty: str = "", zone: tzinfo | None = UTC
    ) -> None:
        if detail is None:
            self._shown_id = ""
            self._lines.show([(Cell(empty, "dim"),)])
            self._deadline.show([])
            self._rest.show([])
            return
        self._lines.show(story_lines(detail, now, zone))
        self._deadline.show([deadline_line(detail, now, zone)])
        self._rest.show(content_lines(detail))
        if detail.command.command_id != self._shown_id:
            self._shown_id = detail.command.command_id
            self.scroll_home(animate=False)

    @property
    def plain(self) -> str:
        return f"{self._lines.plain}\n{self._deadline.plain}\n{self._rest.plain}"
