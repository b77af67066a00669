"""All devices of the tenant: where an operator starts."""

import time
from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.timer import Timer
from textual.widget import Widget

from console.domain.devices import Device, DeviceCounts, DeviceOrder
from console.domain.filter_subjects import DEVICE_KEYS, device_subject
from console.domain.filters import Scope, matches
from console.errors import ConsoleError
from console.tui.actions import bindings_for
from console.tui.background import start
from console.tui.desk import Desk
from console.tui.messages import ShowBatches, ShowCompose, ShowHistory, ShowProblems, ShowTenants
from console.tui.presenters.cells import Cell
from console.tui.presenters.devices import COLUMNS, counts_line, device_cells, pending_cells
from console.tui.screens.base import ConsoleScreen
from console.tui.widgets.filter_bar import FilterBar
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines

_KEPT = 3_000
_INDEX_EVERY_S = 1.0
_INDEX_LATEST_S = 5.0
_INDEX_SHARE = 30  # of the time at most one part goes into listing the whole fleet


class DevicesScreen(ConsoleScreen):
    """The index holds every device; full rows are read for the window and a page around it."""

    KIND = "devices"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("devices")

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._devices: dict[str, Device] = {}
        self._drawn: dict[str, tuple[Device, int, dict[str, Cell]]] = {}
        self._counts: DeviceCounts | None = None
        self._sort = DeviceOrder.DEVICE
        self._anchor: str | None = None
        self._index_due = 0.0
        self._digest: tuple[str, DeviceOrder, int] | None = None
        self._index_timer: Timer | None = None
        self._moved = False
        self._listing = False
        self._failed: ConsoleError | None = None
        self._title = Lines(id="title")
        self._filter = FilterBar(Scope.DEVICES, self._known)
        self._table = LineTable(COLUMNS, self._cells, id="table")

    def body(self) -> Iterable[Widget]:
        return (self._title, self._filter, self._table)

    def on_mount(self) -> None:
        self._table.sorted_by = self._sort.value
        self._table.set_empty("Reading the devices…")
        self._table.focus()

    # Reading

    async def read(self) -> None:
        failed, self._failed = self._failed, None
        if failed is not None:
            raise failed
        if self._devices:  # what is seen comes first, what is listed may take a moment longer
            await self._read_window()
            self._table.repaint_changes()
            if self._moved:
                self._moved = False
                await self._read_window(around=1)
        if self._counts is None:
            await self._read_index()
            await self._read_window()
        elif self._listing:
            pass
        elif time.monotonic() >= self._index_due:
            self._listing = True
            start(self, self._list_again, "index")
        elif self._index_timer is None:
            self._index_timer = self.set_timer(max(0.05, self._index_due - time.monotonic()), self._index_now)
        self._show_counts()

    async def _list_again(self) -> None:
        """The whole list anew, beside the reading of what is seen."""
        try:
            await self._read_index()
        except ConsoleError as error:
            self._failed = error
        finally:
            self._listing = False
        self.request_read()

    def _index_now(self) -> None:
        self._index_timer = None
        self.request_read()

    async def _read_index(self) -> None:
        started = time.monotonic()
        text = self._filter.text
        history, tenant, order = self.desk.program.history, self.desk.tenant, self._sort
        newest = await history.commands(tenant, limit=1)
        self.desk.clock.observe(newest.read_at)
        self._table.set_empty(self._empty(text))
        if self._counts is None:
            head = await history.device_head(tenant, text, order)
            self._devices.update(await history.devices(tenant, head))
            self._table.set_keys(head)
            self._table.repaint_changes()
        known = self._digest[2] if self._digest and self._digest[:2] == (text, order) else None
        ids, digest = await history.changed_device_index(tenant, text, order, known)
        if text != self._filter.text or order is not self._sort:
            return
        self._counts = await history.device_counts(tenant)
        if ids is not None:
            self._digest = (text, order, digest)
            self._table.set_keys(ids)
        if self._table.sorted_by != order.value:  # the heading tells the order that is shown
            self._table.sorted_by = order.value
            self._table.refresh()
        if ids is not None and not text and self._table.marks:
            self._table.marks &= set(ids)
        spent = time.monotonic() - started
        self._index_due = time.monotonic() + min(_INDEX_LATEST_S, max(_INDEX_EVERY_S, spent * _INDEX_SHARE))

    async def _read_window(self, around: int = 0) -> None:
        """Read the rows in view, or those within so many pages around it that are not known yet."""
        wanted = self._table.window(extra_pages=around)
        if around:
            wanted = [key for key in wanted if key not in self._devices]
        if len(self._devices) > _KEPT:
            near = self._table.window(extra_pages=2)
            self._devices = {key: self._devices[key] for key in near if key in self._devices}
            self._drawn.clear()
        if not wanted:
            return
        found = await self.desk.program.history.devices(self.desk.tenant, wanted)
        for key, device in found.items():
            if self._devices.get(key) != device:  # what has not changed is not drawn anew
                self._devices[key] = device
        shown, now = self._filter.parsed, self.desk.clock.now()
        gone = {
            key for key, device in found.items()
            if shown and not matches(shown, device_subject(device), now, only=DEVICE_KEYS)
        }  # fmt: skip
        if gone:
            self._digest = None
            self._table.set_keys([key for key in self._table.keys if key not in gone])

    def _known(self) -> dict[str, tuple[str, ...]]:
        """What the loaded rows offer to complete a filter with."""
        loaded = self._devices.values()
        last = [device.last_command for device in loaded if device.last_command]
        return {
            "site": tuple(sorted({d.site_id for d in loaded if d.site_id})),
            "model": tuple(sorted({d.model for d in loaded if d.model})),
            "fw": tuple(sorted({d.fw_version for d in loaded if d.fw_version})),
            "tag": tuple(sorted({tag for d in loaded for tag in d.tags})),
            "device": tuple(sorted(d.device_id for d in loaded)),
            "type": tuple(sorted({command.command_type for command in last})),
            "by": tuple(sorted({command.created_by for command in last if command.created_by})),
        }

    def _empty(self, text: str) -> str:
        if text:
            return "No device matches the filter. Press esc to clear it, or / to change it."
        return (
            "This tenant has no devices yet. They appear here as soon as the platform registers one; "
            "press t to look at another tenant, q to leave."
        )

    # Showing

    def _cells(self, key: str) -> dict[str, Cell] | None:
        device = self._devices.get(key)
        if device is None:
            return pending_cells(key)
        now = self.desk.clock.now()
        second, drawn = int(now.timestamp()), self._drawn.get(key)
        if drawn is None or drawn[0] is not device or drawn[1] != second:
            self._drawn[key] = drawn = (device, second, device_cells(device, now))
        return drawn[2]

    def _show_counts(self) -> None:
        self._title.show([counts_line(self._counts, len(self._table.marks), self._anchor)])
        total = self._counts.total if self._counts else len(self._table.keys)
        self._filter.count(f"{len(self._table.keys):,} of {total:,}")

    def repaint(self) -> None:
        self._table.set_faded(faded=not self.desk.linked)
        self._table.repaint_changes()

    def labels(self) -> dict[str, str]:
        marked = len(self._table.marks)
        return {
            "open": "history",
            "compose": f"compose to {marked:,}" if marked else "compose",
            "tenant_history": f"history of {marked:,}" if marked else "all history",
            "back": "clear marks" if marked else "back",
        }

    def reason(self, action_id: str) -> str | None:
        if action_id in {"open", "compose", "mark", "mark_range", "mark_all"} and not self._table.keys:
            return "there is no device here"
        return None

    @on(LineTable.WindowMoved)
    def _window_moved(self) -> None:
        self._moved = True
        if any(key not in self._devices for key in self._table.window(extra_pages=1)):
            self.request_read()

    # Actions

    @on(LineTable.Opened)
    def action_open(self) -> None:
        if not self.refuse("open"):
            self.post_message(ShowHistory((self._table.cursor_key or "",)))

    def action_tenant_history(self) -> None:
        marked = tuple(sorted(self._table.marks))
        self.post_message(ShowHistory(marked or None))

    def action_compose(self) -> None:
        if not self.refuse("compose"):
            marked = tuple(sorted(self._table.marks))
            self.post_message(ShowCompose(marked or (self._table.cursor_key or "",), self._target()))

    def _target(self) -> str:
        """Whom a send means, in words: the filter when it is what was marked."""
        marks = self._table.marks
        if (
            self._filter.text
            and marks
            and len(marks) == len(self._table.keys)
            and marks == set(self._table.keys)
        ):
            return self._filter.text
        return f"{len(marks):,} marked devices" if marks else ""

    def action_batches(self) -> None:
        self.post_message(ShowBatches())

    def action_problems(self) -> None:
        self.post_message(ShowProblems())

    def action_tenant(self) -> None:
        if len(self.desk.program.tenants) > 1:
            self.post_message(ShowTenants())

    def action_mark(self) -> None:
        key = self._table.cursor_key
        if key is not None:
            self._table.marks ^= {key}
            self._table.action_move(1)
            self._marked()

    def action_mark_range(self) -> None:
        key = self._table.cursor_key
        if key is None:
            return
        if self._anchor is None:
            self._anchor = key
        else:
            self._table.marks |= set(self._table.between(self._anchor, key))
            self._anchor = None
        self._marked()

    def action_mark_all(self) -> None:
        shown = set(self._table.keys)
        self._table.marks = (
            self._table.marks - shown if shown <= self._table.marks else self._table.marks | shown
        )
        self._marked()

    def _marked(self) -> None:
        self._show_counts()
        self.refresh_chrome()
        self._table.repaint_changes()

    def action_sort(self) -> None:
        orders = list(DeviceOrder)
        self._sort = orders[(orders.index(self._sort) + 1) % len(orders)]
        self._index_due = 0.0
        self.request_read()

    def action_filter(self) -> None:
        self._filter.open()

    @on(FilterBar.Changed)
    def _filter_changed(self) -> None:
        self._index_due = 0.0
        self.request_read()

    @on(FilterBar.Left)
    def _filter_left(self) -> None:
        self._table.focus()

    def action_back(self) -> None:
        if self._anchor is not None:
            self._anchor = None
        elif self._filter.text:
            self._filter.clear()
        elif self._table.marks:
            self._table.marks = set()
        else:
            self.say("This is the first screen: q leaves the console.")
        self._marked()
