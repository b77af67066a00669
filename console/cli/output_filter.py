"""The output filter of the shell commands: text for a terminal contains no control characters.

Decided in docs/decisions/0042-the-gate-of-the-shell.md
"""

import os
import sys
from collections.abc import Iterable
from io import TextIOBase
from typing import TextIO

from console.domain.text.safe import safe

_MOST_OVER = 70


def guard_terminals() -> None:
    """Filter standard output and standard error if they are terminals.

    A file or a pipe gets the data unchanged, byte for byte: another program may need it.
    """
    if _is_terminal(sys.stdout):
        sys.stdout = TerminalStream(sys.stdout)
    if _is_terminal(sys.stderr):
        sys.stderr = TerminalStream(sys.stderr)


def _is_terminal(stream: TextIO | None) -> bool:
    """Return whether the stream is a terminal; Python has None for a stream that the shell has closed."""
    return stream is not None and not stream.closed and stream.isatty()


class TerminalStream(TextIOBase):
    """A text stream to a terminal: line ends are kept, and every other control character is made visible.

    All output passes it, tracebacks and messages of argparse too, so that no writer can be forgotten.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._over = 0

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self._stream.errors

    def write(self, text: str) -> int:
        lines = text.replace("\r\n", "\n").split("\n")
        self._stream.write("\n".join(safe(line, len(line)) for line in lines))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:  # type: ignore[override]
        for line in lines:
            self.write(line)

    def show_over(self, line: str) -> None:
        """Write a line over the one that this wrote last, without an end; an empty one takes it away.

        Going back to the beginning of the line is all that this can add to what is filtered. A line that
        wraps cannot be gone back over: it is cut to what the terminal has room for.
        """
        room = self._room()
        shown = safe(line, len(line))[:room]
        if shown or self._over:
            spaces = " " * (min(self._over, room) - len(shown))
            self._stream.write(f"\r{shown}{spaces}" + ("" if shown else "\r"))
            self._stream.flush()
        self._over = len(shown)

    def _room(self) -> int:
        """Return how many columns one line may have; a terminal that does not know its size has enough."""
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns
        except OSError:
            return _MOST_OVER
        return min(_MOST_OVER, columns - 1) if columns > 1 else _MOST_OVER

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        """Flush, but leave the terminal open: something may still be written at the very end."""
        self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return True

    def writable(self) -> bool:
        return True
