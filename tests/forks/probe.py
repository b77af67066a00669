"""Prints what a program finds when it starts, and ends as it is asked to: ``python -m tests.forks.probe HOW``."""

import json
import locale
import os
import random
import signal
import sys
import threading
import warnings
from pathlib import Path
from typing import Any


def _stream(stream: Any) -> list[object]:
    return [
        stream.fileno(), stream.name, stream.mode, stream.encoding, stream.errors, stream.line_buffering,
        stream.write_through, stream.isatty(), type(stream.buffer).__name__, type(stream.buffer.raw).__name__
        if hasattr(stream.buffer, "raw") else "", stream.newlines,
    ]  # fmt: skip


def facts() -> dict[str, object]:
    return {
        "argv": sys.argv, "orig_argv": sys.orig_argv[-2:], "path": sys.path, "flags": repr(sys.flags), "cwd": str(Path.cwd()),
        "environment": dict(os.environ), "main": [__name__, sys.modules["__main__"].__file__, __package__],
        "streams": [_stream(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "open": sorted(path.name for path in Path("/proc/self/fd").iterdir() if path.exists()),
        "leads": [os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()], "umask": os.umask(0o022),
        "signals": {number.name: str(signal.getsignal(number)) for number in signal.valid_signals() if isinstance(number, signal.Signals)},
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())), "threads": threading.active_count(),
        "locale": locale.setlocale(locale.LC_ALL), "warnings": [sys.warnoptions, [repr(f) for f in warnings.filters]],
        "program": sorted(name for name in sys.modules if name.partition(".")[0] == "console"),
        "measured": "coverage" in sys.modules,
    }  # fmt: skip


def main() -> None:
    how = sys.argv[1]
    print(json.dumps({"facts": facts(), "chance": random.random()}), flush=True)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "raises":
        raise RuntimeError(how)
    if how == "waits":
        signal.pause()
    if how == "leaves":
        print("left in the buffer", end="")
        warnings.warn("a warning", ResourceWarning, stacklevel=1)
        sys.exit(7)


if __name__ == "__main__":
    main()
