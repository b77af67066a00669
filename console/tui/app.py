"""The Textual app: opens screens, passes hints on, draws the header each second. Starts and stops nothing."""

from typing import ClassVar

from textual import work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.worker import WorkType

from console.clock import SystemClock
from console.domain.safe_text import safe
from console.errors import ConsoleError
from console.runtime.program import Program
from console.tui.bridge import Bridge
from console.tui.desk import Desk
from console.tui.messages import RowsChanged, StatusChanged
from console.tui.palette import ActionProvider
from console.tui.screens.base import WorkScreen
from console.tui.screens.compose import ComposeScreen
from console.tui.screens.detail import DetailScreen
from console.tui.screens.devices import DevicesScreen
from console.tui.screens.history import HistoryScreen
from console.tui.screens.problems import ProblemsScreen
from console.tui.screens.small import GoToScreen, HelpScreen, TenantScreen
from console.tui.theme import DARK, LIGHT


class ConsoleApp(App[int]):
    """The console on a terminal."""

    TITLE = "device-console"
    CSS_PATH = "console.tcss"
    COMMANDS: ClassVar = {ActionProvider}
    COMMAND_PALETTE_BINDING = "ctrl+p"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q,ctrl+c", "quit", "quit", show=False, priority=True)
    ]

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.desk = Desk(program, SystemClock(), program.tenants[0])
        self.crash: BaseException | None = None

    def on_mount(self) -> None:
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.theme = DARK.name
        self.push_screen(DevicesScreen())
        bridge = Bridge(
            self.desk.program.feed, lambda: self.desk.tenant_id, lambda: self._tell(RowsChanged())
        )
        listen: WorkType[None] = bridge.run
        self.run_worker(listen, name="bridge")
        self.set_interval(1.0, self._second)
        self._read_outbox()
        for warning in self.desk.program.warnings[:3]:
            self.notify(safe(warning, 300), severity="warning", markup=False, timeout=10)

    def _tell(self, message: RowsChanged | StatusChanged) -> None:
        if isinstance(self.screen, WorkScreen):
            self.screen.post_message(message)
        if isinstance(message, RowsChanged):
            self._read_outbox()

    def _second(self) -> None:
        self._tell(StatusChanged())

    @work(exclusive=True, group="outbox")
    async def _read_outbox(self) -> None:
        try:
            self.desk.outbox = await self.desk.program.history.outbox(self.desk.tenant_id)
        except ConsoleError as error:
            self.desk.program.health.database_down(str(error))
        else:
            self.desk.set_time(self.desk.outbox.read_at)
            if isinstance(self.screen, WorkScreen):
                self.screen.tell_status()

    def open_history(self, device_ids: tuple[str, ...] | None) -> None:
        """Show the history of some devices, or of the whole tenant."""
        self.push_screen(HistoryScreen(device_ids))

    def open_detail(self, command_id: str) -> None:
        """Show one command."""
        self.push_screen(DetailScreen(command_id))

    def open_compose(self, device_ids: tuple[str, ...]) -> None:
        """Compose a command to these devices."""
        self.push_screen(ComposeScreen(device_ids))

    def do_problems(self) -> None:
        self.push_screen(ProblemsScreen())

    def do_help(self) -> None:
        self.push_screen(HelpScreen(read_only=self.desk.program.read_only))

    def do_quit(self) -> None:
        self.exit(0)

    @work(exclusive=True, group="dialog")
    async def do_tenants(self) -> None:
        tenant_id = await self.push_screen_wait(TenantScreen(self.desk.program.tenants))
        if tenant_id and tenant_id != self.desk.tenant_id:
            self.desk.tenant_id, self.desk.outbox = tenant_id, None
            if isinstance(self.screen, DevicesScreen):
                self.screen.forget()
            self._read_outbox()

    @work(exclusive=True, group="dialog")
    async def do_go_to(self) -> None:
        wanted = await self.push_screen_wait(GoToScreen())
        if not wanted:
            return
        history, tenant_id = self.desk.program.history, self.desk.tenant_id
        try:
            if await history.command(tenant_id, wanted) is not None:
                self.open_detail(wanted)
            elif await history.devices(tenant_id, [wanted]):
                self.open_history((wanted,))
            else:
                self.notify(f"Nothing has the id {safe(wanted, 60)}.", severity="warning", markup=False)
        except ConsoleError as error:
            self.notify(safe(str(error), 300), severity="warning", markup=False)

    async def action_quit(self) -> None:
        self.exit(0)

    def _fatal_error(self) -> None:
        """Textual's own report prints locals; ours is written to the log by the caller."""
        self._close_messages_no_wait()

    def _handle_exception(self, error: Exception) -> None:
        self.crash = self.crash or error
        super()._handle_exception(error)
