"""Lines of toned cells as Textual content; markup in a text has no effect."""

from collections.abc import Iterable

from textual.content import Content
from textual.widgets import Static

from console.tui.look.theme import STYLES
from console.tui.presenters.cells import Line, inked, line_width


def to_content(line: Line) -> Content:
    """Turn a line into content; a cell's text is taken literally."""
    return Content.assemble(*[(part.text, STYLES[part.tone]) for cell in line for part in inked(cell)])


class Lines(Static):
    """Text that repaints only when it has changed."""

    DEFAULT_CSS = "Lines { height: auto; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(markup=False, id=id, classes=classes)
        self._shown: tuple[Line, ...] | None = None

    def show(self, lines: Iterable[Line]) -> None:
        wanted = tuple(lines)
        if wanted != self._shown:
            before, self._shown = self._shown, wanted
            content = Content("\n").join([to_content(line) for line in wanted])
            self.update(content, layout=self._height_may_change(before, wanted))

    def _height_may_change(self, before: tuple[Line, ...] | None, wanted: tuple[Line, ...]) -> bool:
        """Return whether a new layout is needed, which repaints much more than this widget."""
        if before is None or len(before) != len(wanted) or self.size.width == 0:
            return True
        width = self.size.width
        pairs = zip(before, wanted, strict=True)
        return any(old != new and max(line_width(old), line_width(new)) > width for old, new in pairs)

    def rows(self, width: int) -> int:
        """Return how many rows the text takes at this width."""
        return sum(max(1, -(-line_width(line) // width)) for line in self._shown or ())

    @property
    def plain(self) -> str:
        """The text that is shown now."""
        return "\n".join("".join(cell.text for cell in line) for line in self._shown or ())
