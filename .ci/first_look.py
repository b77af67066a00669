"""Does what a newcomer does first, with the standard library alone: ``first_look.py PATH/OF/run``.

Starts the screen in a pseudo-terminal, waits for the simulated fleet, asks doctor, sends a command and waits
for its answer, leaves the screen.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

_PATIENCE_S = 300  # the first start makes the environment
_FLEET = re.compile(r"(?=.*ended per minute)(?=.*fleet)(?=.*248)", re.DOTALL)  # only what changed is written
_ESCAPES = re.compile(
    r"\x1b\[[0-9;:?<>=!$]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>A-Z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
)


class Terminal:
    """The program on a pseudo-terminal, and all that it wrote."""

    def __init__(self, run: str) -> None:
        self.written = b""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execv(run, [run])
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))

    @property
    def text(self) -> str:
        return _ESCAPES.sub("", self.written.decode(errors="replace"))

    def read_until(self, sign: re.Pattern[str] | None) -> None:
        """Read until the text has this sign; None: until the program has left the terminal."""
        until = time.monotonic() + _PATIENCE_S
        while sign is None or not sign.search(self.text):
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                sys.exit(f"not seen within {_PATIENCE_S} s:\n{self.text[-3000:]}")
            try:
                more = os.read(self.master, 65_536)
            except OSError:  # Linux says it so when the other end is closed
                more = b""
            if not more:
                if sign is None:
                    return
                sys.exit(f"the program ended:\n{self.text[-3000:]}")
            self.written += more

    def end(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def main() -> int:
    run, began = sys.argv[1], time.monotonic()
    screen = Terminal(run)
    try:
        screen.read_until(_FLEET)
        print(f"./run shows the fleet after {time.monotonic() - began:.0f} s", flush=True)
        for words in ("doctor", "send pump-0001 ping --wait", "devices pump-0001"):
            print(f"$ ./run {words}", flush=True)
            subprocess.run([run, *words.split()], check=True)
        os.write(screen.master, b"q")
        screen.read_until(None)
    except BaseException:
        screen.end()
        raise
    code = os.waitstatus_to_exitcode(os.waitpid(screen.pid, 0)[1])
    print(f"the screen was left with exit code {code}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
