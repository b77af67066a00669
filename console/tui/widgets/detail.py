"""One command in full, scrollable: beside a history, or on a screen of its own."""

from datetime import UTC, datetime, tzinfo

from textual.containers import Vertical, VerticalScroll

from console.domain.history import CommandDetail
from console.tables.columns import Cell
from console.tui.presenters.timeline import content_lines, deadline_line, story_lines
from console.tui.widgets.text import Lines

BESIDE = 110
_GAP = 2


class DetailView(VerticalScroll):
    """Shows the command, if wide with the params beside the timeline; repaints only when the text changed."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines = Lines()
        self._deadline = Lines()
        self._rest = Lines(classes="rest")
        self._shown_id = ""
        self._last: tuple[CommandDetail, datetime, tzinfo | None] | None = None

    def on_mount(self) -> None:
        self.mount(Vertical(self._lines, self._deadline, classes="story"), self._rest)

    def on_resize(self) -> None:
        self.set_class(self.size.width >= BESIDE, "-beside")
        if self._last is not None:
            self._show(*self._last)

    def show(
        self, detail: CommandDetail | None, now: datetime, empty: str = "", zone: tzinfo | None = UTC
    ) -> None:
        if detail is None:
            self._last, self._shown_id = None, ""
            self._lines.show([(Cell(empty, "dim"),)])
            self._deadline.show([])
            self._rest.show([])
            return
        self._last = (detail, now, zone)
        self._show(detail, now, zone)
        if detail.command.command_id != self._shown_id:
            self._shown_id = detail.command.command_id
            self.scroll_home(animate=False)

    def _show(self, detail: CommandDetail, now: datetime, zone: tzinfo | None) -> None:
        width = self.scrollable_content_region.width or 80
        if self.has_class("-beside"):
            width = width // 2 - _GAP
        self._lines.show(story_lines(detail, zone, width))
        deadline = deadline_line(detail, now, zone)
        self._deadline.show([deadline, ()] if deadline else [])
        self._rest.show(content_lines(detail))

    @property
    def plain(self) -> str:
        return f"{self._lines.plain}\n{self._deadline.plain}\n{self._rest.plain}"
