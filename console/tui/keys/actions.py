"""The one table of what an operator can do: keys, footer, help and palette are all made from it."""

from dataclasses import dataclass, replace

from textual.binding import Binding, BindingType

SCREENS = ("devices", "history", "detail", "compose", "problems", "batches", "batch")
LISTS = frozenset({"devices", "history", "problems", "batches"})
MAIN = LISTS | {"detail", "batch"}
COMMANDS = frozenset({"history", "detail"})
CONFIRM_KEY = "y"  # in a dialog; no act may begin with it, or the same key twice would do it


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. `act` changes the world, so it is not there when the console only reads.

    `footer` orders the footer (0 stays out of it); `cli` is the shell command with words to fill in;
    `beside_fields` is the key on the sheet, whose fields take letters for themselves.
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
    beside_fields: str = ""


ACTIONS: tuple[Action, ...] = (
    Action("open", "enter", "enter", "open",
           "Open what the cursor stands on: a device's history, a command's detail, a batch",
           LISTS | {"batch"}, footer=10, cli="device-console history DEVICE, device-console show ID"),
    Action("compose", "c", "c", "compose",
           "Write a command to the marked devices, the one under the cursor, or a group",
           frozenset({"devices", "history", "detail", "batch"}), act=True, footer=11,
           cli="device-console send DEVICE TYPE, device-console send --where FILTER TYPE --yes"),
    Action("retry", "r", "r", "retry", "Send a settled command again, as a new one with the same TTL",
           COMMANDS, act=True, footer=12, cli="device-console retry ID"),
    Action("explain", "e", "e", "explain", "Say in one sentence why it stands where it stands",
           COMMANDS, footer=14, cli="device-console show ID"),
    Action("edit", "E", "E", "edit and send", "Take a command into a new sheet, to change and send it again",
           COMMANDS, act=True, footer=17, cli="device-console send DEVICE TYPE --params JSON"),
    Action("cancel", "x", "x", "cancel", "Take a waiting command back before it is published",
           COMMANDS, act=True, footer=13, cli="device-console cancel ID"),
    Action("retry_batch", "r", "r", "retry failed",
           "Send to those again that failed, were missed or expired, as a new batch",
           frozenset({"batch"}), act=True, footer=12, cli="device-console retry BATCH"),
    Action("resume_batch", "R", "R", "send the rest",
           "Go on with a batch whose sending ended half-way; nothing is sent twice",
           frozenset({"batch"}), act=True, cli="device-console resume BATCH"),
    Action("stop_batch", "x", "x", "stop", "Send no more of the batch and take back what waits",
           frozenset({"batch"}), act=True, footer=13, cli="device-console cancel BATCH"),
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
    Action("copy_id", "y", "y", "copy id", "Copy the id", COMMANDS | {"problems", "batches", "batch"}, footer=18),
    Action("copy_device", "y", "y", "copy device id", "Copy the id of the device", frozenset({"devices"})),
    Action("copy_target", "D", "D", "copy device id", "Copy the id of the device that it is for", COMMANDS),
    Action("copy_answer", "A", "A", "copy answer", "Copy the device's answer as it was stored", COMMANDS),
    Action("copy_sentence", "S", "S", "copy explanation", "Copy the sentence that says why it stands there",
           COMMANDS),
    Action("copy_json", "Y", "Y", "copy json", "Copy the command as JSON", COMMANDS, footer=24,
           cli="device-console show ID --json"),
    Action("copy_cli", "C", "C", "copy shell line", "Copy the shell line that does the same",
           COMMANDS | {"batch"}),
    Action("export", "w", "w", "export", "Write all that the filter shows as CSV, JSON or JSON lines",
           frozenset({"history", "batch"}), footer=19, cli="device-console export --where FILTER"),
    Action("batches", "b", "b", "bulk sends", "What was sent to many at once, and how it went",
           frozenset({"devices", "history"}), footer=21, cli="device-console batches"),
    Action("review", "ctrl+s,f5", "ctrl+s/f5", "review and send", "Review the command; the dialog sends it",
           frozenset({"compose"}), act=True, footer=1, cli="device-console send DEVICE TYPE", priority=True),
    Action("pick", "f7", "f7", "recent", "Take a recent command or a favourite into the sheet",
           frozenset({"compose"}), footer=4, cli="device-console favourites --recent", priority=True),
    Action("favourite", "f6", "f6", "favourite", "Keep this command at hand, or drop it from the favourites",
           frozenset({"compose"}), footer=5, cli="device-console favourites --keep TYPE", priority=True),
    Action("form", "f2", "f2", "form/JSON", "Change between the form that the catalogue describes and the JSON",
           frozenset({"compose"}), footer=7, cli="device-console types DEVICE", priority=True),
    Action("editor", "f4", "f4", "$EDITOR", "Edit the params in your own editor",
           frozenset({"compose"}), footer=6, cli="device-console send DEVICE TYPE --params -", priority=True),
    Action("compose_cli", "f8", "f8", "copy shell line", "Copy the shell line that sends the same",
           frozenset({"compose"}), footer=3, priority=True),
    Action("problems", "p", "p", "problems", "ACKs that matched nothing, conflicts, refusals",
           frozenset({"devices", "history"}), footer=21, cli="device-console problems"),
    Action("tenant", "t", "t", "tenant", "Switch to another of your tenants", frozenset({"devices"}),
           footer=22),
    Action("goto", "colon", ":", "go", "Go to a device, a command or a bulk send by its id, to problems or batches", MAIN, footer=20),
    Action("zone", "u", "u", "utc/local", "Tell times in UTC or in this terminal's own zone", MAIN),
    Action("theme", "f9", "f9", "light/dark", "Change between the dark and the light theme",
           MAIN | {"compose"}),
    Action("back", "escape", "esc", "back", "Go back; first clears a filter or marks",
           MAIN | {"compose"}, footer=23),
    Action("help", "question_mark,f1", "?", "help", "All keys, and what a filter can say", MAIN | {"compose"},
           footer=30, beside_fields="f1"),
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
    found = (a for a in ACTIONS if screen in a.screens and not (a.act and read_only))
    return tuple(
        replace(a, keys=a.beside_fields, shown=a.beside_fields)
        if a.beside_fields and screen == "compose"
        else a
        for a in found
    )


def bindings_for(screen: str) -> list[BindingType]:
    """The keys of a screen; their ids let an operator's keymap change them."""
    return [
        Binding(a.keys, a.id, a.label, show=False, id=f"{screen}.{a.id}", priority=a.priority)
        for a in actions_for(screen)
    ]
