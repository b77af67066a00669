"""Lists, newest first: filtered, and read page by page as the operator scrolls."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from textual.widget import Widget

from console.domain.filters.language import Filter, Scope
from console.domain.filters.values import KnownValues
from console.domain.text.counts import counted
from console.tables.columns import Cell, Column
from console.tui.lists.paged_rows import PagedRows
from console.tui.screens.base import ConsoleScreen
from console.tui.state.console_state import ConsoleState
from console.tui.widgets.filter_bar import FilterBar
from console.tui.widgets.filtered_list import FilteredList
from console.tui.widgets.table import LineTable

PAGE = 200
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ListSpec(Generic[T]):
    """What is listed: the texts, the source of a page, how a row is named, ordered and shown.

    `page` takes the filter and the row after which the page begins; `values` complete a filter, `text` is
    the first one.
    """

    scope: Scope
    title: str
    one: str
    many: str
    empty: str
    columns: tuple[Column, ...]
    page: Callable[[Filter, T | None], Awaitable[tuple[T, ...]]]
    key: Callable[[T], str]
    sort_key: Callable[[T], Any]
    cells: Callable[[T, datetime], dict[str, Cell]]
    values: Callable[[], Mapping[str, tuple[str, ...]]] = dict
    text: str = ""


class PagedList(Generic[T]):
    """The rows of one such list and the widget `filtered` that shows them.

    `request_read` is called when the meaning of the filter changes.
    """

    def __init__(self, state: ConsoleState, spec: ListSpec[T], request_read: Callable[[], object]) -> None:
        self._state = state
        self._spec = spec
        self._request_read = request_read
        self.rows = self._no_rows()
        self.filtered = FilteredList(
            FilterBar(
                spec.scope, lambda: KnownValues(spec.values()), spec.text, state.earlier_filters[spec.scope]
            ),
            LineTable(spec.columns, self._cells, id="table"),
            self._filter_changed,
            pages=self,
        )

    def _no_rows(self) -> PagedRows[T]:
        return PagedRows(self._spec.key, self._spec.sort_key, PAGE)

    @property
    def chosen(self) -> T | None:
        """The row under the cursor."""
        return self.rows.rows.get(self.filtered.table.cursor_key or "")

    @property
    def no_row(self) -> str | None:
        """Why nothing can be done with the row under the cursor: there is no row. None if there is one."""
        return f"there is no {self._spec.one} here" if self.chosen is None else None

    def begin(self) -> None:
        """Take the focus, and show what is being read."""
        self.filtered.begin(f"Reading the {self._spec.many}…")

    async def read(self) -> datetime | None:
        """Read the newest page. Return the instant until which all is listed; None while it is filtered.

        Raises:
            ConsoleError: the database did not answer.
        """
        newest = await self._state.program.history.commands(self._state.tenant, limit=1)
        self._state.clock.observe(newest.read_at)
        rows, wanted = self.rows, self.filtered.parsed
        rows.put_head(await self._spec.page(wanted, None))
        self._show(rows)
        return None if wanted.text or rows is not self.rows else newest.read_at

    async def read_next(self) -> None:
        """Read the page after the last row.

        Raises:
            ConsoleError: the database did not answer.
        """
        rows = self.rows
        rows.put_next(await self._spec.page(self.filtered.parsed, rows.last))
        self._show(rows)

    def _show(self, rows: PagedRows[T]) -> None:
        if rows is not self.rows:
            return  # the filter has changed while they were read
        spec, found, filtered = self._spec, rows.rows, self.filtered
        no_match = f"No {spec.one} matches the filter. Press esc to clear it."
        filtered.table.set_empty(no_match if filtered.text else spec.empty)
        filtered.table.set_keys(list(found))
        more = "the newest " if rows.more else ""
        count = f"   {more}{counted(len(found), spec.one, spec.many)}"
        filtered.title.show([(Cell(f" {spec.title}", "strong"), Cell(count))])
        filtered.count(f"{len(found):,}{'+' if rows.more else ''} match")
        filtered.page_if_near_end()

    def _filter_changed(self) -> None:
        self.rows = self._no_rows()
        self._request_read()

    def _cells(self, key: str) -> dict[str, Cell] | None:
        row = self.rows.rows.get(key)
        return None if row is None else self._spec.cells(row, self._state.clock.now())

    def repaint(self) -> None:
        """Draw what changes with time alone."""
        self.filtered.repaint(faded=not self._state.linked)


class PagedScreen(ConsoleScreen, Generic[T]):
    """A full screen with one such list. Subclasses open and copy what is `listed`."""

    def __init__(self, state: ConsoleState, spec: ListSpec[T]) -> None:
        super().__init__(state)
        self.listed = PagedList(state, spec, self.request_read)

    def body(self) -> Iterable[Widget]:
        return (self.listed.filtered,)

    def on_mount(self) -> None:
        self.listed.begin()

    async def read(self) -> None:
        await self.listed.read()

    def repaint(self) -> None:
        self.listed.repaint()

    def no_row(self) -> str | None:
        """Return why nothing can be done with the row under the cursor; None if it can."""
        return self.listed.no_row

    def open_filter(self) -> None:
        """Let the operator type a filter."""
        self.listed.filtered.open_filter()

    def go_back(self) -> None:
        """Clear the filter, or leave when there is none."""
        if not self.listed.filtered.clear_filter():
            self.leave()
