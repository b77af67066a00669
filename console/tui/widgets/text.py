"""Lines of toned cells as Textual content, without markup from anybody."""

from collections.abc import Iterable

from textual.content import Content
from textual.widgets import Static

from console.tui.presenters.cells import Line
from console.tui.theme import STYLES


def to_content(line: Line) -> Content:
    """One line; a cell's text is taken literally."""
    return Content.assemble(*[(cell.text, STYLES[cell.tone]) for cell in line])


class Lines(Static):
    """Text that repaints only when it has changed."""

    DEFAULT_CSS = "Lines { height: auto; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(markup=False, id=id, classes=classes)
        self._shown: tuple[Line, ...] | None = None

    def show(self, lines: Iterable[Line]) -> None:
        wanted = tuple(lines)
        if wanted != self._shown:
            self._shown = wanted
            self.update(Content("\n").join([to_content(line) for line in wanted]))

    @property
    def plain(self) -> str:
        """What it says now."""
        return "\n".join("".join(cell.text for cell in line) for line in self._shown or ())
