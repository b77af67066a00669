"""Actions that several screens share: one wording, with each screen's own effect and refusals."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from textual.message import Message

from console.tui.keys.actions import ON_SCREEN_ONLY, Action
from console.tui.keys.allowed import never_sends, no_file
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.dialogs.jump import JumpDialog
from console.tui.screens.jumping import places_of
from console.tui.state.messages import (
    ShowBase,
    ShowBatches,
    ShowDevices,
    ShowGo,
    ShowHelp,
    ShowHistory,
    ShowLog,
    ShowOverview,
    ShowProblems,
    ShowReceipt,
    SwitchTheme,
)

Run = Callable[[Any], object]
Reason = Callable[[Any], str | None]
Label = Callable[[Any], str]


def _possible(_: object) -> None:
    return None


def open_row(run: Run, reason: Reason, label: Label | None = None) -> Action[Any]:
    return Action(
        "open", "enter", "open",
        "Open the row under the cursor: a device's history, a command, a bulk send",
        "device-console history DEVICE, device-console show ID", run, reason, footer=10, label_now=label,
    )  # fmt: skip


def compose(run: Run, reason: Reason, label: Label | None = None) -> Action[Any]:
    return Action(
        "compose", "c", "compose",
        "Compose a command for the marked devices, the one under the cursor, or a group",
        "device-console send DEVICE TYPE, device-console send --where FILTER TYPE --yes",
        run, reason, act=True, footer=11, label_now=label,
    )  # fmt: skip


def filter_rows(run: Run) -> Action[Any]:
    return Action(
        "filter", "slash,f", "filter", "Filter the list: all terms must match; esc clears it",
        ON_SCREEN_ONLY, run, footer=15, shown_as="/",
    )  # fmt: skip


def copy_id(run: Run, reason: Reason = _possible) -> Action[Any]:
    return Action("copy_id", "y", "copy id", "Copy the id", ON_SCREEN_ONLY, run, reason, footer=18)


def copy_shell_line(run: Run, reason: Reason = _possible) -> Action[Any]:
    text = "Copy the shell line that does the same"
    return Action("copy_cli", "C", "copy shell line", text, ON_SCREEN_ONLY, run, reason)


def export(run: Run, reason: Reason = _possible) -> Action[Any]:
    return Action(
        "export", "w", "export", "Export all that the filter shows as CSV, JSON or JSON lines",
        "device-console export --where FILTER", run, reason, footer=19, barred=no_file,
    )  # fmt: skip


def _show_batches(screen: ConsoleScreen) -> None:
    screen.post_message(ShowBatches())


def _show_problems(screen: ConsoleScreen) -> None:
    screen.post_message(ShowProblems())


def _place(show: Callable[[], Message]) -> Run:
    """Return what goes back to the first screens and opens a place from there: the way back stays short."""

    def go(screen: ConsoleScreen) -> None:
        screen.app.post_message(ShowBase())  # to the application: this screen may be gone by then
        screen.app.post_message(show())

    return go


def _show_devices(screen: ConsoleScreen) -> None:
    screen.app.post_message(ShowDevices())


def _show_overview(screen: ConsoleScreen) -> None:
    screen.app.post_message(ShowOverview())


def _show_headline(screen: ConsoleScreen) -> None:
    found = screen.state.headline
    if found is not None:
        of = ", ".join(found.clauses(screen.state.zone)) or "Not ok in the last hour"
        screen.post_message(ShowHistory(None, of=of, only=found.command_ids))


def _no_headline(screen: ConsoleScreen) -> str | None:
    found = screen.state.headline
    if found is None:
        return "there is no headline: no live worker counts what ends here"
    return None if found.ends else "nothing ended badly"


def _go(screen: ConsoleScreen) -> None:
    screen.post_message(ShowGo())


def _jump(screen: ConsoleScreen) -> None:
    screen.app.push_screen(JumpDialog(places_of(screen)), lambda place: place and place.go())


def _show_log(screen: ConsoleScreen) -> None:
    screen.post_message(ShowLog())


def _show_receipt(screen: ConsoleScreen) -> None:
    screen.post_message(ShowReceipt())


def _no_receipt(screen: ConsoleScreen) -> str | None:
    newest = screen.state.receipts.newest(screen.state.tenant)
    return "nothing was sent to one device from here" if newest is None else None


def _switch_theme(screen: ConsoleScreen) -> None:
    screen.post_message(SwitchTheme())


def _show_help(screen: ConsoleScreen) -> None:
    screen.post_message(ShowHelp())


def _toggle_zone(screen: ConsoleScreen) -> None:
    """Show times in UTC, or in the terminal's own zone."""
    state = screen.state
    state.local_time = not state.local_time
    screen.say(f"Times are shown in {'this terminal’s zone' if state.local_time else 'UTC'}.")
    screen.repaint()


