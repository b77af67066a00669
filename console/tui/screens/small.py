"""The small dialogs: help from the action table, the tenant switcher, go to an id."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from console.domain.safe_text import safe
from console.tui.actions import ACTIONS
from console.tui.presenters.header_text import Part
from console.tui.widgets.status_header import content_of

_MOVES = (
    ("j k / arrows", "Move"),
    ("g G / home end", "First and last row"),
    ("enter", "Open what is under the cursor"),
    ("ctrl+s / f5", "In compose: review, then y sends"),
    ("ctrl+p", "Command palette"),
)


class HelpScreen(ModalScreen[None]):
    """Every key, from the action table."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "app.pop_screen", "close")]

    def __init__(self, *, read_only: bool) -> None:
        super().__init__()
        self._read_only = read_only

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="dialog", classes="tall"):
            yield Static("Keys", id="question", markup=False)
            yield Static(content_of(help_parts(read_only=self._read_only)), markup=False)


def help_parts(*, read_only: bool) -> list[Part]:
    """One line an action: key, what it does, its twin in the shell."""
    parts: list[Part] = []
    for action in ACTIONS:
        if action.acts and read_only:
            continue
        key = action.key_label or action.keys
        parts += [(f"{key:>8}  ", "accent"), (f"{action.help}\n", "")]
        if action.twin:
            parts.append((f"{'':10}{action.twin}\n", "dim"))
    for key, text in _MOVES:
        parts += [(f"{key:>14}  ", "accent"), (f"{text}\n", "")]
    return parts


class TenantScreen(ModalScreen[str | None]):
    """The tenants that the operator may switch between."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", "close")]

    def __init__(self, tenants: tuple[str, ...]) -> None:
        super().__init__()
        self._tenants = tenants

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static("Switch to which tenant?", id="question", markup=False)
            yield OptionList(*(Option(Content(safe(name, 64))) for name in self._tenants))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._tenants[event.option_index])


class GoToScreen(ModalScreen[str | None]):
    """A device's or a command's id, typed."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "close")]

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static("Go to a device or a command", id="question", markup=False)
            yield Input(placeholder="its id", max_length=128)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)
