"""A filtered list: a filter bar above a table that reads the next page as its end comes near."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Protocol

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from console.domain.filters.language import Filter
from console.errors import ConsoleError
from console.tui.state.background import start
from console.tui.state.messages import ShowNotice
from console.tui.widgets.filter_bar import FilterBar
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines

_NEAR_END = 60


class Rows(Protocol):
    """The rows that are listed; another filter replaces them."""

    @property
    def has_next(self) -> bool: ...


class Pages(Protocol):
    """The source of the next page of a list of any length."""

    @property
    def rows(self) -> Rows: ...
    async def read_next(self) -> None: ...


class FilteredList(Vertical):
    """Title, filter bar and table. `above` is placed under the title, `beside` to the right of the table.

    `on_filter` is called when the filter's meaning changes; `read_words` reads the values that complete it.
    """

    def __init__(
        self,
        bar: FilterBar,
        table: LineTable,
        on_filter: Callable[[], object],
        *,
        pages: Pages | None = None,
        read_words: Callable[[], Awaitable[None]] | None = None,
        above: Iterable[Widget] = (),
        beside: Widget | None = None,
    ) -> None:
        super().__init__()
        self.title = Lines(id="title")
        self.table = table
        self._bar = bar
        self._on_filter = on_filter
        self._pages = pages
        self._paging = False
        self._read_words = read_words
        self._above = tuple(above)
        self._beside = beside

    def compose(self) -> ComposeResult:
        yield self.title
        yield from self._above
        yield self._bar
        yield Horizontal(self.table, self._beside, id="split") if self._beside else self.table

    def begin(self, empty: str) -> None:
        """Show this sentence until the first rows are read, and take the focus."""
        self.table.set_empty(empty)
        self.table.focus()

    # The filter

    @property
    def text(self) -> str:
        """The filter as it was typed."""
        return self._bar.text

    @property
    def parsed(self) -> Filter:
        """The parsed filter."""
        return self._bar.parsed

    @property
    def can_clear(self) -> bool:
        """Whether the operator has changed the filter that the screen was opened with."""
        return self._bar.can_clear

    @property
    def within_first(self) -> bool:
        """Whether everything listed is also found by the first filter."""
        return self._bar.within_first

    @property
    def filter_fault(self) -> str | None:
        """Why the filter lists more than its text describes; None if it does not."""
        faults = self.parsed.faults
        return f"a part of the filter is not applied: {faults[0].sentence.rstrip('.')}" if faults else None

    def open_filter(self) -> None:
        """Let the operator type a filter; meanwhile read the values that may complete it."""
        if self._read_words is not None:
            start(self, self._read_completions, "words", exclusive=True)
        self._bar.open()

    async def _read_completions(self) -> None:
        if self._read_words is not None:
            await self._read_words()
            self._bar.show_hint()

    def put_filter(self, text: str) -> None:
        """Filter by this text, as if it had been typed."""
        self._bar.put(text)

    def clear_filter(self) -> bool:
        """Clear the filter; return False when there is none to clear."""
        if not self.can_clear:
            return False
        self._bar.clear()
        return True

    @on(FilterBar.Changed)
    def _filter_changed(self) -> None:
        self._bar.count("not applied yet")
        self._on_filter()

    @on(FilterBar.Left)
    def _filter_left(self) -> None:
        self.table.focus()

    # What is listed

    def count(self, text: str) -> None:
        """Show the number of rows that the filter finds beside it."""
        self._bar.count(text)

    def repaint(self, *, faded: bool) -> None:
        """Draw what has changed, faded while it may be out of date."""
        self.table.set_faded(faded=faded)
        self.table.repaint_changes()

    @on(LineTable.WindowMoved)
    def page_if_near_end(self) -> None:
        """Read the next page, if there is one, when few rows are left below the window."""
        pages = self._pages
        if pages is None or self._paging or not pages.rows.has_next:
            return
        if self.table.rows_below() < _NEAR_END:
            self._paging = True
            start(self, partial(self._read_next, pages), "page")

    async def _read_next(self, pages: Pages) -> None:
        rows = pages.rows
        try:
            await pages.read_next()
        except ConsoleError as error:
            self.post_message(ShowNotice(str(error), "bad"))
        finally:
            self._paging = False
            if rows is not pages.rows:  # the new rows could not request a page while this one was being read
                self.page_if_near_end()
