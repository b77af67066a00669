"""``python -m benchmarks.profiled FILE ARGUMENT…``: the program, sampled by its processor time.

SIGUSR1 begins; SIGUSR2 writes a line for each function to FILE, with the samples that met it as the innermost function of
Python. What C does counts for who called it. A sample costs some microseconds each 4 ms.
"""

import contextlib
import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

_EVERY_S = 0.001  # of processor time; the kernel rounds it to its tick, often 4 ms


def main() -> None:
    path, sys.argv = Path(sys.argv[1]), ["console", *sys.argv[2:]]
    found: Counter[str] = Counter()

    def take(_number: int, frame: FrameType | None) -> None:
        if frame is not None:
            found[f"{_module(frame)}.{frame.f_code.co_qualname}"] += 1

    def begin(_number: int, _frame: FrameType | None) -> None:
        found.clear()
        signal.setitimer(signal.ITIMER_PROF, _EVERY_S, _EVERY_S)

    def write(_number: int, _frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        part = path.with_suffix(".part")
        part.write_text("".join(f"{count}\t{name}\n" for name, count in found.most_common()))
        part.rename(path)

    for number, handler in ((signal.SIGPROF, take), (signal.SIGUSR1, begin), (signal.SIGUSR2, write)):
        signal.signal(number, handler)
    sys.path.insert(0, str(Path.cwd()))
    with contextlib.suppress(KeyboardInterrupt):
        runpy.run_module("console", run_name="__main__", alter_sys=True)


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "?"))


if __name__ == "__main__":
    main()
