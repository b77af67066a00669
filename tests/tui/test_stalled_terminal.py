"""A terminal that stops reading stalls neither the workers nor the end of the program."""

import os
import shutil
import signal
import sys

import pytest

from tests.conftest import make_home
from tests.pseudo_terminal import REPOSITORY, WatchedTerminal
from tests.waiting import wait_until


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["term", "hang up"])
def test_a_terminal_that_nobody_reads_does_not_keep_the_program(ending: str) -> None:
    """A bounded queue of writes, as Textual has it, was seen to block the loop for ever after a hang-up."""
    home = make_home()
    environment = os.environ | {
        "TERM": "xterm-256color", "LANG": "C.UTF-8", "CONSOLE_HOME": str(home), "PYTHONPATH": str(REPOSITORY),
        "CONSOLE_START": "devices",
    }  # fmt: skip
    screen = WatchedTerminal(200, 60, [sys.executable, "-m", "console", "--embedded"], environment)
    try:
        screen.wait_for("DEVICE", 40)
        for _ in range(300):  # paints far more than a terminal holds, and nobody reads
            screen.type("GgHg\x1b")
        if ending == "term":
            os.kill(screen.pid, signal.SIGTERM)
        else:
            screen.hang_up()
        wait_until(lambda: os.waitpid(screen.pid, os.WNOHANG)[0] == screen.pid, 20)
    finally:
        shutil.rmtree(home, ignore_errors=True)
