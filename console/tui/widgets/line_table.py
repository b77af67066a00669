"""A table on the Line API: nothing is built for a row until it is drawn, whatever the number of rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.tui.presenters.rows import Cell
from console.tui.presenters.symbols import sign

STYLES = ("header", "cursor", "mark", "good", "warn", "bad", "accent", "dim", "stale")
_GUTTER = 3


@dataclass(frozen=True, slots=True)
class Column:
    """A column. The highest `rank` goes first when it is narrow; flexible ones take the rest."""

    title: str
    width: int
    rank: int = 0
    right: bool = False
    flexible: bool = False


class LineTable(ScrollView, can_focus=True):
    """Shows `count` rows; `cells` gives a row's cells, or None while they are not loaded."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"table--{name}" for name in STYLES}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "down", show=False),
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "page down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "page up", show=False),
        Binding("home,g", "edge(-1)", "first", show=False),
        Binding("end,G", "edge(1)", "last", show=False),
        Binding("enter", "select", "open", show=False),
    ]

    class Moved(Message):
        """The cursor stands on another row, or the window shows other rows."""

    class Selected(Message):
        """Enter or a click on the row under the cursor."""

    def __init__(
        self,
        columns: Sequence[Column],
        cells: Callable[[int], tuple[Cell, ...] | None],
        *,
        is_marked: Callable[[int], bool] = lambda _: False,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._cells = cells
        self._is_marked = is_marked
        self._count = 0
        self._layout: list[tuple[int, Column, int]] = []
        self._drawn: dict[int, object] = {}
        self.cursor = 0
        self.dimmed = False

    @property
    def count(self) -> int:
        return self._count

    def show(self, count: int, cursor: int | None = None) -> None:
        """There are `count` rows now; redraw all of the window."""
        self._count = count
        self.cursor = max(0, min(self.cursor if cursor is None else cursor, count - 1))
        self.virtual_size = Size(self.size.width, count + 1)
        self._reveal()
        self._drawn.clear()
        self.refresh()

    def retitle(self, columns: Sequence[Column]) -> None:
        """Change the titles, for example to show the order."""
        self._columns = tuple(columns)
        self._lay_out()
        self.refresh()

    def window(self) -> range:
        """The rows that are visible now."""
        top = int(self.scroll_offset.y)
        return range(top, min(self._count, top + max(1, self.size.height - 1)))

    def refresh_changed(self) -> None:
        """Repaint only those visible rows that look different from what was drawn."""
        for index in self.window():
            if self._drawn.get(index) != self._look(index):
                self._repaint(index)

    def _look(self, index: int) -> object:
        return self._cells(index), self._is_marked(index), index == self.cursor, self.dimmed

    def _repaint(self, index: int) -> None:
        line = index - int(self.scroll_offset.y) + 1
        if 0 < line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    def on_resize(self, _: events.Resize) -> None:
        self._lay_out()
        self.virtual_size = Size(self.size.width, self._count + 1)
        self._drawn.clear()
        self._reveal()
        self.post_message(self.Moved())

    def _lay_out(self) -> None:
        """Choose the columns that fit; the flexible one gets what is left, up to twice its width."""
        chosen = list(enumerate(self._columns))
        width = self.size.width - _GUTTER
        while len(chosen) > 2 and sum(c.width + 1 for _, c in chosen) > width:
            chosen.remove(max(chosen, key=lambda item: (item[1].rank, item[0])))
        spare = max(0, width - sum(c.width + 1 for _, c in chosen))
        growing = [c for _, c in chosen if c.flexible]
        self._layout = [
            (i, c, c.width + (min(spare // len(growing), c.width * 2) if c.flexible else 0))
            for i, c in chosen
        ]

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y == 0:
            return self._header(width)
        index = int(self.scroll_offset.y) + y - 1
        if index >= self._count:
            return Strip.blank(width, self.rich_style)
        self._drawn[index] = self._look(index)
        return self._row(index, width)

    def _header(self, width: int) -> Strip:
        style = self.get_component_rich_style("table--header")
        text = " " * _GUTTER + "".join(_fit(c.title, w, right=c.right) + " " for _, c, w in self._layout)
        return Strip([Segment(set_cell_size(text, width), style)], width)

    def _row(self, index: int, width: int) -> Strip:
        on_cursor = index == self.cursor
        base = self.rich_style
        if on_cursor:
            base += self.get_component_rich_style("table--cursor")
        marked = self._is_marked(index)
        gutter = sign("▌", ">") if on_cursor else " "
        segments = [
            Segment(gutter, base + self._style("accent")),
            Segment(f"{sign('✓', '+') if marked else ' '} ", base + self._style("mark")),
        ]
        cells = self._cells(index)
        for number, column, cell_width in self._layout:
            text, name = cells[number] if cells else ("", "")
            style = base + self._style("stale") if self.dimmed else base + self._style(name)
            segments.append(Segment(_fit(text, cell_width, right=column.right) + " ", style))
        return Strip(segments).adjust_cell_length(width, base).crop(0, width)

    def _style(self, name: str) -> Style:
        if name not in STYLES:
            return Style.null()
        style = self.get_component_styles(f"table--{name}")
        return Style(color=style.color.rich_color, bold=style.text_style.bold, dim=style.text_style.dim)

    def _reveal(self) -> None:
        top, visible = int(self.scroll_offset.y), max(1, self.size.height - 1)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True)
        elif self.cursor >= top + visible:
            self.scroll_to(y=self.cursor - visible + 1, animate=False, force=True)

    def move_to(self, index: int) -> None:
        """Put the cursor on a row and tell."""
        before, self.cursor = self.cursor, max(0, min(index, self._count - 1))
        self._reveal()
        for row in (before, self.cursor):
            self._repaint(row)
        self.post_message(self.Moved())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Moved())

    def action_move(self, step: int) -> None:
        self.move_to(self.cursor + step)

    def action_page(self, step: int) -> None:
        self.move_to(self.cursor + step * max(1, self.size.height - 2))

    def action_edge(self, side: int) -> None:
        self.move_to(0 if side < 0 else self._count - 1)

    def action_select(self) -> None:
        if self._count:
            self.post_message(self.Selected())

    def on_click(self, event: events.Click) -> None:
        index = int(self.scroll_offset.y) + event.y - 1
        if event.y == 0 or index >= self._count:
            return
        again = index == self.cursor
        self.move_to(index)
        if again or event.chain > 1:
            self.post_message(self.Selected())


def _fit(text: str, width: int, *, right: bool) -> str:
    """Cut with an ellipsis, or pad, to exactly `width` cells."""
    length = cell_len(text)
    if length > width:
        text = set_cell_size(text, max(0, width - 1)) + sign("…", "~")
        return set_cell_size(text, width)
    return " " * (width - length) + text if right else text + " " * (width - length)
