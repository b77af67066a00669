"""A table of any length: a row is built when it is drawn, and only what changed is redrawn."""

import textwrap
from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.tables.columns import Cell, Column
from console.tui.presenters.cells import TONES, fit_text
from console.tui.presenters.heads import Heads
from console.tui.widgets.marks import Marks
from console.tui.widgets.row_styles import RowStyles
from console.tui.widgets.table_layout import Cells, Row, TableLayout


class LineTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows are keys; `cells` turns a key into what is shown. The cursor stays on its key."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "head", "cursor", "cursor-blurred", "faded", *(f"tone-{t}" for t in TONES),
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("pagedown,ctrl+f", "page(1)", show=False),
        Binding("pageup,ctrl+b", "page(-1)", show=False),
        Binding("end,G", "edge(1)", show=False),
        Binding("home,g", "edge(-1)", show=False),
    ]

    class CursorMoved(Message):
        """The cursor is on another key."""

    class WindowMoved(Message):
        """Other rows came into view."""

    class HeadClicked(Message):
        """The heading of a column was clicked."""

        def __init__(self, column: str) -> None:
            super().__init__()
            self.column = column

    class Opened(Message):
        """The row under the cursor was clicked."""

    def __init__(self, columns: Sequence[Column], cells: Callable[[str], Cells | None], *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._layout = TableLayout(columns, cells)
        self._keys: list[str] = []
        self._places: dict[str, int] = {}
        self._cursor = 0
        self._painted: dict[int, Row] = {}
        self._styles = RowStyles(self)
        self.marks = Marks()
        self._empty = ""
        self.heads = Heads()
        self.faded = False

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Show other columns."""
        if tuple(columns) != self._layout.columns:
            self._layout.columns = tuple(columns)
            self._painted.clear()
            self._measure()
            self.refresh()

    # What it holds

    @property
    def keys(self) -> Sequence[str]:
        return self._keys

    @property
    def cursor_key(self) -> str | None:
        return self._keys[self._cursor] if self._keys else None

    @property
    def cursor_row(self) -> int | None:
        """The row of the screen on which the cursor stands."""
        return self.region.y + 1 + self._cursor - self._top if self._keys else None

    def holds(self, key: str) -> bool:
        """Return whether there is such a row."""
        return key in self._places

    def set_keys(self, keys: list[str]) -> None:
        """Show these rows. The cursor stays on its key, and that row keeps its place on the screen."""
        if keys == self._keys:
            return
        before, key = self._cursor, self.cursor_key
        self._keys = keys
        self._places = {key: place for place, key in enumerate(keys)}
        self._cursor = self._places.get(key or "", max(0, min(before, len(keys) - 1)))
        self.virtual_size = Size(self.size.width, len(keys) + 1)
        top = self._top
        if top:
            self.scroll_to(y=max(0, top + self._cursor - before), animate=False, force=True)
        self._keep_in_view()
        self._measure()
        self.refresh()
        if self.cursor_key != key:
            self.post_message(self.CursorMoved())

    def window(self, *, extra_pages: int = 0) -> list[str]:
        """Return the keys in view and those of some pages around them."""
        rows = max(1, self.size.height - 1)
        first = max(0, self._top - extra_pages * rows)
        return self._keys[first : self._top + rows * (1 + extra_pages)]

    def rows_below(self) -> int:
        """Count the rows below the window."""
        return len(self._keys) - self._top - max(1, self.size.height - 1)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns, also those for which there is no room."""
        return self._layout.columns

    def set_heads(self, heads: Heads) -> None:
        """Show by which column the rows are sorted, and which one is chosen; only the headings are drawn."""
        if heads != self.heads:
            self.heads = heads
            self.refresh(Region(0, 0, self.size.width, 1))

    def shows(self, column: str) -> bool:
        """Return whether there is room for this column."""
        return self._layout.shows(column)

    def between(self, one: str, other: str) -> list[str]:
        """Return the keys from one row to another."""
        ends = sorted((self._places.get(one, self._cursor), self._places.get(other, self._cursor)))
        return self._keys[ends[0] : ends[1] + 1]

    def move_to(self, key: str) -> None:
        if key in self._places:
            self._move(self._places[key])

    def set_empty(self, text: str) -> None:
        """Show this text while there are no rows."""
        if text != self._empty:
            self._empty = text
            if not self._keys:
                self.refresh()

    def set_faded(self, *, faded: bool) -> None:
        if faded != self.faded:
            self.faded = faded
            self.refresh()

    def repaint_changes(self) -> None:
        """Compare the rows in view with their current cells; draw only the cells that differ."""
        top = self._top
        if self._measure():
            return
        for y in range(1, self.size.height):
            index = top + y - 1
            if index >= len(self._keys):
                break
            old, new = self._painted.get(y), self._row(index)
            if old == new:
                continue
            for x, width in self._layout.changes(old, new):
                self.refresh(Region(x, y, width, 1))

    # Moving

    def action_move(self, by: int) -> None:
        self._move(self._cursor + by)

    def action_page(self, by: int) -> None:
        self._move(self._cursor + by * max(1, self.size.height - 2))

    def action_edge(self, side: int) -> None:
        self._move(0 if side < 0 else len(self._keys) - 1)

    def _move(self, place: int) -> None:
        place = max(0, min(place, len(self._keys) - 1))
        if place == self._cursor or not self._keys:
            return
        old, self._cursor = self._cursor, place
        for row in (old, place):
            self.refresh(Region(0, row - self._top + 1, self.size.width, 1))
        self._keep_in_view()
        self.post_message(self.CursorMoved())

    def _keep_in_view(self) -> None:
        rows = max(1, self.size.height - 1)
        if self._cursor < self._top:
            self.scroll_to(y=self._cursor, animate=False, force=True, immediate=True)
        elif self._cursor >= self._top + rows:
            self.scroll_to(y=self._cursor - rows + 1, animate=False, force=True, immediate=True)

    @property
    def _top(self) -> int:
        return int(self.scroll_offset.y)

    # Events

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._keys) + 1)
        self._keep_in_view()
        self._layout.forget_needs()
        self._measure()
        self.post_message(self.WindowMoved())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._measure()
        self.post_message(self.WindowMoved())

    def heads_at(self) -> list[tuple[str, int]]:
        """Return the columns by which the rows can be sorted, and where their headings begin."""
        return self._layout.starts() if self.heads.sorted_by else []

    def click_head(self, column: str) -> None:
        """Do what a click on this heading does."""
        self.post_message(self.HeadClicked(column))

    def on_click(self, event: events.Click) -> None:
        place = self._top + event.y - 1
        if event.y == 0:
            column = self._layout.column_at(event.x)
            if column is not None:
                self.click_head(column)
        if event.y < 1 or place >= len(self._keys):
            return
        if place == self._cursor:
            self.post_message(self.Opened())
        else:
            self._move(place)

    def notify_style_update(self) -> None:
        self._styles.clear()
        super().notify_style_update()

    # Drawing

    def _measure(self) -> bool:
        """Widen the columns to fit the rows that came into view; return whether they changed."""
        changed = self._layout.measure(self.window(), self.size.width)
        if changed:
            self._painted.clear()
            self.refresh()
        return changed

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if not self._layout.fitted:
            self._measure()
        if y == 0:
            return self._head(width)
        index = self._top + y - 1
        if index < len(self._keys):
            row = self._row(index)
            self._painted[y] = row
            return self._strip(row, index, width)
        self._painted.pop(y, None)
        text = ""
        if not self._keys and y >= 2:
            lines = textwrap.wrap(self._empty, max(10, width - 6))
            text = f"   {lines[y - 2]}" if y - 2 < len(lines) else ""
        return Strip([Segment(fit_text(text, width), self._styles.named("tone-dim"))], width)

    def _head(self, width: int) -> Strip:
        text = self._layout.head(self.heads)
        return Strip([Segment(fit_text(text, width), self._styles.named("head"))], width)

    def _row(self, index: int) -> Row:
        key = self._keys[index]
        return self._layout.row(key, at_cursor=index == self._cursor, marked=key in self.marks)

    def _strip(self, row: Row, index: int, width: int) -> Strip:
        name = "faded" if self.faded else ""
        if index == self._cursor:
            name = "cursor" if self.has_focus else "cursor-blurred"
        under = self._styles.named(name)
        return self._styles.row(
            row[0] or Cell(""), row[1:], self._layout.fitted, under, width, faded=self.faded
        )
