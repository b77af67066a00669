"""All devices of the tenant: link, last seen, what is in flight, how the last command ended."""

from collections.abc import Callable
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Input

from console.domain.devices import Device, DeviceCounts, DeviceEntry
from console.tui.actions import bindings_for
from console.tui.presenters.header_text import Part
from console.tui.presenters.rows import Cell, device_cells
from console.tui.screens.base import WorkScreen
from console.tui.widgets.line_table import Column, LineTable

_COLUMNS = (
    Column("DEVICE", 13, flexible=True),
    Column("LINK", 9, rank=1),
    Column("SEEN", 5, rank=4, right=True),
    Column("SITE", 8, rank=5, flexible=True),
    Column("MODEL", 7, rank=7),
    Column("FW", 6, rank=6),
    Column("FLIGHT", 6, rank=3, right=True),
    Column("LAST COMMAND", 19, rank=2, flexible=True),
    Column("AGO", 4, rank=8, right=True),
)
_ORDERS: tuple[tuple[str, Callable[[DeviceEntry], object]], ...] = (
    ("DEVICE", lambda e: e.device_id),
    ("LINK", lambda e: (e.link.value, e.device_id)),
    ("SEEN", lambda e: (e.last_seen_at is None, -(e.last_seen_at.timestamp() if e.last_seen_at else 0))),
    ("SITE", lambda e: (e.site_id, e.device_id)),
)


class DevicesScreen(WorkScreen):
    """The index holds every device's id and link; cells are read for the window only."""

    NAME = "devices"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("devices"))

    def __init__(self) -> None:
        super().__init__()
        self._index: list[DeviceEntry] = []
        self._cells: dict[str, Device] = {}
        self._counts = DeviceCounts()
        self._order = 0
        self._read = False
        self.marked: set[str] = set()

    def body(self) -> list[Widget]:
        return [LineTable(_COLUMNS, self._row, is_marked=self._is_marked, id="devices")]

    @property
    def table(self) -> LineTable:
        return self.query_one(LineTable)

    def on_mount(self) -> None:
        super().on_mount()
        self.reload()

    def on_screen_resume(self) -> None:
        self.reload()

    def _row(self, index: int) -> tuple[Cell, ...]:
        entry = self._index[index]
        return device_cells(entry, self._cells.get(entry.device_id), self.desk.now())

    def _is_marked(self, index: int) -> bool:
        return self._index[index].device_id in self.marked

    def current(self) -> DeviceEntry | None:
        """The device under the cursor."""
        return self._index[self.table.cursor] if self._index else None

    async def read(self) -> None:
        """Read the index, the counts and the window; the cursor stays on its device."""
        history, tenant_id, text = self.desk.program.history, self.desk.tenant_id, self.filter_text
        index = await self.reading(lambda: history.device_index(tenant_id, text))
        counts = await self.reading(lambda: history.device_counts(tenant_id))
        if index is None or counts is None:
            return
        current = self.current()
        entries = sorted(index, key=_ORDERS[self._order][1])  # type: ignore[arg-type]
        same = [e.device_id for e in entries] == [e.device_id for e in self._index] and self._read
        self._index, self._counts, self._read = entries, counts, True
        if not same:
            ids = {entry.device_id: place for place, entry in enumerate(entries)}
            self.table.show(len(entries), ids.get(current.device_id, self.table.cursor) if current else 0)
        await self._read_window()

    async def _read_window(self) -> None:
        window = self.table.window()
        ids = [entry.device_id for entry in self._index[window.start : window.stop + len(window)]]
        history, tenant_id = self.desk.program.history, self.desk.tenant_id
        if ids:
            found = await self.reading(lambda: history.devices(tenant_id, ids))
            if found is None:
                return
            if len(self._cells) > 5_000:
                self._cells.clear()
            self._cells.update(found)
        self.tick()

    @work(exclusive=True, group="window")
    async def on_line_table_moved(self) -> None:
        self._tell_title()
        await self._read_window()

    def tick(self) -> None:
        self.table.dimmed = not self.desk.program.health.view().database.up
        self.table.refresh_changed()
        self._tell_title()

    def _tell_title(self) -> None:
        c = self._counts
        parts: list[Part] = [("Devices ", "bold"), (f"{c.total:,}", "")]
        parts += [(f"   {c.online:,} online", "good")] if c.online else []
        parts += [(f"   {c.stale:,} stale", "warn")] if c.stale else []
        parts += [(f"   {c.offline:,} offline", "bad")] if c.offline else []
        parts += [(f"   {c.unknown:,} unknown", "dim")] if c.unknown else []
        if self.filter_text:
            parts.append((f"   {len(self._index):,} match", "accent"))
        if self.marked:
            parts.append((f"   {len(self.marked):,} marked", "accent"))
        if self._read and not self._index:
            hint = (
                "   nothing matches: esc clears the filter"
                if self.filter_text
                else "   no device is registered yet"
            )
            parts.append((hint, "warn"))
        self.title_parts(parts)

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "filter":
            self.reload()

    def on_line_table_selected(self) -> None:
        entry = self.current()
        if entry:
            self.console_app.open_history((entry.device_id,))

    def do_mark(self) -> None:
        entry = self.current()
        if entry:
            self.marked ^= {entry.device_id}
            self.table.move_to(self.table.cursor + 1)
            self.tick()

    def do_mark_all(self) -> None:
        shown = {entry.device_id for entry in self._index}
        self.marked = self.marked - shown if shown <= self.marked else self.marked | shown
        self.tick()

    def do_sort(self) -> None:
        self._order = (self._order + 1) % len(_ORDERS)
        title = _ORDERS[self._order][0]
        self.table.retitle([
            Column(f"{c.title}↓" if c.title == title else c.title, c.width, c.rank, c.right, c.flexible)
            for c in _COLUMNS
        ])  # fmt: skip
        self.reload()

    def do_compose(self) -> None:
        entry = self.current()
        chosen = tuple(sorted(self.marked)) or ((entry.device_id,) if entry else ())
        if not chosen:
            self.complain("There is no device to send to.")
            return
        self.console_app.open_compose(chosen)

    def do_all_history(self) -> None:
        self.console_app.open_history(None)

    def forget(self) -> None:
        """Another tenant: nothing of the old one stays."""
        self._index, self._cells, self._read, self.marked = [], {}, False, set()
        self.table.show(0)
        self.reload()
