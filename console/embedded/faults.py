"""Faults on demand, for demonstrations."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from console.embedded.directory import EmbeddedDirectory


def kill_broker(home: Path) -> None:
    """End the embedded broker as a crash would; its supervisor starts it again. Without one, do nothing."""
    with suppress(OSError, ValueError):
        os.kill(int(EmbeddedDirectory.default(home).broker_lock.read_text(encoding="ascii")), signal.SIGKILL)
