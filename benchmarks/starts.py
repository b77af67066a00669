"""How long a start takes: of short commands as whole processes, of the workers until they are ready, of the screen to its first row."""

import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from benchmarks.figures import Figure, Sample
from benchmarks.place import Copy, Place, Scale
from benchmarks.processes import ROOT, Worker, environment, memory_mb, workers
from tests.brokers import BrokerProcess
from tests.conftest import make_home
from tests.pseudo_terminal import PROGRAM, WatchedTerminal, demo_environment

BARE_APP = (
    "from textual.app import App\nfrom textual.widgets import Static\n"
    "class A(App):\n    def compose(self): yield Static('bare-app')\nA().run()"
)
_VERSION, _HELP, _SEND = "P12 --version", "P12 --help", "P12 send, whole process"
_READY, _ROW = "P12 --sweeper until ready", "P11 first row, servers up"
_WARM, _COLD = "P11 first row, embedded servers warm", "P11 first row, embedded servers cold"
_MEMORY = "memory of --sweeper"
_PYTHON, _DRIVER, _TEXTUAL = "python -c pass", 'python -c "import asyncpg"', "bare Textual application"
FIGURES = (
    Figure(_VERSION, "ms", _PYTHON, 30, 6, at_most=True, absolute=True),
    Figure(_HELP, "ms", _PYTHON, 80, 25, at_most=True, absolute=True),
    Figure(_SEND, "ms", _DRIVER, 250, 12, at_most=True, absolute=True),
    Figure(_READY, "ms", _DRIVER, 300, 12, at_most=True, absolute=True),
    Figure(_ROW, "ms", _TEXTUAL, 550, 10, at_most=True, absolute=True),
    Figure(_WARM, "ms", _TEXTUAL, 900, None, at_most=True, absolute=True),
    Figure(_COLD, "ms", _TEXTUAL, 2_000, None, at_most=True, absolute=True),
    Figure(_MEMORY, "MB", "", None, 150, at_most=True, absolute=True),
)
Measured = dict[str, list[Sample]]


async def measure(place: Place, scale: Scale) -> Measured:
    found: Measured = defaultdict(list)
    with place.broker() as broker:
        async with place.database() as copy:
            async with workers(copy, broker) as (worker,):
                _commands(copy, broker, scale, found)
                found[_MEMORY].append(Sample(memory_mb(worker.process.pid)))
            for _ in range(scale.pairs):
                floor = _timed(environment(copy, broker), "-c", "import asyncpg")
                starting = Worker(copy, broker)
                found[_READY].append(Sample(await starting.ready() * 1e3, floor))
                starting.stop()
    if not scale.short:
        _embedded(scale.pairs, found)
    return found


def _commands(copy: Copy, broker: BrokerProcess, scale: Scale, found: Measured) -> None:
    """Each beside its floor in turns, while another process runs the workers."""
    env = environment(copy, broker)
    for _ in range(scale.pairs + 1):  # the first turn writes bytecode and warms the caches
        python, driver = _timed(env, "-c", "pass"), _timed(env, "-c", "import asyncpg")
        found[_VERSION].append(Sample(_timed(env, "-m", "console", "--version"), python))
        found[_HELP].append(Sample(_timed(env, "-m", "console", "--help"), python))
        found[_SEND].append(Sample(_timed(env, "-m", "console", "send", "dev-00001", "ping"), driver))
        textual = first_row(environment_of_terminal(env), [sys.executable, "-c", BARE_APP], "bare-app")
        found[_ROW].append(Sample(first_row(environment_of_terminal(env), PROGRAM, "dev-0000"), textual))
    for samples in found.values():
        del samples[0]


def _timed(env: Mapping[str, str], *arguments: str) -> float:
    """Milliseconds of a whole process."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=env, cwd=ROOT, check=True, capture_output=True)
    return (time.perf_counter() - began) * 1e3


def environment_of_terminal(env: Mapping[str, str]) -> dict[str, str]:
    return {**env, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}


def first_row(env: Mapping[str, str], argv: list[str], word: str) -> float:
    """Milliseconds from the start until this word was written to a terminal."""
    began = time.perf_counter()
    terminal = WatchedTerminal(120, 40, argv, env)
    try:
        while word not in terminal.raw.decode(errors="replace"):
            if time.perf_counter() - began > 60:
                raise RuntimeError(f"nothing was painted:\n{terminal.text}")
            terminal.read(0.002, 0.01)
        return (time.perf_counter() - began) * 1e3
    finally:
        _end(terminal)


def _end(terminal: WatchedTerminal) -> None:
    os.kill(terminal.pid, 9)
    os.waitpid(terminal.pid, 0)
    terminal.hang_up()


def _embedded(pairs: int, found: Measured) -> None:
    """With servers of the program's own: the first start of all creates them, the later ones only start them."""
    for _ in range(pairs):
        home = make_home()
        env = {k: v for k, v in demo_environment(home).items() if k != "PYTHONDONTWRITEBYTECODE"}
        textual = first_row(env, [sys.executable, "-c", BARE_APP], "bare-app")
        for name in (_COLD, _WARM):
            found[name].append(Sample(first_row(env, PROGRAM, "-0001"), textual))
            _until_stopped(home)


def _until_stopped(home: Path) -> None:
    """Wait until the servers of this folder have ended, so that the next start is theirs, too."""
    until = time.monotonic() + 20
    while any(home.rglob("postmaster.pid")):
        if time.monotonic() > until:
            raise RuntimeError("the embedded servers did not end")
        time.sleep(0.1)
