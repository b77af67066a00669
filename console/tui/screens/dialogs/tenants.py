"""Choosing another of the operator's tenants."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from console.domain.tenants import Tenant
from console.domain.text.safe import safe
from console.errors import ConsoleError
from console.tables.columns import Cell, Column
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines

_COLUMNS = (
    Column("tenant", "TENANT", 14, most=24),
    Column("name", "NAME", 14, most=30),
    Column("status", "STATUS", 10),
)


class TenantsDialog(ModalScreen[str | None]):
    """Returns the chosen tenant."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", show=False),
        Binding("enter", "choose", show=False),
    ]

    def __init__(self, state: ConsoleState) -> None:
        super().__init__()
        self._state = state
        self._tenants: dict[str, Tenant | None] = {}
        self._table = LineTable(_COLUMNS, self._cells, id="table")
        self._foot = Lines(id="dialog-foot")

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Lines(id="dialog-title")
            yield self._table
            yield self._foot

    def on_mount(self) -> None:
        self.query_one("#dialog-title", Lines).show([(Cell("Tenants", "strong"),)])
        foot = (Cell("enter", "accent"), Cell(" switch   "), Cell("esc", "accent"), Cell(" stay"))
        self._foot.show([foot])
        self._table.set_keys(list(self._state.program.tenants))
        self._table.move_to(self._state.tenant)
        self._table.styles.height = min(
            len(self._state.program.tenants) + 1, max(3, self.app.size.height - 6)
        )
        self._table.focus()
        start(self, self._read, "read")

    async def _read(self) -> None:
        for tenant_id in self._state.program.tenants:
            try:
                self._tenants[tenant_id] = await self._state.program.history.tenant(tenant_id)
            except ConsoleError as error:
                self._foot.show([(Cell(safe(error, 300), "bad"),)])
                return
            self._table.repaint_changes()

    def _cells(self, key: str) -> dict[str, Cell] | None:
        here = Cell(safe(key), "accent" if key == self._state.tenant else "strong")
        if key not in self._tenants:
            return {"tenant": here, "name": Cell("…", "dim")}
        tenant = self._tenants[key]
        if tenant is None:
            return {"tenant": here, "name": Cell("not in this database", "warn")}
        tone = Cell(safe(tenant.status.lower()), "" if tenant.status == "ACTIVE" else "warn")
        return {"tenant": here, "name": Cell(safe(tenant.name)), "status": tone}

    @on(LineTable.Opened)
    def action_choose(self) -> None:
        self.dismiss(self._table.cursor_key)

    def action_close(self) -> None:
        self.dismiss(None)
