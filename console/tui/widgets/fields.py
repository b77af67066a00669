"""Fields to type into: pasted text is cleaned, and never sends anything."""

import re
from collections.abc import Sequence

from textual import events
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
