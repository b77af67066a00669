"""Params as a form: a field for each key that the catalogue describes."""

import json
from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from console.domain.forms import Field, Filled, Form, filled, texts_of
from console.domain.text.safe import safe
from console.tables.columns import Cell
from console.tui.widgets.fields import complete, json_paste
from console.tui.widgets.text import Lines

_WIDEST_NAME = 20


class FieldInput(Input):
    """One field; if it has choices, down and up step through them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "choice(1)", show=False),
        Binding("up", "choice(-1)", show=False),
        Binding("tab", "complete", show=False),
    ]

    def __init__(self, field: Field, text: str) -> None:
        choices = SuggestFromList(field.choices, case_sensitive=False) if field.choices else None
        only = safe(next(iter(field.choices)), 40) if len(field.choices) == 1 else ""
        super().__init__(text, compact=True, max_length=4_000, suggester=choices, placeholder=only)
        self.field = field

    def action_complete(self) -> None:
        """Accept the grey text: the first choice with the typed prefix, or the only choice."""
        if not self.value and len(self.field.choices) == 1:
            self.action_choice(1)
        else:
            complete(self, tuple(self.field.choices))

    def action_choice(self, by: int) -> None:
        choices = list(self.field.choices)
        if not choices:
            (self.screen.focus_next if by > 0 else self.screen.focus_previous)()
            return
        place = choices.index(self.value) + by if self.value in choices else min(by, 0)
        self.value = choices[place % len(choices)]
        self.cursor_position = len(self.value)


class ParamsForm(VerticalScroll):
    """Shows the params as a form. Keys that the form does not know are kept."""

    class Changed(Message):
        """Something was typed."""

    def __init__(self, write: Callable[[str], None], *, id: str) -> None:  # noqa: A002
        """`write` takes the new JSON text at once, so that form and text are equal before the next key."""
        super().__init__(id=id, can_focus=False)
        self._write = write
        self._form: Form | None = None
        self._params = "{}"
        self._written: str | None = None
        self._entries: list[FieldInput] = []
        self.faults: tuple[str, ...] = ()
        self.behind = False

    def can_show(self, form: Form, params: str) -> bool:
        """Return whether these params fit into the form without losing anything."""
        return self.holds(form, params) or texts_of(form, params) is not None

    def _judge(self, found: Filled) -> None:
        """Record the faults; `behind` is whether the fields contain what is not in the params yet."""
        self.faults = found.faults
        self.behind = bool(found.faults) and found.params != json.loads(self._params)

    def holds(self, form: Form, params: str) -> bool:
        """Return whether the fields already show these params, perhaps with edits that are not valid yet."""
        return form == self._form and params == self._written

    def show(self, form: Form, params: str) -> None:
        """Show these params; keep the fields if the params are what the form wrote last."""
        if self.holds(form, params):
            return
        texts = texts_of(form, params) or {}
        if form != self._form:
            self._form = form
            self._entries = [FieldInput(field, texts.get(field.name, "")) for field in form.fields]
            width = min(_WIDEST_NAME, max(len(safe(field.name)) for field in form.fields)) + 2
            self.remove_children()
            self.mount(*(_row(entry, width) for entry in self._entries))
        else:
            for entry in self._entries:
                with entry.prevent(Input.Changed):
                    entry.value = texts.get(entry.field.name, "")
        self._params, self._written = params, params
        self._judge(self._filled())

    def focus_first(self) -> None:
        self._entries[0].focus()

    @on(Input.Submitted)
    def _next(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input is not self._entries[-1]:  # the type field is next, and must not get more keys
            self.screen.focus_next()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._form is None:
            return
        found = self._filled()
        self._judge(found)
        if not found.faults:
            self._params = self._written = json_paste(json.dumps(found.params, ensure_ascii=False))
            self._write(self._params)
        self.post_message(self.Changed())

    def _filled(self) -> Filled:
        texts = {entry.field.name: entry.value for entry in self._entries}
        return filled(self._form or Form(()), texts, self._params)


def _row(entry: FieldInput, width: int) -> Horizontal:
    name = Static(safe(entry.field.name, _WIDEST_NAME), classes="field", markup=False)
    name.styles.width = width
    hint = Lines(classes="hint")
    hint.show([(Cell(safe(entry.field.hint, 300), "dim"),)])
    return Horizontal(name, entry, hint, classes="field-row")
