"""The bulk sends of a tenant, newest first."""

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from console.domain.batches import Batch
from console.errors import ConsoleError
from console.tui.actions import bindings_for
from console.tui.background import start
from console.tui.copier import copy_text
from console.tui.desk import Desk
from console.tui.messages import ShowBatch
from console.tui.paged_rows import PagedRows
from console.tui.presenters.batches import COLUMNS, batch_cells
from console.tui.presenters.cells import Cell
from console.tui.presenters.words import counted
from console.tui.screens.base import ConsoleScreen
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines

_PAGE = 200
_NEAR_END = 60


class BatchesScreen(ConsoleScreen):
    """Enter opens one."""

    KIND = "batches"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("batches")

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._batches: PagedRows[Batch] = PagedRows(
            lambda batch: batch.batch_id, lambda batch: (batch.created_at, batch.batch_id), _PAGE
        )
        self._paging = False
        self._title = Lines(id="title")
        self._table = LineTable(COLUMNS, self._cells, id="table")

    def body(self) -> Iterable[Widget]:
        return (self._title, self._table)

    def on_mount(self) -> None:
        self._table.set_empty("Reading the bulk sends…")
        self._table.focus()

    async def read(self) -> None:
        program, tenant = self.desk.program, self.desk.tenant
        newest = await program.history.commands(tenant, limit=1)
        self.desk.clock.observe(newest.read_at)
        self._batches.put_head(await program.bulk.batches(tenant, _PAGE))
        self._show_rows()

    async def _read_next(self) -> None:
        """The page behind the last row."""
        batches = self._batches
        try:
            batches.put_next(await self.desk.program.bulk.batches(self.desk.tenant, _PAGE, batches.last))
            self._show_rows()
        except ConsoleError as error:
            self.say(str(error), "bad")
        finally:
            self._paging = False

    @on(LineTable.WindowMoved)
    def _window_moved(self) -> None:
        if self._batches.more and not self._paging and self._table.rows_below() < _NEAR_END:
            self._paging = True
            start(self, self._read_next, "page")

    def _show_rows(self) -> None:
        found = self._batches.rows
        self._table.set_empty(
            "Nothing has been sent to many at once. Mark devices with space or a, then press c."
        )
        self._table.set_keys(list(found))
        more = "the newest " if self._batches.more else ""
        self._title.show(
            [(Cell(" Bulk sends", "strong"), Cell(f"   {more}{counted(len(found), 'batch', 'batches')}"))]
        )
        self._window_moved()

    def _cells(self, key: str) -> dict[str, Cell] | None:
        batch = self._batches.rows.get(key)
        return None if batch is None else batch_cells(batch, self.desk.clock.now())

    def repaint(self) -> None:
        self._table.set_faded(faded=not self.desk.linked)
        self._table.repaint_changes()

    def reason(self, action_id: str) -> str | None:
        if action_id in {"open", "copy_id"} and self._table.cursor_key is None:
            return "there is no bulk send here"
        return None

    @on(LineTable.Opened)
    def action_open(self) -> None:
        if not self.refuse("open"):
            self.post_message(ShowBatch(self._table.cursor_key or ""))

    def action_copy_id(self) -> None:
        if not self.refuse("copy_id"):
            copy_text(self, "the id", self._table.cursor_key or "")
