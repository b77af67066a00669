"""Commands of a device, of a selection or of the tenant: live, endless, newest first."""

from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, Static

from console.domain.commands import Command
from console.domain.history import Cursor
from console.domain.safe_text import safe
from console.tui.actions import bindings_for
from console.tui.presenters.detail_text import detail_parts
from console.tui.presenters.header_text import Part
from console.tui.presenters.rows import Cell, command_cells
from console.tui.screens.base import WorkScreen
from console.tui.screens.command_acts import CommandActs
from console.tui.widgets.line_table import Column, LineTable
from console.tui.widgets.status_header import content_of

_COLUMNS = (
    Column("AGE", 5, right=True),
    Column("DEVICE", 13, rank=2, flexible=True),
    Column("TYPE", 11, flexible=True),
    Column("PHASE", 13, flexible=True),
    Column("ANSWERED", 8, rank=3, right=True),
    Column("TTL LEFT", 8, rank=1, right=True),
    Column("BY", 10, rank=4, flexible=True),
)
_PAGE = 100
_WIDE = 100
_NEAR_END = 40


class HistoryScreen(CommandActs, WorkScreen):
    """Keeps the rows that were scrolled through; re-reads the newest page and the window."""

    NAME = "history"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("history"))

    def __init__(self, device_ids: tuple[str, ...] | None) -> None:
        super().__init__()
        self.device_ids = device_ids
        self._rows: list[Command] = []
        self._more = True
        self._read = False
        self._filter = ""

    def body(self) -> list[Widget]:
        one = self.device_ids is not None and len(self.device_ids) == 1
        columns = [c for c in _COLUMNS if not (one and c.title == "DEVICE")]
        self._keep = [i for i, c in enumerate(_COLUMNS) if c in columns]
        return [
            Horizontal(
                LineTable(columns, self._row, id="history"),
                VerticalScroll(Static("", id="side-text", markup=False), id="side"),
                id="split",
            )
        ]

    @property
    def table(self) -> LineTable:
        return self.query_one(LineTable)

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#side").can_focus = False
        self._split()
        self.reload()

    def on_screen_resume(self) -> None:
        self.reload()

    def on_resize(self) -> None:
        super().on_resize()
        self._split()

    def _split(self) -> None:
        self.query_one("#side").display = self.app.size.width >= _WIDE

    def _row(self, index: int) -> tuple[Cell, ...]:
        cells = command_cells(self._rows[index], self.desk.now())
        return tuple(cells[i] for i in self._keep)

    def current(self) -> Command | None:
        """The command under the cursor."""
        return self._rows[self.table.cursor] if self._rows else None

    async def read(self) -> None:
        """Read the newest page and the window; new rows come on top, the cursor stays on its command."""
        history, tenant_id, text = self.desk.program.history, self.desk.tenant_id, self.filter_text
        page = await self.reading(
            lambda: history.commands(tenant_id, device_ids=self.device_ids, text=text, limit=_PAGE)
        )
        if page is None:
            return
        self.desk.set_time(page.read_at)
        fresh = list(page.commands)
        known = {command.command_id: place for place, command in enumerate(fresh)}
        kept: list[Command] = []
        if page.more and self._filter == text and self._rows and self._rows[-1].command_id not in known:
            end = (fresh[-1].created_at, fresh[-1].command_id)
            kept = [c for c in self._rows if (c.created_at, c.command_id) < end]
        self._more = self._more if kept else page.more
        await self._replace([*fresh, *kept], known)
        self._filter, self._read = text, True
        self._tell_title()

    async def _replace(self, rows: list[Command], newest: dict[str, int]) -> None:
        current = self.current()
        before = [command.command_id for command in self._rows]
        self._rows = rows
        window = self.table.window()
        stale = [c.command_id for c in rows[window.start : window.stop] if c.command_id not in newest]
        if stale:
            history, tenant_id = self.desk.program.history, self.desk.tenant_id
            again = await self.reading(lambda: history.reread(tenant_id, stale))
            found = {command.command_id: command for command in (again.commands if again else ())}
            self._rows = [found.get(command.command_id, command) for command in self._rows]
        if [command.command_id for command in self._rows] != before:
            at = 0
            if current is not None and self.table.cursor > 0:
                places = {command.command_id: i for i, command in enumerate(self._rows)}
                at = places.get(current.command_id, self.table.cursor)
            self.table.show(len(self._rows), at)
        else:
            self.table.refresh_changed()
        self.show_side()

    @work(exclusive=True, group="more")
    async def _read_more(self) -> None:
        last = self._rows[-1]
        history, tenant_id, text = self.desk.program.history, self.desk.tenant_id, self.filter_text
        page = await self.reading(
            lambda: history.commands(
                tenant_id,
                device_ids=self.device_ids,
                text=text,
                before=Cursor(last.created_at, last.command_id),
                limit=_PAGE,
            )
        )
        if page is None or not self._rows or self._rows[-1].command_id != last.command_id:
            return
        self._rows.extend(page.commands)
        self._more = page.more
        self.table.show(len(self._rows))
        self._tell_title()

    def on_line_table_moved(self) -> None:
        if (
            self._more
            and self._read
            and len(self._rows) - self.table.window().stop < _NEAR_END
            and self._rows
        ):
            self._read_more()
        self.show_side()

    def tick(self) -> None:
        self.table.dimmed = not self.desk.program.health.view().database.up
        self.table.refresh_changed()

    def _tell_title(self) -> None:
        if self.device_ids is None:
            where = f"{safe(self.desk.tenant_id, 40)}, all devices"
        elif len(self.device_ids) == 1:
            where = safe(self.device_ids[0], 60)
        else:
            where = f"{len(self.device_ids)} devices"
        parts: list[Part] = [("History ", "bold"), (where, "accent")]
        parts.append((f"   {len(self._rows):,}{'+' if self._more else ''} commands", ""))
        if self._read and not self._rows:
            hint = (
                "   nothing matches: esc clears the filter"
                if self.filter_text
                else "   no command yet: c composes one"
            )
            parts.append((hint, "warn"))
        self.title_parts(parts)

    @work(exclusive=True, group="side")
    async def show_side(self) -> None:
        """Show the command under the cursor beside the list, where there is room."""
        side = self.query_one("#side-text", Static)
        command = self.current()
        if not self.query_one("#side").display or command is None:
            side.update("")
            return
        history, tenant_id = self.desk.program.history, self.desk.tenant_id
        detail = await self.reading(lambda: history.command(tenant_id, command.command_id))
        if detail is not None:
            side.update(content_of(detail_parts(detail)))

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "filter":
            self.reload()

    def on_line_table_selected(self) -> None:
        command = self.current()
        if command is not None:
            self.console_app.open_detail(command.command_id)

    def do_compose(self) -> None:
        command = self.current()
        chosen = self.device_ids or ((command.device_id,) if command else ())
        if not chosen:
            self.complain("Choose a device first: there is no command under the cursor.")
            return
        self.console_app.open_compose(chosen)
