"""The console as one Textual application: it opens screens, passes hints to them, and ends in order."""

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.driver import Driver
from textual.message import Message
from textual.screen import Screen

from console.domain.text.counts import counted
from console.runtime.program import Program
from console.services.sender import SendReceipt
from console.tui.application.bridge import carry
from console.tui.application.crash import write_crash
from console.tui.application.palette import ActionProvider
from console.tui.keys.actions import Action
from console.tui.keys.allowed import NO_STOP, allowed, no_file
from console.tui.keys.keymap import keymap, with_keys
from console.tui.look.theme import DARK, LIGHT, THEMES, theme_named, tones_of
from console.tui.screens.base import ConsoleScreen, top_screen
from console.tui.screens.batch import BatchScreen
from console.tui.screens.batches import BatchesScreen
from console.tui.screens.compose.screen import ComposeScreen
from console.tui.screens.detail import DetailScreen
from console.tui.screens.device import DeviceScreen
from console.tui.screens.devices import DevicesScreen
from console.tui.screens.dialogs.export import ExportDialog
from console.tui.screens.dialogs.go import GoDialog
from console.tui.screens.dialogs.help import HelpDialog
from console.tui.screens.dialogs.tenants import TenantsDialog
from console.tui.screens.history import HistoryScreen
from console.tui.screens.overview import OverviewScreen
from console.tui.screens.problems import ProblemsScreen
from console.tui.screens.registry import ACTIONS
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import (
    CommandsSent,
    DataChanged,
    ShowBatch,
    ShowBatches,
    ShowCompose,
    ShowDetail,
    ShowDevice,
    ShowDevices,
    ShowExport,
    ShowGo,
    ShowHelp,
    ShowHistory,
    ShowOverview,
    ShowProblems,
    ShowTenants,
    SwitchTheme,
)
from console.tui.terminal.app import TerminalApp
from console.tui.terminal.capabilities import Capabilities, of_this_process
from console.tui.terminal.size import follow_size


