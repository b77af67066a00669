"""A terminal that stops reading stalls neither the workers nor the end of the program."""

import fcntl
import os
import pty
import shutil
import signal
import struct
import sys
import termios
from pathlib import Path

import pytest

from tests.conftest import make_home
from tests.waiting import wait_until

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("ending", ["term", "hang up"])
def test_a_terminal_that_nobody_reads_does_not_keep_the_program(ending: str) -> None:
    """A bounded queue of writes, as Textual has it, was seen to block the loop for ever after a hang-up."""
    home = make_home()
    pid, fd = pty.fork()
    if pid == 0:
        environment = os.environ | {
            "TERM": "xterm-256color", "LANG": "C.UTF-8", "CONSOLE_HOME": str(home), "PYTHONPATH": str(REPOSITORY),
        }  # fmt: skip
        os.execve(sys.executable, [sys.executable, "-m", "console", "--embedded"], environment)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
    try:
        wait_until(lambda: b"DEVICE" in os.read(fd, 65_536), 40)
        for _ in range(300):  # paints far more than a pty holds, and nobody reads
            os.write(fd, b"GgHg\x1b")
        if ending == "term":
            os.kill(pid, signal.SIGTERM)
        else:
            os.close(fd)
        wait_until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, 20)
    finally:
        shutil.rmtree(home, ignore_errors=True)
