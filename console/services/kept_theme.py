"""The theme that an operator chose on the screen: one word in a small file of their own.

Decided in docs/decisions/0087-a-theme-is-the-operators.md
"""

import os
import tempfile
from pathlib import Path

_MOST_BYTES = 100


class KeptTheme:
    """Reads and writes the file; without a path nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def load(self) -> str:
        """Return the name as it stands there; empty if there is none or it cannot be read."""
        if self._path is None:
            return ""
        try:
            with self._path.open("rb") as file:
                return file.read(_MOST_BYTES).decode("ascii").strip()
        except (OSError, ValueError):
            return ""

    def keep(self, name: str) -> str:
        """Replace the file atomically; return why it could not be written, or nothing."""
        if self._path is None:
            return ""
        made = ""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            number, made = tempfile.mkstemp(dir=self._path.parent, prefix=".theme-")
            with os.fdopen(number, "w", encoding="ascii") as file:
                file.write(f"{name}\n")
            Path(made).replace(self._path)
        except OSError as error:
            if made:
                Path(made).unlink(missing_ok=True)
            return f"The theme cannot be kept: {error.strerror or 'the file cannot be written'}."
        return ""
