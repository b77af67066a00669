"""The header line: tenant, operator, links, outbox; and the banner below it while a link is down."""

from textual.content import Content
from textual.widgets import Static

from console.tui.presenters.header_text import Part, header_parts

STYLES = {
    "bold": "bold",
    "dim": "$text-muted",
    "good": "$text-success",
    "warn": "$text-warning",
    "bad": "bold $text-error",
    "accent": "$text-accent",
    "flag": "bold reverse",
    "": "",
}


def content_of(parts: list[Part]) -> Content:
    """Styled text; never markup."""
    return Content.assemble(*((text, STYLES.get(style, "")) for text, style in parts))


class StatusHeader(Static):
    """One line; repainted only when it says something new."""

    def __init__(self) -> None:
        super().__init__("", markup=False, id="header")
        self._said: object = None

    def say(self, left: list[Part], right: list[Part], width: int) -> None:
        """Show the two parts at the two ends of the line."""
        said = (left, right, width)
        if said == self._said:
            return
        self._said = said
        tail: list[Part] = []
        for part in right:
            tail += [part, ("   ", "")]
        tail = tail[:-1]
        used = sum(len(text) for text, _ in [*left, *tail])
        self.update(content_of([(" ", ""), *left, (" " * max(1, width - used - 2), ""), *tail]))


class Banner(Static):
    """A sentence while something is down; takes no room otherwise."""

    def __init__(self) -> None:
        super().__init__("", markup=False, id="banner")
        self.display = False
        self._said = ""

    def say(self, text: str) -> None:
        """Show or hide the sentence."""
        if text != self._said:
            self._said = text
            self.display = bool(text)
            self.update(Content(text))


__all__ = ["Banner", "StatusHeader", "content_of", "header_parts"]
