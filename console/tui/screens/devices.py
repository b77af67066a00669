"""All devices of the tenant: the first screen of a small fleet, below the others in any."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.timer import Timer
from textual.widget import Widget

from console.domain.device_groups import devices_of, value_of
from console.domain.filters.keys import LIVE_OF_DEVICE
from console.domain.filters.language import Scope, matches
from console.domain.filters.subjects import device_subject
from console.errors import ConsoleError
from console.tables.columns import Cell
from console.tables.devices import columns_with
from console.tui.keys.actions import ON_SCREEN_ONLY, Action, bindings_for
from console.tui.lists.device_list import DeviceList
from console.tui.lists.device_rows import DeviceRows
from console.tui.lists.group_rows import GroupRows
from console.tui.lists.known_words import KnownWords
from console.tui.lists.new_problems import NewProblems
from console.tui.screens import actions
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.device_acts import ACTING, OPENING, DeviceActs
from console.tui.screens.device_beside import PANE, DeviceBeside
from console.tui.screens.device_columns import CHOOSING, DeviceColumns
from console.tui.screens.device_grouping import GROUPING, DeviceGrouping
from console.tui.screens.device_marks import MARKING, DeviceMarks
from console.tui.screens.device_sort import SORTING, DeviceSort
from console.tui.screens.device_steps import StepsBack
from console.tui.screens.device_title import DeviceTitle
from console.tui.screens.device_views import VIEWING, DeviceViews
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowTenants
from console.tui.widgets.filter_bar import FilterBar
from console.tui.widgets.filtered_list import FilteredList
from console.tui.widgets.table import LineTable


class DevicesScreen(ConsoleScreen):
    """The list contains every device's id; full rows are read for the window and a page around it."""

    KIND = "devices"

    def __init__(self, state: ConsoleState, covered: Callable[[int], bool] = lambda _: False) -> None:
        """`covered` gets the size of the first page and returns whether another screen is now on top."""
        super().__init__(state)
        self._covered = covered
        self._list = DeviceList(state.program.history, state.tenant, self._show_list)
        self._list_timer: Timer | None = None
        self._news = NewProblems(state)
        self._moved = self._listing = self._refit = False
        self._failed: ConsoleError | None = None
        self._rows, self._groups = DeviceRows(), GroupRows(state)
        words = KnownWords(state, self._rows.words)
        self._table = LineTable(columns_with(frozenset()), self._cells, id="table")
        self.pane = DeviceBeside(state, self._rows, self._groups, self._table)
        self._filtered = FilteredList(
            FilterBar(Scope.DEVICES, words, earlier=state.earlier_filters[Scope.DEVICES]), self._table,
            self._ask_for_list, read_words=words.read, beside=self.pane,
        )  # fmt: skip
        self.columns = DeviceColumns(state, self._rows, self._groups, self._table)
        self.sorting = DeviceSort(state, self._table, self._ask_for_list, self._show_order)
        self.grouping = DeviceGrouping(
            state, self._groups, self._table, self.columns.examples, self._grouped, self._arrange
        )
        self.views = DeviceViews(self, self._filtered, self.sorting, self._grouped)
        self.marks = DeviceMarks(
            self, self._filtered, self._groups, self._marked, self._no_row, self._list.not_all
        )
        self.acts = DeviceActs(self, self._filtered, self._groups, self.grouping, self.marks, self._no_row)
        self.steps = StepsBack(self, self._filtered, self.marks)
        self._title = DeviceTitle(
            self._filtered, self._list, self._groups, self.marks, self.sorting, self.views, self._news
        )

    def body(self) -> Iterable[Widget]:
        return (self._filtered,)

    def on_mount(self) -> None:
        self.views.begin()
        self._table.set_heads(self.sorting.first_heads)
        self._ask_for_list()
        self._filtered.begin("Reading the devices…")

    # Reading

    async def read(self) -> None:
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed
        if self._rows or self._table.keys:  # the visible rows first: reading the list may take longer
            await self._read_window()
            self._table.repaint_changes()
            if self._moved:
                self._moved = False
                await self._read_window(around=1)
        if self._list.counts is None and not self._listing:
            await self._read_first()
            if not self.is_active:
                return
        if not self._listing:
            again_in_s = self._list.again_in_s
            if not again_in_s:
                self._listing = True
                start(self, self._read_list, "list")
            elif self._list_timer is None:
                self._list_timer = self.set_timer(max(0.05, again_in_s), self._list_now)
        await self._news.read()
        await self.pane.read()
        self.show_counts()

    def on_screen_resume(self) -> None:
        self._news.look_again()
        self._refit = True

    async def _read_first(self) -> None:
        """Read the first rows, which are shown while the list is still being read."""
        history, tenant = self.state.program.history, self.state.tenant
        await self._read_clock()
        self._table.set_empty(self._title.empty)
        head = await history.device_head(tenant, order=self.sorting.order)
        if self._covered(len(head)):
            return  # the rest is read when this screen is shown
        self._rows.put(await history.devices(tenant, head), self.state.clock.now())
        self.columns.apply()
        if not self._filtered.text and self._groups.by is None:
            self._groups.take(head)
            self._arrange()

    async def _read_list(self) -> None:
        """Read the whole list, concurrently with the rows in view."""
        try:
            await self._read_clock()
            await self._list.read()
            await self._read_groups()
        except ConsoleError as error:
            self._failed = error
        finally:
            self._listing = False
        self.request_read()

    async def _read_groups(self) -> None:
        """Read the groups if that is due; once more if others are asked for meanwhile."""
        for _ in range(2):
            if self._groups.is_due and not self._list.behind:
                await self._groups.read(every=not self._filtered.text)
                self.columns.apply()
                self._arrange()

    async def _read_clock(self) -> None:
        newest = await self.state.program.history.commands(self.state.tenant, limit=1)
        self.state.clock.observe(newest.read_at)

    def _list_now(self) -> None:
        self._list_timer = None
        self.request_read()

    def _show_list(self, ids: list[str]) -> None:
        self._groups.take(ids)
        self._arrange()
        self._show_order()
        if not self._filtered.text:
            self._table.marks.remove(self.marks.keys.difference(ids))
        self.show_counts()
        if any(key not in self._rows for key in devices_of(self._table.window())):
            self.request_read()

    def _arrange(self) -> None:
        """Show the rows as they are grouped and folded now; while that is not known, nothing changes."""
        waits = self._groups.waits
        self._table.set_empty("Reading the groups…" if waits else self._title.empty)
        if not waits:
            self._table.set_keys(self._groups.rows(self._list.sort, self._table.cursor_key))
            self._table.repaint_changes()

    async def _read_window(self, around: int = 0) -> None:
        """Read the rows in view, or those within so many pages around it that are not known yet."""
        wanted = devices_of(self._table.window(extra_pages=around))
        if around:
            wanted = [key for key in wanted if key not in self._rows]
        self._rows.prune(self._table.window(extra_pages=2))
        if not wanted:
            return
        found = await self.state.program.history.devices(self.state.tenant, wanted)
        shown, now = self._filtered.parsed, self.state.clock.now()
        self._rows.put(found, now)
        if self._refit and not self._list.behind:
            self._refit = False
            self._rows.fit(self._table.window(extra_pages=1), now)
        self.columns.apply()
        gone = {
            key for key, device in found.items()
            if shown and not matches(shown, device_subject(device), now, only=LIVE_OF_DEVICE)
        }  # fmt: skip
        if gone:
            self._list.forget()
            self._groups.take([key for key in self._groups.ids if key not in gone])
            self._arrange()

    # Showing

    def _cells(self, key: str) -> dict[str, Cell]:
        value = value_of(key)
        if value is None:
            return self._rows.cells(key, self.state.clock.now())
        return self._groups.cells(value, self._table.marks.keys)

    def show_counts(self) -> None:
        """Show how many devices there are, and how many are marked."""
        self._title.show(self.app.size.width)

    def _show_order(self) -> None:
        self._table.set_heads(self.sorting.heads(self._list.sort))
        self.show_counts()
        self.refresh_chrome()

    def on_resize(self) -> None:
        self.pane.fill()

    @on(LineTable.CursorMoved)
    def _cursor_moved(self) -> None:
        self.pane.follow_cursor()

    def repaint(self) -> None:
        self.show_counts()
        self.pane.paint()
        self._filtered.repaint(faded=not self.state.linked)

    def _marked(self) -> None:
        self.show_counts()
        self.refresh_chrome()
        self._table.repaint_changes()

    @on(LineTable.HeadClicked)
    def _head_clicked(self, message: LineTable.HeadClicked) -> None:
        self.sorting.click(message.column)

    @on(LineTable.WindowMoved)
    def _window_moved(self) -> None:
        self._moved = True
        self._rows.see(self._table.window(), self.state.clock.now())
        self.columns.apply()
        if any(key not in self._rows for key in devices_of(self._table.window(extra_pages=1))):
            self.request_read()

    # Why something cannot be done

    def _no_row(self) -> str | None:
        if self._groups.waits:
            return "the groups are still being read"
        if not self._table.keys:
            return "there is no device here"
        return "the list is still being read" if self._list.behind else None

    # Actions

    def _ask_for_list(self) -> None:
        self._list.ask(self._filtered.parsed, self.sorting.order)
        self._groups.ask()
        self._refit = True
        self.request_read()

    def _grouped(self) -> None:
        """The devices are grouped otherwise: without groups at once, else as soon as they are read."""
        self._ask_for_list()
        self.columns.apply()
        self._arrange()
        self._list.hurry()
        self.show_counts()
        self.refresh_chrome()

    @property
    def goes_back(self) -> bool:
        return self.steps.label != "back"

    ACTIONS: ClassVar[tuple[Action[Any], ...]] = (
        *OPENING,
        *MARKING,
        actions.filter_rows(lambda s: s.query_one(FilteredList).open_filter()),
        *SORTING,
        *GROUPING,
        *CHOOSING,
        *VIEWING,
        *ACTING,
        *PANE,
        actions.BATCHES,
        actions.PROBLEMS,
        Action("tenant", "t", "tenant", "Switch to another of your tenants", ON_SCREEN_ONLY,
               lambda s: s.post_message(ShowTenants()), footer=22,
               offered=lambda s: len(s.state.program.tenants) > 1),
        *actions.everywhere(
            actions.back(lambda s: s.steps.back(), lambda s: s.steps.label), names_overview=True
        ),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(KIND, ACTIONS)
