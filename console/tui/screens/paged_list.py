"""Lists of what happened, newest first: filtered, and read page by page as far as one scrolls."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from textual import on
from textual.widget import Widget

from console.domain.filters.language import Filter, Scope
from console.domain.filters.values import KnownValues
from console.domain.text.counts import counted
from console.errors import ConsoleError
from console.tui.lists.paged_rows import PagedRows
from console.tui.presenters.cells import Cell, Column
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.clipboard import copy_text
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.widgets.filter_bar import FilterBar
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines

PAGE = 200
_NEAR_END = 60
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ListSpec(Generic[T]):
    """What is listed: the words, where a page comes from, how a row is named, ordered and shown.

    `page` takes the filter and the row behind which the page begins; `values` complete a filter.
    """

    scope: Scope
    title: str
    one: str
    many: str
    empty: str
    columns: tuple[Column, ...]
    page: Callable[[Filter, T | None], Awaitable[tuple[T, ...]]]
    key: Callable[[T], str]
    place: Callable[[T], Any]
    cells: Callable[[T, datetime], dict[str, Cell]]
    values: Callable[[], Mapping[str, tuple[str, ...]]] = dict


class NewestScreen(ConsoleScreen, Generic[T]):
    """One such list. Subclasses open a row and say which id it has."""

    def __init__(self, state: ConsoleState, listing: ListSpec[T]) -> None:
        super().__init__(state)
        self._listing = listing
        self._rows = self._no_rows()
        self._paging = False
        self._title = Lines(id="title")
        self._filter = FilterBar(listing.scope, lambda: KnownValues(listing.values()))
        self._table = LineTable(listing.columns, self._cells, id="table")

    def _no_rows(self) -> PagedRows[T]:
        return PagedRows(self._listing.key, self._listing.place, PAGE)

    def body(self) -> Iterable[Widget]:
        return (self._title, self._filter, self._table)

    def on_mount(self) -> None:
        self._table.set_empty(f"Reading the {self._listing.many}…")
        self._table.focus()

    @property
    def chosen(self) -> T | None:
        """The row under the cursor."""
        return self._rows.rows.get(self._table.cursor_key or "")

    def id_of(self, row: T) -> str:
        """The id to copy; empty when there is none."""
        return self._listing.key(row)

    # Reading

    async def read(self) -> None:
        newest = await self.state.program.history.commands(self.state.tenant, limit=1)
        self.state.clock.observe(newest.read_at)
        rows, wanted = self._rows, self._filter.parsed
        rows.put_head(await self._listing.page(wanted, None))
        if not wanted.text and rows is self._rows:
            self.seen(newest.read_at)
        self._show_rows(rows)

    def seen(self, at: datetime) -> None:
        """All that is new until this instant is on screen."""

    async def _read_next(self) -> None:
        """The page behind the last row."""
        rows = self._rows
        try:
            rows.put_next(await self._listing.page(self._filter.parsed, rows.last))
            self._show_rows(rows)
        except ConsoleError as error:
            self.say(str(error), "bad")
        finally:
            self._paging = False
            if rows is not self._rows:  # the new rows could not ask for more while this one was under way
                self._window_moved()

    @on(LineTable.WindowMoved)
    def _window_moved(self) -> None:
        if self._rows.more and not self._paging and self._table.rows_below() < _NEAR_END:
            self._paging = True
            start(self, self._read_next, "page")

    def _show_rows(self, rows: PagedRows[T]) -> None:
        if rows is not self._rows:
            return  # the filter has changed while they were read
        listing, found = self._listing, rows.rows
        self._table.set_empty(
            f"No {listing.one} matches the filter. Press esc to clear it."
            if self._filter.text
            else listing.empty
        )
        self._table.set_keys(list(found))
        more = "the newest " if rows.more else ""
        count = f"   {more}{counted(len(found), listing.one, listing.many)}"
        self._title.show([(Cell(f" {listing.title}", "strong"), Cell(count))])
        self._filter.count(f"{len(found):,}{'+' if rows.more else ''} match")
        self._window_moved()

    def _cells(self, key: str) -> dict[str, Cell] | None:
        row = self._rows.rows.get(key)
        return None if row is None else self._listing.cells(row, self.state.clock.now())

    def repaint(self) -> None:
        self._table.set_faded(faded=not self.state.linked)
        self._table.repaint_changes()

    # Actions

    def reason(self, action_id: str) -> str | None:
        row = self.chosen
        if action_id in {"open", "copy_id"} and row is None:
            return f"there is no {self._listing.one} here"
        if action_id == "copy_id" and row is not None and not self.id_of(row):
            return f"this {self._listing.one} is about no command: there is no id"
        return None

    def open_row(self, row: T) -> None:
        """Show all of a row."""
        raise NotImplementedError

    @on(LineTable.Opened)
    def action_open(self) -> None:
        row = self.chosen
        if not self.refuse("open") and row is not None:
            self.open_row(row)

    def action_copy_id(self) -> None:
        row = self.chosen
        if not self.refuse("copy_id") and row is not None:
            copy_text(self, "the id", self.id_of(row))

    def action_filter(self) -> None:
        self._filter.open()

    @on(FilterBar.Changed)
    def _filter_changed(self) -> None:
        self._rows = self._no_rows()
        self._filter.count("not applied yet")
        self.request_read()

    @on(FilterBar.Left)
    def _filter_left(self) -> None:
        self._table.focus()

    def action_back(self) -> None:
        if self._filter.can_clear:
            self._filter.clear()
        else:
            self.dismiss(None)
