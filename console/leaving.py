"""How an interrupt ends the process on the spot. Imported first of all, it imports next to nothing."""

# `signal` loads enum and what that needs: a tenth of a second on a busy machine
import _signal  # type: ignore[import-not-found]
import os
import sys

INTERRUPTED = 130


def leave_at_once() -> None:
    """From now on an interrupt ends the process: for the imports, and for the end behind all work.

    Python's own way, an exception wherever the program stands, prints a traceback out of an import or out of
    the last steps of the interpreter, where nobody can catch it. What the shell ignores stays ignored.
    """
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, leave)


def leave(number: int = _signal.SIGINT, frame: object = None) -> None:
    """End the process; what was written so far goes out."""
    del number, frame
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105 - contextlib loads much
            stream.flush()
        except Exception:  # noqa: BLE001, S110 - it may be gone, or be writing just now
            pass
    os._exit(INTERRUPTED)
