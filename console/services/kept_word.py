"""A word in a small file of an operator's own: the theme they chose, how far the tour went.

Decided in docs/decisions/0087-a-theme-is-the-operators.md
"""

import os
import tempfile
from pathlib import Path

_MOST_BYTES = 100


class KeptWord:
    """Reads and writes the file; without a path nothing is kept. `what` names it in sentences."""

    def __init__(self, path: Path | None, what: str) -> None:
        self._path = path
        self._what = what

    def load(self) -> str:
        """Return the word as it stands there; empty if there is none or it cannot be read."""
        if self._path is None:
            return ""
        try:
            with self._path.open("rb") as file:
                return file.read(_MOST_BYTES).decode("ascii").strip()
        except (OSError, ValueError):
            return ""

    def keep(self, word: str) -> str:
        """Replace the file atomically; return why it could not be written, or nothing."""
        if self._path is None:
            return ""
        made = ""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            number, made = tempfile.mkstemp(dir=self._path.parent, prefix=".kept-")
            with os.fdopen(number, "w", encoding="ascii") as file:
                file.write(f"{word}\n")
            Path(made).replace(self._path)
        except OSError as error:
            if made:
                Path(made).unlink(missing_ok=True)
            return f"The {self._what} cannot be kept: {error.strerror or 'the file cannot be written'}."
        return ""
