"""Whether processes of this machine exist, so that a dead one's lease can be taken before it is stale."""

import os
from functools import cache
from pathlib import Path


@cache
def this_machine() -> str:
    """Return an id of this boot of this machine and its namespace of process numbers; "" if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except (OSError, ValueError):
        return ""


def process_exists(pid: int) -> bool:
    """Return whether this machine has such a process; True if that cannot be determined."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def has_ended(pid: int, machine: str) -> bool:
    """Return whether a process has certainly ended: it ran on this machine, and no longer exists."""
    return bool(machine) and machine == this_machine() and not process_exists(pid)
