"""Going to anything by a part of its name, or doing something by its word: a list with one marked row.

Decided in docs/decisions/0086-one-marked-row.md
"""

import time
from functools import partial
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input

from console.domain.text.safe import safe
from console.errors import ConsoleError
from console.tables.columns import Cell
from console.tui.keys.allowed import director_for
from console.tui.presenters.go import first_row, go_keys, go_title, rows_of
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.dialogs.choices import acts, only, ranked, requests, screens, sites, views
from console.tui.screens.dialogs.every_act import acts_first as with_acts_first
from console.tui.screens.dialogs.every_act import every_act
from console.tui.screens.dialogs.go_search import GoSearch
from console.tui.state.background import start
from console.tui.state.choices import Choice, Kind
from console.tui.state.console_state import ConsoleState
from console.tui.terminal.frames import when_seen
from console.tui.widgets.text import Lines

_MOST_ROWS, _LEAST_ROWS = 10, 3
_CHROME = 5  # rows of the dialog and the screen around a list that may be long
UNMARKED = -1


class _Typed(Input):
    """Remembers when its last key was pressed; the keys that move the mark go to the dialog."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "screen.step(1)", show=False),
        Binding("up", "screen.step(-1)", show=False),
        Binding("tab", "screen.fill", show=False),
    ]
    pressed_at = 0.0

    def on_key(self, event: events.Key) -> None:
        self.pressed_at = event.time


class _Rows(Lines):
    """The list; a click takes a row."""

    ALLOW_SELECT = False

    class Clicked(Message):
        def __init__(self, row: int) -> None:
            super().__init__()
            self.row = row

    def on_click(self, event: events.Click) -> None:
        self.post_message(self.Clicked(event.y))


class GoDialog(ModalScreen[Choice | None]):
    """Returns the marked choice. Enter takes what could be seen: faster fingers get only a whole name."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", show=False)]

    def __init__(self, state: ConsoleState, behind: ConsoleScreen, *, acts_first: bool = False) -> None:
        """`acts_first`: all that the screen can do is listed, and before the rest."""
        super().__init__()
        self._acts_first = acts_first
        self._state, self._behind = state, behind
        self._search = GoSearch(state)
        self._sites: tuple[str, ...] = ()
        self._choices: tuple[Choice, ...] = ()
        self._mark = UNMARKED
        self._note = ""
        self._reading = False
        self._listed: str | None = None  # the text that the list is for
        self._entered: str | None = None  # the text at which enter was pressed before its list was seen
        self._painted_at: float | None = None
        self._title, self._rows, self._foot = Lines(id="go-title"), _Rows(id="go-rows"), Lines(id="go-keys")
        self._typed = _Typed(
            placeholder="a site, a device, an id, a screen, or what to do", compact=True, max_length=200
        )

    def compose(self) -> ComposeResult:
        with Vertical(id="go"):
            yield self._title
            yield self._rows
            with Horizontal(id="go-line"):
                yield Lines(id="go-mark")
                yield self._typed
            yield self._foot

    def on_mount(self) -> None:
        self._list("", self._untyped())
        start(self, self._read_sites, "sites")

    def on_resize(self) -> None:
        self._show()

    async def _read_sites(self) -> None:
        """Read the names of the sites; a link that is down is reported by what is looked up."""
        try:
            self._sites = await self._search.sites()
        except ConsoleError:
            return
        if self._text:
            self._listed = self._painted_at = None
            self._look()

    @property
    def _text(self) -> str:
        typed = self._typed.value.strip().removeprefix(":").strip()
        return typed.encode("utf-8", "replace").decode().replace("\x00", "")

    # Listing

    @on(Input.Changed)
    def _changed(self) -> None:
        self._painted_at = None
        self._look()

    def _look(self) -> None:
        if not self._reading:
            self._reading = True
            start(self, self._look_up, "find")

    async def _look_up(self) -> None:
        """Look up what is typed, again for as long as it changes meanwhile."""
        try:
            while self._listed != self._text:
                text = self._text
                found = await self._found(text) if text else self._untyped()
                if text == self._text:
                    self._list(text, found)
        finally:
            self._reading = False

    def _untyped(self) -> list[Choice]:
        return [*(every_act("", self._behind) if self._acts_first else ()), *screens()]

    async def _found(self, text: str) -> list[Choice]:
        kept = self._state.program.views.load(self._state.tenant)
        offered = every_act if self._acts_first else acts
        found = [*sites(text, self._sites), *views(text, kept), *screens(text), *offered(text, self._behind),
                 *requests(text, director_for(self._state.program))]  # fmt: skip
        try:
            return [*found, *await self._search.find(text)]
        except ConsoleError as error:
            self._search.note = safe(error, 300)
            return found

    def _list(self, text: str, found: list[Choice]) -> None:
        """Show what was found; the first row is marked, unless nothing is typed yet."""
        recent = self._state.chosen(self._state.tenant)
        if text:
            self._choices, self._mark = ranked(text, found, [choice.key for choice in recent]), 0
        else:
            once = {one.key: one for one in (*recent, *found) if one.action is None or one in found}
            self._choices, self._mark = tuple(once.values()), UNMARKED
        if self._acts_first:
            self._choices = with_acts_first(text, self._choices)
        shown, where = safe(text, 60), safe(self._state.tenant, 40)
        nothing = f"There is no device, command or bulk send “{shown}” in {where}."
        self._note = self._search.note or ("" if self._choices or not text else nothing)
        self._listed = text
        self._show()
        self.call_after_refresh(when_seen, self.app, partial(self._painted, text))
        if self._entered is not None:
            entered, self._entered = self._entered, None
            chosen = only(text, self._choices) if entered == text else None
            if chosen is not None:
                self._take(chosen)

    def _painted(self, text: str) -> None:
        if text == self._text:
            self._painted_at = time.monotonic()

    @property
    def _most(self) -> int:
        height = self.app.size.height
        return max(_LEAST_ROWS, height - _CHROME if self._acts_first else min(_MOST_ROWS, height // 3))

    def _show(self) -> None:
        width, rows = self.app.size.width, [(one.kind, one.name, one.note) for one in self._choices]
        last = first_row(max(0, self._mark), len(rows), self._most) + self._most
        head = "Do, or go to" if self._acts_first else "Go to"
        self._title.show([go_title(head, len(rows), min(len(rows), last), self._note, width)])
        self._rows.show(rows_of(rows, self._mark, self._most, width))
        self._rows.display = bool(rows)
        self.query_one("#go-mark", Lines).show([(Cell(" : ", "accent"),)])
        self._foot.show([go_keys(width)])

    # Choosing

    def action_step(self, by: int) -> None:
        """Mark the next row."""
        if self._choices:
            self._mark = max(0, min(len(self._choices) - 1, self._mark + by))
            self._show()

    def action_fill(self) -> None:
        """Type the marked row's name."""
        if self._choices and self._listed == self._text:
            marked = self._choices[max(0, self._mark)]
            self._typed.value = marked.id if marked.action is None else self._behind.label(marked.action)
            self._typed.cursor_position = len(self._typed.value)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        """Take the marked row if its list could be seen when enter was pressed."""
        text = self._text
        is_seen = self._painted_at is not None and self._typed.pressed_at >= self._painted_at
        marked = self._choices[self._mark] if self._choices and self._mark != UNMARKED else None
        is_place = marked is not None and marked.kind is not Kind.ACT
        if self._listed == text and (is_seen or (not text and is_place)):
            if marked is not None:
                self._take(marked)
        elif self._listed == text:
            chosen = only(text, self._choices)
            if chosen is not None:
                self._take(chosen)
        else:
            self._entered = text

    @on(_Rows.Clicked)
    def _row_clicked(self, event: _Rows.Clicked) -> None:
        place = first_row(max(0, self._mark), len(self._choices), self._most) + event.row
        if self._listed == self._text and place < len(self._choices):
            self._take(self._choices[place])

    def _take(self, chosen: Choice) -> None:
        self._state.choose(chosen)
        self.dismiss(chosen)

    def action_close(self) -> None:
        self.dismiss(None)
