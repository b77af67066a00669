"""The one table of what an operator can do: keys, footer, help and palette are all made from it."""

from dataclasses import dataclass

from textual.binding import Binding, BindingType

LISTS = frozenset({"devices", "history", "problems"})
MAIN = LISTS | {"detail"}
COMMANDS = frozenset({"history", "detail"})


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. `act` changes the world, so it is not there when the console only reads.

    `footer` orders the footer (0 stays out of it); `cli` is the shell twin with words to fill in.
    """

    id: str
    keys: str
    shown: str
    label: str
    help: str
    screens: frozenset[str]
    act: bool = False
    footer: int = 0
    cli: str = ""
    priority: bool = False


ACTIONS: tuple[Action, ...] = (
    Action("open", "enter", "enter", "open",
           "Open what the cursor stands on: a device's history, a command's detail",
           LISTS, footer=10, cli="device-console history DEVICE, device-console show ID"),
    Action("compose", "c", "c", "compose",
           "Write a command to the marked devices, or to the one under the cursor",
           frozenset({"devices", "history", "detail"}), act=True, footer=11,
           cli="device-console send DEVICE TYPE"),
    Action("retry", "r", "r", "retry", "Send a settled command again, as a new one with the same TTL",
           COMMANDS, act=True, footer=12, cli="device-console retry ID"),
    Action("cancel", "x", "x", "cancel", "Take a waiting command back before it is published",
           COMMANDS, act=True, footer=13, cli="device-console cancel ID"),
    Action("mark", "space", "space", "mark", "Mark or unmark the device", frozenset({"devices"}), footer=14),
    Action("mark_range", "v", "v", "mark range", "Begin a range of marks; the second v ends it",
           frozenset({"devices"})),
    Action("mark_all", "a", "a", "mark all", "Mark all that the filter shows, or unmark them",
           frozenset({"devices"})),
    Action("filter", "slash,f", "/", "filter", "Filter: every word must occur; esc clears it", LISTS,
           footer=15),
    Action("sort", "s", "s", "sort", "Sort by device, link, last seen or site", frozenset({"devices"}),
           footer=16),
    Action("tenant_history", "H", "H", "all history",
           "Every command of the marked devices, or of the tenant", frozenset({"devices"}),
           footer=17, cli="device-console history"),
    Action("open_old", "o", "o", "retried one", "Open the command that this one repeats",
           frozenset({"detail"})),
    Action("copy_id", "y", "y", "copy id", "Copy the command's id", COMMANDS | {"problems"}, footer=18),
    Action("copy_json", "Y", "Y", "copy json", "Copy the command as JSON", COMMANDS, footer=24,
           cli="device-console show ID --json"),
    Action("copy_cli", "C", "C", "copy shell line", "Copy the shell line that sends the same again",
           COMMANDS),
    Action("review", "ctrl+s,f5", "ctrl+s/f5", "review and send", "Review the command; the dialog sends it",
           frozenset({"compose"}), act=True, footer=1, cli="device-console send DEVICE TYPE", priority=True),
    Action("compose_cli", "f8", "f8", "copy shell line", "Copy the shell line that sends the same",
           frozenset({"compose"}), footer=3, priority=True),
    Action("problems", "p", "p", "problems", "ACKs that matched nothing, conflicts, refusals",
           frozenset({"devices", "history"}), footer=21, cli="device-console problems"),
    Action("tenant", "t", "t", "tenant", "Switch to another of your tenants", frozenset({"devices"}),
           footer=22),
    Action("goto", "colon", ":", "go", "Go to a device or a command by its id", MAIN, footer=20),
    Action("theme", "f9", "f9", "light/dark", "Change between the dark and the light theme",
           MAIN | {"compose"}),
    Action("back", "escape", "esc", "back", "Go back; first clears a filter or marks",
           MAIN | {"compose"}, footer=23),
    Action("help", "question_mark,f1", "?", "help", "All keys", MAIN, footer=30),
    Action("quit", "q", "q", "quit", "Leave the console", MAIN, footer=31),
)  # fmt: skip
ACTS = frozenset(action.id for action in ACTIONS if action.act)

MOVES = (
    ("↑ ↓  j k", "Move by a row"),
    ("pgup pgdn", "Move by a page"),
    ("g G", "First and last row"),
    ("ctrl+p", "Command palette: every action by name"),
    ("y (dialog)", "Confirm; enter and esc cancel"),
)


def actions_for(screen: str, *, read_only: bool = False) -> tuple[Action, ...]:
    """What can be done on a screen; without the acts when the console only reads."""
    return tuple(a for a in ACTIONS if screen in a.screens and not (a.act and read_only))


def bindings_for(screen: str) -> list[BindingType]:
    """The keys of a screen; their ids let an operator's keymap change them."""
    return [
        Binding(a.keys, a.id, a.label, show=False, id=f"{screen}.{a.id}", priority=a.priority)
        for a in actions_for(screen)
    ]
