"""A JSON document as the database writes it out, whole or the beginning of it."""

import json
from dataclasses import dataclass

TOO_LONG = '"cut: as text, this document is too long to be shown"'  # instead of one that would be megabytes


@dataclass(frozen=True, slots=True)
class Document:
    """Its text; `complete` is False where only the beginning of it was read, or nothing at all."""

    text: str
    complete: bool = True

    @property
    def as_json(self) -> str:
        """What stands for it in another document: itself, or as a text what was read of it."""
        return self.text if self.complete or self.text == TOO_LONG else json.dumps(self.text)


def read_back(text: str, most: int) -> Document:
    """Tell a document of which one character more than `most` was asked for."""
    return Document(text[:most], complete=len(text) <= most and text != TOO_LONG)