class ConsoleApp(TerminalApp):
    """The application: screens read and show data; everything else belongs to the program."""

    CSS_PATH = str(Path(__file__).parent / "console.tcss")  # a relative one is looked for beside a subclass
    TITLE = "device-console"
    ENABLE_COMMAND_PALETTE = True
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (20, "-high")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+z", "suspend_process", show=False),
        Binding("ctrl+l", "redraw", show=False),
    ]
    COMMANDS: ClassVar[set[type[Provider]]] = {ActionProvider}  # type: ignore[assignment]

    def __init__(
        self,
        program: Program,
        shows: Capabilities | None = None,
        driver: Callable[..., Driver] | None = None,
    ) -> None:
        super().__init__(shows or of_this_process(os.environ), driver)
        self._program = program
        self.state = ConsoleState(program, program.tenants[0], keys=keymap(program.preferences.keys, ACTIONS))
        self._home = DevicesScreen(self.state)
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = theme_named(program.preferences.theme)
        self.set_keymap(self.state.keys)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return tones_of(self.current_theme)

    def action_redraw(self) -> None:
        """Redraw everything, after another program has written to the terminal."""
        self.forget_frame()
        self.screen.refresh()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Return no system commands: the palette offers only the actions of the screen."""
        del screen
        return ()

    def on_mount(self) -> None:
        self.begin_quiet(self._program.preferences.quiet)
        self.push_screen(self._home)
        start(self, partial(carry, self._program.feed, self.post_message), "feed")
        if self.is_local:
            self.set_interval(1.0, partial(follow_size, self))
        if self._program.warnings:
            self.call_after_refresh(self._say, " ".join(self._program.warnings))

    # Hints

    def on_data_changed(self, message: DataChanged) -> None:
        top = self._top
        if top is not None and message.concerns(self.state.tenant):
            top.request_read()

    @property
    def _top(self) -> ConsoleScreen | None:
        return top_screen(self)

    def _say(self, text: str) -> None:
        if self._top is not None:
            self._top.say(text)

    # Where the operator goes

    def on_show_history(self, message: ShowHistory) -> None:
        if message.only and isinstance(self._top, HistoryScreen) and self._top.only == message.only:
            return
        self.push_screen(
            HistoryScreen(self.state, message.device_ids, message.text, message.of, message.only)
        )

    def on_show_overview(self, message: ShowOverview) -> None:
        del message
        if not isinstance(self._top, OverviewScreen):
            self._back_to_devices()
            self.push_screen(OverviewScreen(self.state))

    def on_show_devices(self, message: ShowDevices) -> None:
        del message
        self._back_to_devices()

    def _back_to_devices(self) -> None:
        while self._top is not None and self._top is not self._home:
            self.pop_screen()

    def on_show_device(self, message: ShowDevice) -> None:
        self.push_screen(DeviceScreen(self.state, message.device_id))

    def on_show_detail(self, message: ShowDetail) -> None:
        self.push_screen(DetailScreen(self.state, message.command_id))

    def on_show_problems(self, message: ShowProblems) -> None:
        del message
        self.push_screen(ProblemsScreen(self.state))

    def on_show_compose(self, message: ShowCompose) -> None:
        if not self._program.read_only:
            device_ids = message.device_ids
            unsent, kept = self.state.unsent_command(device_ids, message.origin, message.content)
            screen = ComposeScreen(
                self.state, device_ids, message.target, unsent, kept=kept, where=message.where
            )
            self.push_screen(screen, lambda receipt: self._sent(device_ids, receipt))

    def on_commands_sent(self, message: CommandsSent) -> None:
        self._home.marks.unmark(message.device_ids)

    def _sent(self, device_ids: tuple[str, ...], receipt: SendReceipt | None) -> None:
        self.state.forget_empty()
        if receipt is None:
            return
        if receipt.batch_id:
            self.push_screen(BatchScreen(self.state, receipt.batch_id))
            return
        top = self._top
        if not isinstance(top, HistoryScreen) or top.is_filtered or top.device_ids not in {None, device_ids}:
            top = HistoryScreen(self.state, device_ids)
            self.push_screen(top)
        top.seek(receipt.command_ids[0])
        view = self._program.health.view()
        soon = view.broker.up and view.dispatch != "off"
        next_step = "the dispatcher publishes next" if soon else "waiting for publication"
        message = f"{counted(len(receipt.command_ids), 'command')} committed; {next_step}."
        self.call_after_refresh(top.say, " ".join((message, *receipt.warnings[:3])))

    def on_show_batches(self, message: ShowBatches) -> None:
        del message
        self.push_screen(BatchesScreen(self.state))

    def on_show_batch(self, message: ShowBatch) -> None:
        self.push_screen(BatchScreen(self.state, message.batch_id))

    def on_show_export(self, message: ShowExport) -> None:
        if no_file(self._program) is not None:
            return
        dialog = ExportDialog(self.state, message.device_ids, message.wanted)
        self.push_screen(dialog, lambda text: self._say(text) if text else None)

    def on_show_go(self, message: ShowGo) -> None:
        del message
        self.push_screen(GoDialog(self.state), self._go)

    def _go(self, target: Message | None) -> None:
        if target is not None:
            self.post_message(target)

    def on_show_help(self, message: ShowHelp) -> None:
        del message
        asking = self._top.KIND if self._top else ""
        names = sorted(ACTIONS, key=lambda name: name != asking)  # the screen that asks comes first
        self.push_screen(HelpDialog([(name, self._actions_of(name)) for name in names]))

    def _actions_of(self, name: str) -> list[Action[Any]]:
        actions = allowed(ACTIONS[name], self._program)
        return [with_keys(action, name, self.state.keys) for action in actions]

    def on_show_tenants(self, message: ShowTenants) -> None:
        del message
        self.push_screen(TenantsDialog(self.state), self._switch_tenant)

    def _switch_tenant(self, tenant: str | None) -> None:
        if tenant is not None and tenant != self.state.tenant:
            self.state.tenant, self.state.headline = tenant, None
            self._home = DevicesScreen(self.state)
            self.switch_screen(self._home)

    def on_switch_theme(self, message: SwitchTheme) -> None:
        del message
        self.theme = LIGHT if self.theme == DARK else DARK

    # The end

    @property
    def may_stop(self) -> bool:
        """Whether the process may be suspended: somebody restricted has no shell that could continue it."""
        return not self._program.restricted

    def action_suspend_process(self) -> None:
        """Suspend the process on ctrl+z, or say why not."""
        if self.may_stop:
            super().action_suspend_process()
        else:
            self._say(NO_STOP)

    async def stop_process(self) -> None:
        """Suspend the process as a shell does, after its workers have released their roles."""
        await self._program.pausing.stop()

    async def action_quit(self) -> None:
        """Quit by ctrl+q from any screen; ask about unfinished work as q does."""
        if self._top is None:
            self.exit(0)
        else:
            self._top.ask_to_quit("ctrl+q")

    def action_help_quit(self) -> None:
        suspends = ", ctrl+z suspends it" if self.may_stop else ""
        self._say(f"ctrl+c copies what is selected; ctrl+q leaves the console{suspends}.")

    def last_words(self, error: BaseException | None) -> str:
        """Return the sentence that names the crash report, which contains no local variables."""
        path: Path | None = write_crash(error, self._program.preferences.log_folder)
        where = f"the report is in {path}" if path else "no report could be written"
        return f"device-console crashed; {where}."