def _quit(screen: ConsoleScreen) -> None:
    screen.ask_to_quit("q")


BATCHES = Action(
    "batches", "b", "bulk sends", "Bulk sends and their progress",
    "device-console batches", _show_batches, footer=21,
)  # fmt: skip
PROBLEMS = Action(
    "problems", "p", "problems", "Problems: unmatched, conflicting and refused answers, broken links",
    "device-console problems", _show_problems, footer=21,
)  # fmt: skip
_GOTO = Action(
    "goto", "colon", "go", "Go to a site, device, command, bulk send or screen, or do something, by its name",
    ON_SCREEN_ONLY, _go, footer=20, shown_as=":",
)  # fmt: skip
JUMP = Action(
    "jump", "apostrophe,ctrl+o", "jump", "Put a letter on each pane, heading and key; the letter goes there",
    ON_SCREEN_ONLY, _jump, shown_as="'",
)  # fmt: skip
JUMP_WHERE_ONE_TYPES = replace(JUMP, keys="ctrl+o", shown_as="", priority=True)
_OVERVIEW = Action(
    "overview", "0", "overview", "The last hour at a glance: chart, fleet, worst, newest commands",
    "device-console overview", _show_overview,
)  # fmt: skip
_DEVICES = Action("devices", "1", "devices", "The list of devices", "device-console devices", _show_devices)
_HISTORY = Action(
    "history", "2", "history", "The history of the tenant", "device-console history",
    _place(lambda: ShowHistory(None)),
)  # fmt: skip
_BATCHES = Action(
    "batches_3", "3", "bulk sends", "Bulk sends and their progress", "device-console batches",
    _place(ShowBatches),
)  # fmt: skip
_PROBLEMS = Action(
    "problems_6", "6", "problems", "Problems, as p", "device-console problems", _place(ShowProblems)
)
_HEADLINE = Action(
    "headline", "h", "open the headline’s rows", "Open the commands that the headline is about",
    "device-console overview", _show_headline, _no_headline,
)  # fmt: skip
PLACES = (_DEVICES, _HISTORY, _BATCHES, _PROBLEMS, _HEADLINE)
_LOG = Action(
    "log", "at", "what was done here",
    "What this console did, with results and shell lines", ON_SCREEN_ONLY, _show_log,
    shown_as="@",
)  # fmt: skip
_RECEIPT = Action(
    "receipt", "full_stop", "open what was sent", "Open the command that was sent last from here",
    "device-console show ID", _show_receipt, _no_receipt, shown_as=".", barred=never_sends,
)  # fmt: skip
_ZONE = Action(
    "zone", "u", "utc/local", "Show times in UTC or in this terminal's own zone", ON_SCREEN_ONLY,
    _toggle_zone,
)  # fmt: skip
_QUIT = Action("quit", "q", "quit", "Leave the console", ON_SCREEN_ONLY, _quit, footer=31)
THEME = Action(
    "theme", "f9", "theme", "Choose a theme by looking at it; it is kept", ON_SCREEN_ONLY, _switch_theme
)


def back(run: Run = ConsoleScreen.leave, label: Label | None = None) -> Action[Any]:
    return Action(
        "back", "escape", "back", "Go back; first clears a filter or marks", ON_SCREEN_ONLY, run,
        footer=23, shown_as="esc", label_now=label,
    )  # fmt: skip


def show_help(keys: str = "question_mark,f1", shown_as: str = "?") -> Action[Any]:
    text = "All keys, and the filter language"
    return Action("help", keys, "help", text, ON_SCREEN_ONLY, _show_help, footer=30, shown_as=shown_as)


def everywhere(back_action: Action[Any], *, names_overview: bool = False) -> tuple[Action[Any], ...]:
    """Return the actions of every screen except the one whose fields take letters.

    `names_overview`: its footer names the overview, where there is room.
    """
    overview = replace(_OVERVIEW, footer=20 if names_overview else 0)
    return (overview, *PLACES, _GOTO, JUMP, _LOG, _RECEIPT, _ZONE, THEME, back_action, show_help(), _QUIT)
