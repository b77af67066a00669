"""The line above the devices: how many there are, how many are marked, and what no heading says."""

from console.tui.lists.device_list import DeviceList
from console.tui.lists.group_rows import GroupRows
from console.tui.lists.new_problems import NewProblems
from console.tui.presenters.device_groups import by_words, looked_words
from console.tui.presenters.devices import counts_line, empty_words, hidden_words, seen_words, sorted_words
from console.tui.screens.device_marks import DeviceMarks
from console.tui.screens.device_sort import DeviceSort
from console.tui.screens.device_views import DeviceViews
from console.tui.widgets.filtered_list import FilteredList


class DeviceTitle:
    """Shows that line, and the count beside the filter."""

    def __init__(
        self, filtered: FilteredList, found: DeviceList, listed: GroupRows, marks: DeviceMarks,
        sorting: DeviceSort, views: DeviceViews, news: NewProblems,
    ) -> None:  # fmt: skip
        self._filtered = filtered
        self._list = found
        self._listed = listed
        self._marks = marks
        self._sorting = sorting
        self._views = views
        self._news = news

    @property
    def empty(self) -> str:
        """The sentence that stands in place of the rows while there are none."""
        found, filtered = self._list, self._filtered
        return empty_words(found.search, found.counts, filtered.parsed, filtered=bool(filtered.text))

    def show(self, width: int) -> None:
        """Show what is known now."""
        counts, search, shown = self._list.counts, self._list.search, len(self._listed.ids)
        marks, parsed = self._marks, self._filtered.parsed
        hidden = hidden_words(counts, parsed)
        by = self._listed.by
        notes = (hidden, looked_words(self._listed.found), seen_words(counts, parsed, self._sorting.order))
        line = counts_line(
            counts, len(marks.keys), marks.range_start, width, marks.unseen, self._news.words, self._order,
            notes, self._sorting.asks, by_words(by) if by is not None else "",
            self._views.label,
        )  # fmt: skip
        self._filtered.title.show([line])
        if self._list.unfiltered:
            self._filtered.count("not applied yet")
        elif search:
            self._filtered.count(f"{shown:,} among {search.looked:,} of {search.total:,}…")
        else:
            every = counts.total + (0 if hidden else counts.decommissioned) if counts else shown
            self._filtered.count(f"{shown:,} of {every:,}")

    @property
    def _order(self) -> str:
        """What no heading says: an order whose column is not shown, and how many are sorted."""
        table, sorting, shown = self._filtered.table, self._sorting, self._list.sort
        if not table.keys:
            return ""
        number = len(self._listed.ids)
        return sorted_words(sorting.title(shown.by), shown, number, headed=table.shows(shown.by))
