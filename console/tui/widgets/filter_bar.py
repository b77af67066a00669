"""The line in which a filter is typed: applied 120 ms after the last key, with faults and completions."""

import contextlib
import textwrap
from collections.abc import Callable

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.timer import Timer
from textual.widgets import Input, Static

from console.domain.filters.completion import completions
from console.domain.filters.language import Filter, Scope, parse_filter
from console.domain.filters.values import KnownValues, notes
from console.domain.text.safe import safe
from console.tables.columns import Cell, Tone
from console.tui.presenters.cells import Line
from console.tui.widgets.text import Lines

DEBOUNCE_S = 0.12
_OFFERED = 6
_NOTES = 2
_REMEMBERED = 50
_EXAMPLES = {
    Scope.DEVICES: "lyon  status:offline  -tag:spare",
    Scope.COMMANDS: "phase:missed  age>1h",
    Scope.PROBLEMS: "kind:forged*  age<1d",
    Scope.BATCHES: "type:reboot  by:alice  age<7d",
}
Values = Callable[[], KnownValues]


class FilterBar(Vertical):
    """Hidden while there is no filter. `values` are those known to occur.

    `first` is the filter that the screen was opened with: clearing restores it. `parsed` is the applied
    filter, so that each text is parsed only once. `earlier` is the list of filters that were applied
    before, the newest last; it is shared by all bars of a scope, and the up key walks through it.
    """

    class Changed(Message):
        """The filter was applied."""

    class Left(Message):
        """The operator has finished typing."""

    def __init__(
        self,
        scope: Scope,
        values: Values = KnownValues,
        first: str = "",
        earlier: list[str] | None = None,
    ) -> None:
        super().__init__(id="filter-bar")
        self._earlier = [] if earlier is None else earlier
        self._place = 0  # in `_earlier`; its length: what is being typed
        self._begun = ""  # what was typed before walking through earlier filters
        self._first = first
        self._scope = scope
        self._values = values
        self._timer: Timer | None = None
        self._field = Input(
            placeholder=_EXAMPLES[scope], compact=True, id="filter", suggester=_Completer(self._offers),
            select_on_focus=False,
        )  # fmt: skip
        self._field.can_focus = False  # a new screen focuses its first field, before this one is hidden
        self._count = Lines(id="filter-count")
        self._hint = Lines(id="filter-hint")
        self.text = ""
        self.parsed = self._typed_filter = Filter(scope)

    def compose(self) -> ComposeResult:
        with Horizontal(id="filter-line"):
            yield Static(" / ", markup=False, classes="mark")
            yield self._field
            yield self._count
        yield self._hint

    def on_mount(self) -> None:
        self._hint.display = False
        if self._first:
            self.put(self._first)

    def on_resize(self) -> None:
        self.show_hint()

    @property
    def can_clear(self) -> bool:
        """Whether the operator has changed the filter that the screen was opened with."""
        return bool(self.text) and self.text != self._first

    @property
    def within_first(self) -> bool:
        """Whether everything shown is also found by the first filter."""
        return self.text == self._first or self.text.startswith(f"{self._first} ")

    @property
    def _typed(self) -> Filter:
        """The filter typed so far; parsed once for each text."""
        if self._field.value != self._typed_filter.text:
            self._typed_filter = parse_filter(self._field.value, self._scope)
        return self._typed_filter

    def open(self) -> None:
        """Let the operator type, at the end of what is there: one backspace takes one character."""
        self.add_class("-up")
        self._place = len(self._earlier)
        self._field.can_focus = True
        self._field.focus()
        self._field.cursor_position = len(self._field.value)

    def put(self, text: str) -> None:
        """Filter by this text, as if it had been typed."""
        self._field.value = _fit(text)
        self._field.can_focus = True
        self.set_class(bool(text), "-up")
        self._settle()

    def clear(self) -> None:
        self.put(self._first)

    def count(self, text: str) -> None:
        self._count.show([(Cell(f"{text} ", "dim"),)])

    def _offers(self, text: str, cursor: int) -> tuple[str, ...]:
        return completions(text, cursor, self._scope, self._values().values)

    def show_hint(self, *, judges: bool = True) -> None:
        """Show what is wrong with the text, how it can be completed, or which of its values do not occur.

        Without `judges` the values are not checked: that looks at all of them, too slow for every key.
        """
        self._hint.display = True
        faults = self._typed.faults
        if faults:
            more = f" And {len(faults) - 1} more." if len(faults) > 1 else ""
            self._hint.show(self._hanging(" ! ", safe(faults[0].sentence, 300) + more, "bad"))
            return
        offers = self._offers(self._field.value, self._field.cursor_position)[:_OFFERED]
        if offers and self._field.has_focus:
            words = "  ".join(safe(offer, 30) for offer in offers)
            self._hint.show(self._hanging("   → ", f"{words}  (tab takes the first)", "dim"))
            return
        found = notes(self._typed, self._values(), _NOTES) if judges else ()
        lines = [
            line
            for note in found
            for line in self._hanging(
                " ! " if note.is_fault else "   → ",
                safe(note.sentence, 300),
                "bad" if note.is_fault else "warn",
            )
        ]
        self._hint.display = bool(lines)
        self._hint.show(lines)

    def _hanging(self, lead: str, text: str, tone: Tone) -> list[Line]:
        """Wrap the text into lines that are indented after `lead`."""
        width = max(20, self.size.width - len(lead) - 1)
        rows = textwrap.wrap(text, width, break_on_hyphens=False) or [""]
        return [
            (Cell((lead if place == 0 else " " * len(lead)) + row, tone),) for place, row in enumerate(rows)
        ]

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.show_hint(judges=False)
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(DEBOUNCE_S, self._settle)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._settle()
        self._leave()

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.clear()
            self._leave()
        elif event.key in {"down", "up"}:
            event.stop()
            self._walk(-1 if event.key == "up" else 1)
        elif event.key == "tab":
            event.stop()
            event.prevent_default()
            self._complete()

    def _walk(self, by: int) -> None:
        """Recall an earlier filter, or a later one; down from what is being typed leaves the bar."""
        place = self._place + by
        if place > len(self._earlier):
            self._leave()
        elif place >= 0:
            if self._place == len(self._earlier):
                self._begun = self._field.value
            self._place = place
            self._field.value = (*self._earlier, self._begun)[place]
            self._field.cursor_position = len(self._field.value)

    def _remember(self) -> None:
        """Put the applied filter at the end of the earlier ones."""
        if self.can_clear and not self._typed.faults:
            with contextlib.suppress(ValueError):
                self._earlier.remove(self.text)
            self._earlier.append(self.text)
            del self._earlier[:-_REMEMBERED]

    def _complete(self) -> None:
        """Replace the word under the cursor by the first offer."""
        text, cursor = self._field.value, self._field.cursor_position
        offers = self._offers(text, cursor)
        if offers:
            start = text[:cursor].rfind(" ") + 1
            self._field.value = text[:start] + offers[0] + text[cursor:]
            self._field.cursor_position = start + len(offers[0])

    def _settle(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        text = _fit(self._field.value)
        self.show_hint()
        if text != self.text:
            self.text, self.parsed = text, self._typed
            self.post_message(self.Changed())

    def on_descendant_blur(self) -> None:
        """Apply what was typed; without the focus offers are hidden, faults stay."""
        self._settle()

    def _leave(self) -> None:
        """Apply what was typed, even if the bar is left at once, and keep a filter visible."""
        self._settle()
        self._remember()
        self.set_class(bool(self.text), "-up")
        self.post_message(self.Left())
        self.call_after_refresh(self.show_hint)


def _fit(text: str) -> str:
    """Leave out what neither a terminal nor a database takes."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")


class _Completer(Suggester):
    """Suggests the first offer, as grey text after the cursor."""

    def __init__(self, offers: Callable[[str, int], tuple[str, ...]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._offers = offers

    async def get_suggestion(self, value: str) -> str | None:
        start = value.rfind(" ") + 1
        word = value[start:]
        offers = self._offers(value, len(value))
        return value[:start] + offers[0] if offers and word and offers[0].startswith(word) else None
