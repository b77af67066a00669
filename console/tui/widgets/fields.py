"""Fields to type into: pasted text is cleaned, and never sends anything."""

import re
from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.suggester import SuggestFromList
from textual.widgets import Input, TextArea

from console.domain.text.safe import safe


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    if safe(character) == character:
        return character
    return "".join(f"\\u{int.from_bytes(pair, 'big'):04x}" for pair in _utf16_pairs(character))


def _utf16_pairs(character: str) -> list[bytes]:
    data = character.encode("utf-16-be", "surrogatepass")
    return [data[i : i + 2] for i in range(0, len(data), 2)]


def json_paste(text: str) -> str:
    """Clean pasted JSON: control characters become JSON escapes, which mean the same."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(2)
    return re.sub(r"[^\n -~]", _escaped, lines)


class ParamsArea(TextArea):
    """The JSON editor; tab leaves it."""

    async def on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        if self.read_only:
            return
        text = json_paste(event.text)
        start, end = self.selection.start, self.selection.end
        if self._is_untouched and text.lstrip()[:1] in {"{", "["}:
            start, end = (0, 0), self.document.end
        self.replace(text, start, end, maintain_selection_offset=False)

    def on_focus(self) -> None:
        """Select the empty object of a new command, so that what is typed or pasted replaces it."""
        if self._is_untouched:
            self.select_all()

    @property
    def _is_untouched(self) -> bool:
        return self.text.strip() == "{}"


def complete(field: Input, offered: Sequence[str]) -> None:
    """Complete what is typed by the first offer with that prefix; go to the next field if there is none."""
    typed = field.value
    found = next((text for text in offered if typed and text.startswith(typed)), typed)
    if typed in {found, *offered} or field.cursor_position < len(typed):
        field.screen.focus_next()
    else:
        field.value = found
        field.cursor_position = len(found)


class TypeInput(Input):
    """A command type; in an empty field down and up step through the offers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "recent(1)", show=False),
        Binding("up", "recent(-1)", show=False),
        Binding("tab", "complete", show=False),
    ]

    def __init__(self, value: str, *, id: str) -> None:  # noqa: A002
        super().__init__(
            value,
            placeholder="for example reboot",
            compact=True,
            max_length=100,
            id=id,
            select_on_focus=False,
        )
        self.recent: tuple[str, ...] = ()
        self.listed: tuple[str, ...] = ()
        self._place = -1

    def take(self, recent: Sequence[str], listed: Sequence[str]) -> None:
        """Offer recently sent types, then the others listed; leave out those that cannot be shown."""
        self.recent = tuple(kind for kind in recent if safe(kind, 100) == kind)
        self.listed = tuple(kind for kind in listed if safe(kind, 100) == kind and kind not in self.recent)
        self.suggester = SuggestFromList(self.recent + self.listed, case_sensitive=False)

    def action_complete(self) -> None:
        """Accept the offer in grey after the cursor; if there is none, go to the next field."""
        complete(self, self.recent + self.listed)

    def on_blur(self) -> None:
        self._place = -1

    def action_recent(self, by: int) -> None:
        """Step through the offers, starting from an empty field; typed text is not replaced."""
        offered = self.recent + self.listed
        walking = 0 <= self._place < len(offered) and self.value == offered[self._place]
        if self.value and not walking:
            (self.screen.focus_next if by > 0 else self.screen.focus_previous)()
        elif offered:
            self._place = (self._place + by) % len(offered) if walking else min(by, 0) % len(offered)
            self.value = offered[self._place]
            self.cursor_position = len(self.value)
