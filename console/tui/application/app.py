"""The console as one Textual application: it opens screens, passes hints to them, and ends in order."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.driver import Driver

from console.runtime.program import Program
from console.services.kept_word import KeptWord
from console.services.sender import SendReceipt
from console.tui.application.bridge import carry
from console.tui.application.crash import write_crash
from console.tui.application.first_screen import FirstScreen
from console.tui.application.logged import LoggedApp
from console.tui.application.presenting import Presenting
from console.tui.keys.allowed import NO_STOP, director_for, keeps_theme, no_file, theme_note
from console.tui.keys.keymap import keymap
from console.tui.look.theme import THEMES, first_theme, tones_of
from console.tui.presenters.commands import sent_words
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
from console.tui.screens.dialogs.themes import ThemeDialog
from console.tui.screens.diff import DiffScreen
from console.tui.screens.fleet import FleetScreen
from console.tui.screens.history import HistoryScreen
from console.tui.screens.overview import OverviewScreen
from console.tui.screens.problems import ProblemsScreen
from console.tui.screens.registry import ACTIONS, offered
from console.tui.state.background import start
from console.tui.state.choices import Choice
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import (
    CommandsSent,
    DataChanged,
    ShowBatch,
    ShowCompose,
    ShowDetail,
    ShowDevice,
    ShowDevices,
    ShowDiff,
    ShowExport,
    ShowHistory,
    ShowProblems,
)
from console.tui.terminal.capabilities import Capabilities, of_this_process
from console.tui.terminal.size import follow_size


class ConsoleApp(Presenting, LoggedApp):
    """The application: screens read and show data; everything else belongs to the program."""

    CSS_PATH = str(Path(__file__).parent / "console.tcss")  # a relative one is looked for beside a subclass
    TITLE = "device-console"
    ENABLE_COMMAND_PALETTE = False  # ctrl+p is ours
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (20, "-high")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+z", "suspend_process", show=False),
        Binding("ctrl+l", "redraw", show=False),
        Binding("ctrl+p", "do", show=False, priority=True),
    ]

    def __init__(
        self,
        program: Program,
        shows: Capabilities | None = None,
        driver: Callable[..., Driver] | None = None,
    ) -> None:
        super().__init__(shows or of_this_process(os.environ), driver)
        self._program, self.director = program, director_for(program)
        self.state = ConsoleState(program, program.tenants[0], keys=keymap(program.preferences.keys, ACTIONS))
        self._first = FirstScreen(
            program.preferences.start, self._begin_with_overview, lambda: self._top is self._home
        )
        self._home = DevicesScreen(self.state, self._first.covers)
        for theme in THEMES:
            self.register_theme(theme)
        self._kept_theme = KeptWord(None if program.restricted else program.preferences.theme_file, "theme")
        self.theme = first_theme(program.preferences.theme, self._kept_theme.load())
        self.set_keymap(self.state.keys)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return tones_of(self.current_theme)

    def action_redraw(self) -> None:
        """Redraw everything, after another program has written to the terminal."""
        self.forget_frame()
        self.screen.refresh()

    def on_mount(self) -> None:
        self.begin_quiet(self._program.preferences.quiet)
        self.push_screen(self._home)
        self._first.at_start()
        start(self, partial(carry, self._program.feed, self.post_message), "feed")
        if self.is_local:
            self.set_interval(1.0, partial(follow_size, self))
        if self._program.warnings:
            self.call_after_refresh(self._say, " ".join(self._program.warnings))

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, (events.Key, events.Paste, events.MouseDown)):
            self._first.touched()
        await super().on_event(event)

    def _begin_with_overview(self) -> None:
        self.state.overview_first = True
        self.on_show_overview()

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

    def on_show_overview(self) -> None:
        if not isinstance(self._top, OverviewScreen):
            self._pop_to_base()
        if not isinstance(self._top, OverviewScreen):
            self.push_screen(OverviewScreen(self.state))

    def on_show_fleet(self) -> None:
        self.push_screen(FleetScreen(self.state))

    def on_show_devices(self, message: ShowDevices) -> None:
        while self._top is not None and self._top is not self._home:
            self.pop_screen()
        self._home.views.show(message.text, message.view)

    def on_show_base(self) -> None:
        self._pop_to_base()

    def _pop_to_base(self) -> None:
        """Go back to the devices, or to the overview over them where that is the first screen."""
        while self._top is not None and self._top is not self._home:
            if self.state.overview_first and isinstance(self._top, OverviewScreen):
                return
            self.pop_screen()

    def on_show_device(self, message: ShowDevice) -> None:
        self.push_screen(DeviceScreen(self.state, message.device_id))

    def on_show_detail(self, message: ShowDetail) -> None:
        self.push_screen(DetailScreen(self.state, message.command_id))

    def on_show_diff(self, message: ShowDiff) -> None:
        self.push_screen(DiffScreen(self.state, message.command_id, message.other_id, message.other))

    def on_show_problems(self, message: ShowProblems) -> None:
        self.push_screen(ProblemsScreen(self.state, message.text))

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
        for screen in self.screen_stack:
            if isinstance(screen, FleetScreen):
                screen.unmark(message.device_ids)

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
        self.call_after_refresh(top.say, sent_words(receipt, self._program.health.view()))

    def on_show_batches(self) -> None:
        self.push_screen(BatchesScreen(self.state))

    def on_show_batch(self, message: ShowBatch) -> None:
        self.push_screen(BatchScreen(self.state, message.batch_id))

    def on_show_export(self, message: ShowExport) -> None:
        if no_file(self._program) is not None:
            return
        dialog = ExportDialog(self.state, message.device_ids, message.wanted)
        self.push_screen(dialog, lambda text: self._say(text) if text else None)

    def on_show_go(self) -> None:
        if self._top is not None:
            self.push_screen(GoDialog(self.state, self._top), self._go)

    def action_do(self) -> None:
        """List what the screen can do, and then the places; a dialog answers with its own keys only."""
        if isinstance(self.screen, ConsoleScreen):
            self.push_screen(GoDialog(self.state, self.screen, acts_first=True), self._go)

    def _go(self, chosen: Choice | None) -> None:
        if chosen is not None and chosen.opens is not None:
            self.post_message(chosen.opens())
        elif chosen is not None and chosen.action is not None and self._top is not None:
            self._top.run_listed(chosen.action)

    def on_show_help(self) -> None:
        asking = self._top.KIND if self._top else ""
        names = sorted(ACTIONS, key=lambda name: name != asking)  # the screen that asks comes first
        groups = [(name, offered(name, self._program, self.state.keys)) for name in names]
        self.push_screen(HelpDialog(groups, is_demo=self._program.demo))

    def on_show_tenants(self) -> None:
        self.push_screen(TenantsDialog(self.state), self._switch_tenant)

    def _switch_tenant(self, tenant: str | None) -> None:
        if tenant is not None and tenant != self.state.tenant:
            self.state.tenant, self.state.headline = tenant, None
            self._home = DevicesScreen(self.state)
            self.switch_screen(self._home)

    def on_switch_theme(self) -> None:
        self.push_screen(ThemeDialog(theme_note(self._program)), self._keep_theme)

    def _keep_theme(self, name: str | None) -> None:
        if name is not None and keeps_theme(self._program) and (fault := self._kept_theme.keep(name)):
            self._say(fault)

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
