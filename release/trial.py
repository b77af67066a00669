"""Tries a bundle as whoever gets it: its own line installs it with no index, then the program and the demo start."""

import os
import statistics
import subprocess
import time
from pathlib import Path

_STARTS = 5


def install(bundle: Path, line: str, python: Path) -> float:
    """Run the line that installs the bundle, with no index configured; return how many seconds it took."""
    began = time.monotonic()
    subprocess.run(
        ["sh", "-euc", line],
        cwd=bundle,
        env=_bare(python.parent),
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=300,
    )
    return time.monotonic() - began


def try_demo(environment: Path, home: Path) -> int:
    """List the demo's devices with the embedded servers; return how many there are."""
    program = str(environment / "bin/device-console")
    found = subprocess.run(
        [program, "devices", "--json", "--embedded", "--home", str(home)],
        env=_bare(environment / "bin"),
        check=True,
        capture_output=True,
        text=True,
        timeout=180,
    )
    _wait_for_the_end(home)
    return len(found.stdout.splitlines())


def _wait_for_the_end(home: Path, most_s: float = 60.0) -> None:
    """Wait until the servers, which end a moment after the program, have left their folder."""
    end = time.monotonic() + most_s
    while any(home.rglob("postmaster.pid")) and time.monotonic() < end:
        time.sleep(0.1)


def start_s(environment: Path, option: str) -> float:
    """Return the median time of a start, in seconds."""
    return statistics.median(_start(environment, option) for _ in range(_STARTS))


def _start(environment: Path, option: str) -> float:
    began = time.monotonic()
    subprocess.run(
        [environment / "bin/device-console", option],
        env=_bare(environment / "bin"),
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=60,
    )
    return time.monotonic() - began


def _bare(first: Path) -> dict[str, str]:
    """Return an environment without the caller's settings of pip, Python and the console."""
    return {
        "PATH": f"{first}:/usr/local/bin:/usr/bin:/bin",
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
