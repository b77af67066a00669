"""Which processes live, as far as this machine can tell: nobody need wait for a dead one to become stale."""

import os
from functools import cache
from pathlib import Path


@cache
def this_machine() -> str:
    """One boot of one machine, and the namespace of its process numbers; "" where nothing tells them."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except (OSError, ValueError):
        return ""


def process_exists(pid: int) -> bool:
    """Whether this machine has such a process; True where that cannot be known."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def has_ended(pid: int, machine: str) -> bool:
    """Whether a process is known to have ended: it ran on this machine, and is not there."""
    return bool(machine) and machine == this_machine() and not process_exists(pid)
