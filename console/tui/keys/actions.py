"""What an operator can do on a screen: keys, footer, help and palette are all made from these values."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from textual.binding import Binding, BindingType

if TYPE_CHECKING:
    from console.runtime.program import Program

CONFIRM_KEY = "y"  # in a dialog; no act may have this key, or pressing it twice would confirm
ON_SCREEN_ONLY = ""  # what concerns only this terminal has no shell command
S = TypeVar("S")

MOVES = (
    ("↑ ↓  j k", "Move by a row"),
    ("pgup pgdn", "Move by a page"),
    ("g G", "First and last row"),
    ("ctrl+p", "Do, or go to: all that can be done here, then the places of :"),
    ("y (dialog)", "Confirm; enter and esc cancel"),
)


def _never(_: object) -> None:
    return None


def _always(_: object) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Action(Generic[S]):
    """One action on a screen of type `S`.

    `shell` is the shell command that does the same, with words to fill in. `run` does it, unless `reason`
    returns why it cannot be done now; `offered` is whether it exists here at all. An `act` changes
    data or devices, so it is hidden when the console is read-only. `barred` returns the sentence why this
    program never does it, because it reaches the host; then it is hidden, too. `footer` orders the footer; 0:
    not in it. `label_now` returns a label that changes, `shown_as` is how the keys are written, if not by
    their names.
    """

    id: str
    keys: str
    label: str
    help: str
    shell: str
    run: Callable[[S], object]
    reason: Callable[[S], str | None] = _never
    act: bool = False
    footer: int = 0
    priority: bool = False
    shown_as: str = ""
    label_now: Callable[[S], str] | None = None
    offered: Callable[[S], bool] = _always
    barred: Callable[["Program"], str | None] = _never

    @property
    def shown(self) -> str:
        """The key as footer, help and palette show it."""
        return self.shown_as or self.keys.split(",")[0]


def bindings_for(screen: str, actions: Iterable[Action[Any]]) -> list[BindingType]:
    """Bind the keys of a screen's actions; the ids let an operator's keymap change them."""
    return [
        Binding(a.keys, f"listed('{a.id}')", a.label, show=False, id=f"{screen}.{a.id}", priority=a.priority)
        for a in actions
    ]
