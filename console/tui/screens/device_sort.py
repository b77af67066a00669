"""By which column the devices are sorted: chosen with two keys or by a click, kept while the console runs."""

from collections.abc import Callable
from typing import Protocol

from console.domain.devices import DeviceOrder, Sort
from console.tui.keys.actions import ON_SCREEN_ONLY, Action
from console.tui.presenters.heads import Heads
from console.tui.state.console_state import ConsoleState
from console.tui.widgets.table import LineTable


class DeviceSort:
    """The order and the column that the next ``s`` is for. `on_change` is called when the order changes."""

    def __init__(
        self, state: ConsoleState, table: LineTable, on_change: Callable[[], object],
        on_choice: Callable[[], object],
    ) -> None:  # fmt: skip
        self._state = state
        self._table = table
        self._on_change = on_change
        self._on_choice = on_choice
        self.chosen = self.order.by

    @property
    def order(self) -> Sort:
        return self._state.device_sort

    @property
    def label(self) -> str:
        """What ``s`` does now."""
        return f"sort by {self.title(self.chosen)}" if self.asks else "reverse"

    @property
    def asks(self) -> str:
        """Which column is chosen, if the list is not sorted by it."""
        return "" if self.chosen is self.order.by else f"s sorts by ‹{self.title(self.chosen)}›"

    def title(self, order: DeviceOrder) -> str:
        """Return the heading of a column, as a word."""
        return next((c.title.lower() for c in self._table.columns if c.key == order), order.value)

    def heads(self, shown: Sort) -> Heads:
        """Return what the headings show while the list is in the order `shown`."""
        return Heads(shown.by, shown.reverse, self.chosen)

    @property
    def first_heads(self) -> Heads:
        """What the headings show above the first rows: they are read by id where an order is looked up."""
        return self.heads(Sort() if self.order.looks_up else self.order)

    def choose(self, step: int) -> None:
        """Choose the column to the right (1) or to the left (-1), also one for which there is no room."""
        orders = [order for column in self._table.columns if (order := _order_of(column.key))]
        place = orders.index(self.chosen) + step if self.chosen in orders else 0
        self.chosen = orders[place % len(orders)]
        self._on_choice()

    def apply(self) -> None:
        """Sort by the chosen column, or the other way round if that is the order already."""
        order = self.order
        turned = self.chosen is order.by and not order.reverse
        self._state.device_sort = Sort(self.chosen, turned)
        self._on_change()

    def click(self, column: str) -> None:
        """Sort by the column whose heading was clicked."""
        order = _order_of(column)
        if order is not None:
            self.chosen = order
            self.apply()


def _order_of(column: str) -> DeviceOrder | None:
    return next((order for order in DeviceOrder if order == column), None)


class HasSort(Protocol):
    """A screen with such an order."""

    @property
    def sorting(self) -> DeviceSort: ...


SORTING: tuple[Action[HasSort], ...] = (
    Action(
        "sort", "s", "sort", "Sort by the chosen column; again reverses. A click on a heading does the same",
        "device-console devices --sort recent", lambda s: s.sorting.apply(), footer=17,
        label_now=lambda s: s.sorting.label,
    ),
    Action(
        "next_column", "greater_than_sign", "sort", "Choose the column to the right; s sorts by it",
        ON_SCREEN_ONLY, lambda s: s.sorting.choose(1), footer=16, shown_as=">",
    ),
    Action(
        "previous_column", "less_than_sign", "sort", "Choose the column to the left; s sorts by it",
        ON_SCREEN_ONLY, lambda s: s.sorting.choose(-1), shown_as="<",
    ),
)  # fmt: skip
