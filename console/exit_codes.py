"""The exit codes of the program: one table for errors, for the shell's outcomes and for help."""

from enum import IntEnum
from typing import Self

from console.leaving import INTERRUPTED as _INTERRUPTED


class ExitCode(IntEnum):
    """A number for scripts, with its description in help."""

    meaning: str

    def __new__(cls, number: int, meaning: str) -> Self:
        """Make a number with a description."""
        code = int.__new__(cls, number)
        code._value_ = number
        code.meaning = meaning
        return code

    OK = 0, "ok"
    FAILED = 1, "the operation failed, or a device did not answer ok"
    USAGE = 2, "usage or configuration"
    UNREACHABLE = 3, "database or broker unreachable"
    UNANSWERED = 4, "missed, expired, cancelled or timed out while waiting"
    BUSY = 75, "busy"
    INTERRUPTED = _INTERRUPTED, "interrupted"


def sentence() -> str:
    """Return all exit codes in one line, for help."""
    return "exit codes: " + ", ".join(f"{code.value} {code.meaning}" for code in ExitCode)
