"""One command in full, scrollable: beside a history, or on a screen of its own."""

from datetime import UTC, datetime, tzinfo
from typing import ClassVar

from textual.containers import Vertical, VerticalScroll

from console.domain.history import Around, CommandDetail
from console.tables.columns import Cell
from console.tui.presenters.detail import around_lines, content_lines, folds, head_lines
from console.tui.presenters.timeline import deadline_line, timeline_lines
from console.tui.widgets.text import Lines

BESIDE = 110
_GAP = 2


class DetailView(VerticalScroll):
    """Shows the command: the verdict, answer and params, then the timeline.

    It repaints only when the text changed.
    """

    UNFOLDS: ClassVar[str] = "f"  # the key that shows all of a long answer

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines = Lines()
        self._deadline = Lines()
        self._rest = Lines(classes="rest")
        self._shown_id = ""
        self._folded = True
        self._around: Around | None = None
        self._last: tuple[CommandDetail, datetime, tzinfo | None] | None = None

    def on_mount(self) -> None:
        self.mount(Vertical(self._lines, self._deadline, classes="story"), self._rest)

    def on_resize(self) -> None:
        self.set_class(self.size.width >= BESIDE, "-beside")
        if self._last is not None:
            self._show(*self._last)

    def show(
        self,
        detail: CommandDetail | None,
        now: datetime,
        empty: str = "",
        zone: tzinfo | None = UTC,
        around: Around | None = None,
    ) -> None:
        """Show a command, with what the device got `around` it; None shows the sentence `empty`."""
        self._around = around
        if detail is None:
            self._last, self._shown_id = None, ""
            self._lines.show([(Cell(empty, "dim"),)])
            self._lines.styles.height = "auto"
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
        is_beside = self.has_class("-beside")
        width = width // 2 - _GAP if is_beside else width
        deadline = deadline_line(detail, now, zone)
        around = around_lines(self._around, detail.command, now, width) if self._around else []
        self._deadline.show([*around, *([deadline, ()] if deadline else [])])
        if is_beside:
            self._lines.show([*head_lines(detail, width), *timeline_lines(detail, zone, width), ()])
            self._rest.show(content_lines(detail, width, ""))
        else:
            self._lines.show(
                [
                    *head_lines(detail, width),
                    *content_lines(detail, width, self.UNFOLDS if self._folded else ""),
                ]
            )
            self._rest.show(timeline_lines(detail, zone, width))
        # Measured while a scroll bar comes or goes, a height may be that of another width.
        self._lines.styles.height = self._lines.rows(self.scrollable_content_region.width or 80)

    @property
    def folds(self) -> bool:
        """Whether folding leaves something out here."""
        beside = self.has_class("-beside")
        return self._last is not None and not beside and folds(self._last[0])

    def toggle_fold(self) -> None:
        """Show all of a long answer and of long params, or their beginning."""
        self._folded = not self._folded
        if self._last is not None:
            self._show(*self._last)

    @property
    def plain(self) -> str:
        return f"{self._lines.plain}\n{self._deadline.plain}\n{self._rest.plain}"
