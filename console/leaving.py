"""Ends the process at once on an interrupt. Imported before everything else, it imports almost nothing."""

# `signal` loads enum and what that needs: a tenth of a second on a busy machine
import _signal  # type: ignore[import-not-found]
import os
import sys

INTERRUPTED = 130


def leave_at_once() -> None:
    """Make an interrupt end the process at once: during the imports, and after all work.

    Python's own handler raises an exception, which during an import or the last steps of the interpreter
    cannot be caught and prints a traceback. A signal that the shell ignores stays ignored.
    """
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, leave)


def leave(number: int = _signal.SIGINT, frame: object = None) -> None:
    """End the process after flushing its output."""
    del number, frame
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105 - contextlib loads much
            stream.flush()
        except Exception:  # noqa: BLE001, S110 - it may be gone, or be writing just now
            pass
    os._exit(INTERRUPTED)
