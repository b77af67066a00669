"""The action table: key, words, help and shell twin of every act, once, for screens, palette and help."""

from dataclasses import dataclass

from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Action:
    """One thing an operator can do. `acts`: changes something, so read-only leaves it out."""

    id: str
    keys: str
    label: str
    help: str
    screens: tuple[str, ...]
    twin: str = ""
    acts: bool = False
    footer: bool = True
    key_label: str = ""


_LISTS = ("devices", "history", "problems")
ACTIONS: tuple[Action, ...] = (
    Action("compose", "c", "compose", "Compose a command for the marked devices, or the one under the cursor",
           ("devices", "history"), "device-console send DEVICE TYPE", acts=True),
    Action("mark", "space", "mark", "Mark the device under the cursor", ("devices",)),
    Action("mark_all", "a", "mark all", "Mark every device that the filter shows, or none", ("devices",), footer=False),
    Action("sort", "s", "sort", "Sort by the next column", ("devices",)),
    Action("retry", "r", "resend", "Send a settled command again, as a new command", ("history", "detail"),
           "device-console retry ID", acts=True),
    Action("cancel", "x", "cancel", "Cancel a command that is not published yet", ("history", "detail"),
           "device-console cancel ID", acts=True),
    Action("copy_id", "y", "copy id", "Copy the command's id", ("history", "detail"), "device-console show ID"),
    Action("copy_json", "Y", "copy json", "Copy the command as JSON", ("history", "detail"),
           "device-console show ID --json", footer=False),
    Action("copy_line", "C", "copy line", "Copy the shell line that sends the same", ("history", "detail"),
           "device-console send …", footer=False),
    Action("filter", "slash", "filter", "Filter by words: each must occur", _LISTS, "device-console devices WORDS",
           key_label="/"),
    Action("all_history", "H", "all history", "The history of the whole tenant", ("devices",),
           "device-console history"),
    Action("problems", "p", "problems", "Answers that matched nothing, conflicts, refusals", ("devices", "history"),
           "device-console problems"),
    Action("tenants", "t", "tenant", "Switch to another tenant", ("devices",), "device-console --tenant T …",
           footer=False),
    Action("go_to", "colon", "go to", "Go to a device or a command by its id", ("devices", "history", "problems"),
           "device-console show ID", footer=False, key_label=":"),
    Action("utc", "u", "utc/local", "Show times in UTC or in local time", ("history", "detail"), footer=False),
    Action("help", "question_mark", "help", "All keys", (*_LISTS, "detail"), "device-console --help", key_label="?"),
    Action("back", "escape", "back", "Back to where you came from", ("history", "detail", "problems"),
           key_label="esc"),
    Action("quit", "q", "quit", "Leave the console", ("devices",), footer=False),
)  # fmt: skip


def bindings_for(screen: str) -> list[Binding]:
    """The bindings of one screen, in the order of the table."""
    return [
        Binding(
            action.keys,
            f"do('{action.id}')",
            action.label,
            show=action.footer,
            key_display=action.key_label or None,
            id=f"{screen}.{action.id}",
        )
        for action in ACTIONS
        if screen in action.screens
    ]


def action_of(action_id: str) -> Action:
    """The action with this id."""
    return next(action for action in ACTIONS if action.id == action_id)
