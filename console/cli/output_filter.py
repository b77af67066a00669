"""The last gate of the shell commands: what goes to a terminal holds nothing that a terminal obeys.

Decided in docs/decisions/0042-the-gate-of-the-shell.md
"""

import sys
from collections.abc import Iterable
from io import TextIOBase
from typing import TextIO

from console.domain.text.safe import safe


def guard_terminals() -> None:
    """Put the gate before standard output and standard error where they are terminals.

    Into a file or a pipe goes what the data says, byte for byte: another program may need it so.
    """
    if _is_terminal(sys.stdout):
        sys.stdout = TerminalStream(sys.stdout)
    if _is_terminal(sys.stderr):
        sys.stderr = TerminalStream(sys.stderr)


def _is_terminal(stream: TextIO | None) -> bool:
    """Python has no stream where the shell has closed it."""
    return stream is not None and not stream.closed and stream.isatty()


class TerminalStream(TextIOBase):
    """Text for a terminal: lines stay lines, and every other control character is made visible.

    It stands before all writers at once, tracebacks and messages of argparse too: none can be forgotten.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

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

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        """The terminal is not ours to close: what is forgotten last may still have something to say."""
        self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return True

    def writable(self) -> bool:
        return True
