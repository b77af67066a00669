"""The styles of a table, each looked up once, and rows drawn in as few runs as they have tones."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from console.tables.columns import Cell, Column
from console.tui.presenters.cells import laid_out
from console.tui.presenters.heads import GAP, Fitted


class RowStyles:
    """The styles that a widget has in the current theme."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._found: dict[str, Style] = {}

    def clear(self) -> None:
        """Look them up again: the theme has changed."""
        self._found.clear()

    def named(self, name: str) -> Style:
        """Return the style of a component class; the widget's own for an empty name."""
        if name not in self._found:
            widget = self._widget
            self._found[name] = widget.get_component_rich_style(name) if name else widget.rich_style
        return self._found[name]

    def row(
        self, gutter: Cell, row: Sequence[Cell | None], fitted: Fitted, under: Style, width: int, *,
        faded: bool,
    ) -> Strip:  # fmt: skip
        """Draw a row; equal neighbours are one run, since each run costs some bytes on the wire.

        A cell stands in the place of those after it that are None, too.
        """
        segments = [Segment(gutter.text, self._toned(under, gutter.tone))]
        for column, size, cell in _spanned(fitted, row):
            segments += [
                Segment(part.text, self._toned(under, "" if faded else part.tone))
                for part in laid_out(cell, column, size)
            ]
            segments.append(Segment("  ", under))
        used = sum(segment.cell_length for segment in segments)
        segments.append(Segment(" " * max(0, width - used), under))
        return Strip(segments, max(used, width)).crop(0, width).simplify()

    def _toned(self, under: Style, tone: str) -> Style:
        if not tone or under.reverse:
            return under
        style = self.named(f"tone-{tone}")
        return under + Style(color=style.color, bold=style.bold or None)


def _spanned(fitted: Fitted, row: Sequence[Cell | None]) -> list[tuple[Column, int, Cell]]:
    found: list[tuple[Column, int, Cell]] = []
    for (column, size), cell in zip(fitted, row, strict=False):
        if cell is None and found:
            first, before, text = found[-1]
            found[-1] = (first, before + GAP + size, text)
        else:
            found.append((column, size, cell or Cell("")))
    return found
