"""Keeps one server running: it is restarted at the same place when it dies, and does not outlive us."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Literal, Protocol

from console.embedded.accounts import ServerUser
from console.embedded.locks import FileLock
from console.errors import UnreachableError

_PR_SET_PDEATHSIG = 1
_LOG_LIMIT = 4 * 1024 * 1024
_FIRST_DELAY_S = 0.05
_LONGEST_DELAY_S = 5.0
_STEADY_AFTER_S = 10.0
_PATIENCE_S = 1.0  # how long a predecessor may take to stop by itself
_SAVE_EVERY_S = 1.0
_STOP_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a program. `user` is None if it runs under our account, or changes accounts by itself."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    user: ServerUser | None


class ServerProgram(Protocol):
    """What differs between the servers."""

    name: str
    lock: Path
    log: Path
    stop_signal: signal.Signals
    save_signal: signal.Signals | None

    def prepare(self, run: Callable[[Launch], str]) -> Launch | None:
        """Prepare a start, now that no predecessor is left. None means: not possible yet."""

    def answers(self, pid: int) -> bool:
        """Return whether this process serves its clients."""


def base_environment() -> dict[str, str]:
    """Build an environment that can't change what a server does: no PG*, no locale of the operator."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def die_with_parent(parent: int, number: int) -> None:
    """Make the kernel signal us when the parent dies. Linux only; elsewhere a later supervisor cleans up."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


class Child:
    """One server process, started again after each death.

    The process inherits a lock that it and its own children keep for as long as any of them lives. A
    process that gets that lock can be certain that the predecessor is gone: zombies and recycled process ids
    hold no lock.
    """

    def __init__(self, program: ServerProgram) -> None:
        self.program = program
        self.state: Literal["down", "starting", "up"] = "down"
        self.failures = 0
        self.refused = False  # the program could not even be tried
        self._process: subprocess.Popen[bytes] | None = None
        self._since = time.monotonic()
        self._next_try = 0.0
        self._next_save = 0.0
        self._last_words = 0  # where the log of this start begins

    def step(self) -> None:
        """Check the process and do what is due next, without waiting."""
        if self._process is not None and self._process.poll() is not None:
            self._count_death()
        if self.state == "down" and time.monotonic() >= self._next_try:
            self._start()
        elif self.state == "starting" and self._serves():
            self._enter("up")

    def _serves(self) -> bool:
        """Return whether our process answers and is alive: if it has died, another process has answered."""
        process = self._process
        return process is not None and self.program.answers(process.pid) and process.poll() is None

    def keep_saving(self) -> None:
        """Signal the server once a second to save its state, if it does not do so by itself."""
        now = time.monotonic()
        number, process = self.program.save_signal, self._process
        if number is None or process is None or self.state != "up" or now < self._next_save:
            return
        self._next_save = now + _SAVE_EVERY_S
        process.send_signal(number)

    def ask_to_stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(self.program.stop_signal)

    def wait_stopped(self) -> None:
        """Wait for the end of the process, and send stronger signals if it doesn't end."""
        if self._process is None:
            return
        for number in (signal.SIGQUIT, signal.SIGKILL):
            try:
                self._process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.send_signal(number)
        self._process.wait()
        self._process = None
        self.state = "down"

    def complaint(self) -> UnreachableError:
        """Return an error that has the server's own words on why the last start failed."""
        words = _gravest_words(self.program.log, self._last_words)
        return UnreachableError(
            f"the embedded {self.program.name} did not start: {words} (log: {self.program.log})"
        )

    def trim_log(self) -> None:
        """Keep the log and one predecessor, so that a console left running does not fill the disk."""
        log = self.program.log
        try:
            if log.stat().st_size > _LOG_LIMIT:
                log.with_suffix(".log.1").write_bytes(log.read_bytes())
                os.truncate(log, 0)
        except OSError:
            return  # a log that can't be trimmed must not stop a server

    def _start(self) -> None:
        lock = FileLock(self.program.lock)
        if not lock.try_exclusive():
            self._press_predecessor()
            return
        try:
            with self.program.log.open("ab") as log:
                self._last_words = log.tell()
                launch = self.program.prepare(partial(_run, lock=lock, log=log))
                self.refused = launch is None
                if launch is None:
                    self._next_try = time.monotonic() + _FIRST_DELAY_S
                    return
                self._process = _spawn(launch, self.program.stop_signal, lock, log)
            os.pwrite(lock.fileno(), f"{self._process.pid:<20}".encode(), 0)
            self._enter("starting")
        finally:
            lock.release()

    def _press_predecessor(self) -> None:
        """Repeat the signal that an orphan gets from the kernel, for systems whose kernel sends none."""
        if time.monotonic() - self._since < _PATIENCE_S:
            return
        self._since = time.monotonic()
        try:
            os.kill(int(self.program.lock.read_text(encoding="ascii")), self.program.stop_signal)
        except (OSError, ValueError):
            return  # it has ended by itself, and its last helper processes are about to

    def _count_death(self) -> None:
        steady = self.state == "up" and time.monotonic() - self._since > _STEADY_AFTER_S
        self.failures = 1 if steady else self.failures + 1
        delay = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2 ** min(self.failures - 1, 10))
        self._next_try = time.monotonic() + delay
        self._process = None
        self._enter("down")

    def _enter(self, state: Literal["down", "starting", "up"]) -> None:
        self.state = state
        self._since = time.monotonic()


def _spawn(launch: Launch, stop: int, lock: FileLock, log: IO[bytes]) -> subprocess.Popen[bytes]:
    user = launch.user
    return subprocess.Popen(
        launch.argv,
        env=launch.environment,
        cwd=launch.folder,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=[lock.fileno()],
        user=None if user is None else user.uid,
        group=None if user is None else user.gid,
        extra_groups=None if user is None else [],
        preexec_fn=partial(die_with_parent, os.getpid(), stop),  # noqa: PLW1509 - this process has one thread
    )


def _run(launch: Launch, *, lock: FileLock, log: IO[bytes]) -> str:
    """Run a preparing program to its end. Returns its error message; empty when it succeeded."""
    begin = log.seek(0, os.SEEK_END)
    process = _spawn(launch, signal.SIGKILL, lock, log)
    if process.wait() == 0:
        return ""
    return _gravest_words(Path(log.name), begin)


def _gravest_words(log: Path, begin: int) -> str:
    """Return the line of the log that explains a failed start best."""
    try:
        with log.open("rb") as written:
            written.seek(begin)
            text = written.read(65536).decode(errors="replace")
    except OSError:
        text = ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for sign in ("PANIC", "FATAL", "[FTL]", "could not", "error:", "Error"):
        grave = [line for line in lines if sign in line]
        if grave:
            return grave[-1]
    return lines[-1] if lines else "it left no message"
