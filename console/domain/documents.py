"""A JSON document as the database writes it out, whole or the beginning of it."""

import json
from dataclasses import dataclass

TOO_LONG = '"cut: as text, this document is too long to be shown"'  # in place of megabytes of text


@dataclass(frozen=True, slots=True)
class Document:
    """The text of a document; `complete` is False if only its beginning was read, or nothing."""

    text: str
    complete: bool = True

    @property
    def as_json(self) -> str:
        """The document for use inside another: itself, or what was read of it as a string."""
        return self.text if self.complete or self.text == TOO_LONG else json.dumps(self.text)


def is_whole(text: str, most: int) -> bool:
    """Return whether a document that was read with a limit of one character more than `most` is all of it."""
    return len(text) <= most and text != TOO_LONG
