"""The entry point: attach to the embedded servers, starting them if necessary, and release them.

A process that holds an `EmbeddedServers` keeps both servers up, by a shared lock that dies with the process.
Servers are not stopped here, but by the supervisor when the last lock is gone.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

from console import errors
from console.embedded import probes
from console.embedded.directory import EmbeddedDirectory
from console.embedded.locks import FileLock
from console.embedded.state import BrokerKind, BrokerWish, RunState, ServerOrder
from console.errors import BusyError, RefusedError, UnreachableError

_POLL_S = 0.005
_RESET_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class ServerAddresses:
    """The servers' addresses. They do not change while the servers are held, even if processes die."""

    database_url: str
    mqtt_url: str
    broker: Literal["mosquitto", "nats-server"]


class EmbeddedServers:
    """This process's hold on the embedded servers of one home."""

    def __init__(self, directory: EmbeddedDirectory, broker: BrokerWish, *, fsync: bool) -> None:
        self._directory = directory
        self._wish = broker
        self._fsync = fsync
        self._holders = FileLock(directory.holders_lock)
        self._run: RunState | None = None

    @classmethod
    def attach(
        cls, home: Path, *, broker: BrokerWish = "auto", fsync: bool = True, timeout_s: float = 60
    ) -> Self:
        """Join the running servers or start them. Blocks until both answer."""
        try:
            servers = cls(EmbeddedDirectory.default(home), broker, fsync=fsync)
            try:
                servers._attach(time.monotonic() + timeout_s)
            except BaseException:
                servers.release()
                raise
        except OSError as error:
            raise RefusedError(_unusable(home, error)) from error
        return servers

    @property
    def addresses(self) -> ServerAddresses:
        if self._run is None:
            message = "not attached"
            raise ValueError(message)
        folder = quote(self._run.socket_folder, safe="")
        return ServerAddresses(
            database_url=f"postgresql://{probes.SUPERUSER}@/{probes.DATABASE}?host={folder}",
            mqtt_url=f"mqtt://127.0.0.1:{self._run.port}",
            broker=self._run.broker,
        )

    def ensure(self) -> None:
        """Start a new supervisor if the old one was killed. Cheap; doesn't wait for the servers."""
        if self._run is None:
            return
        try:
            report = self._start_supervisor()
        except OSError as error:
            raise UnreachableError(
                f"the embedded servers can't be restarted: {error.strerror}: {error.filename}"
            ) from error
        if report is not None:
            os.close(report)

    def release(self) -> None:
        """Release the servers. They stop soon after the last process has released them."""
        self._run = None
        self._holders.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.release()

    def _attach(self, deadline: float) -> None:
        patience = _Patience(deadline, self._directory)
        self._hold(patience)
        report = None
        try:
            while self._run is None:
                report = self._start_supervisor() or report
                if report is not None:
                    _raise_problem(report, self._directory)
                self._run = self._find_running(patience)
                if self._run is None:
                    patience.wait("did not answer")
        finally:
            if report is not None:
                os.close(report)

    def _hold(self, patience: "_Patience") -> None:
        """Take the shared lock. If there is no other holder, first forget the choices of an earlier run."""
        while True:
            self._directory.prepare()
            if self._holders.try_exclusive():
                supervisor = FileLock(self._directory.supervisor_lock)
                if supervisor.try_exclusive():
                    RunState.forget(self._directory)
                supervisor.release()
            if self._holders.try_shared():
                return
            patience.wait("are still stopping")

    def _find_running(self, patience: "_Patience") -> RunState | None:
        run = RunState.read(self._directory)
        if run is None or not run.ready:
            return None
        if self._wish not in {"auto", run.broker}:
            self._wait_for_other_broker(run.broker, patience)
            return None
        answer = probes.ask_postgres(Path(run.socket_folder))
        return run if answer == probes.READY and probes.ask_broker(run.port) else None

    def _wait_for_other_broker(self, running: BrokerKind, patience: "_Patience") -> None:
        """Release the lock until the servers have stopped, then take it again, to start the wanted broker."""
        self._holders.release()
        while _supervised(self._directory):
            if _held_by_others(self._directory):
                raise BusyError(
                    f"another process uses the embedded servers with the broker {running}:"
                    f" close it first, or unset CONSOLE_EMBEDDED_BROKER={self._wish}."
                )
            patience.wait("are still stopping")
        self._hold(patience)

    def _start_supervisor(self) -> int | None:
        """Start a supervisor unless there is one. Returns the end of a pipe that it reports to.

        The lock is taken here and passed on, so that of many starters exactly one succeeds.
        """
        lock = FileLock(self._directory.supervisor_lock)
        if not lock.try_exclusive():
            return None
        reader, writer = os.pipe()
        kept = RunState.read(self._directory) or self._run
        order = ServerOrder(self._directory, self._wish, self._fsync, lock.fileno(), kept)
        try:
            with self._directory.supervisor_log.open("ab") as log:
                subprocess.run(
                    [sys.executable, "-P", "-m", "console.embedded.supervisor", order.to_json()],
                    env=os.environ | {"PYTHONPATH": _python_path()},
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=writer,
                    stderr=log,
                    pass_fds=[lock.fileno()],
                    start_new_session=True,
                    check=True,
                )
        except subprocess.CalledProcessError as error:
            os.close(reader)
            raise UnreachableError(_died(self._directory)) from error
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
            lock.release()
        return reader


class _Patience:
    """Waiting in small steps, with an error after too long."""

    def __init__(self, deadline: float, directory: EmbeddedDirectory) -> None:
        self._deadline = deadline
        self._directory = directory

    def wait(self, trouble: str) -> None:
        if time.monotonic() > self._deadline:
            raise UnreachableError(
                f"the embedded servers {trouble} in time (logs: {self._directory.root}/*.log)"
            )
        time.sleep(_POLL_S)


def reset(home: Path) -> bool:
    """Delete the embedded data. False when there was none; BusyError while any process uses it."""
    try:
        directory = EmbeddedDirectory.default(home)
        if not directory.root.exists():
            return False
        directory.prepare()
        _delete(directory)
    except OSError as error:
        raise RefusedError(_unusable(home, error)) from error
    return True


def _delete(directory: EmbeddedDirectory) -> None:
    """Delete the folder while holding every lock in it."""
    holders = FileLock(directory.holders_lock)
    supervisor = FileLock(directory.supervisor_lock)
    servers = [FileLock(directory.postgres_lock), FileLock(directory.broker_lock)]
    patience = _Patience(time.monotonic() + _RESET_TIMEOUT_S, directory)
    try:
        while not (holders.try_exclusive() and supervisor.try_exclusive()):
            holders.release()  # a supervisor that still runs needs it to stop
            if _held_by_others(directory):
                raise BusyError(
                    f"another process uses the embedded servers in {directory.root}: close it first."
                )
            patience.wait("did not stop")
        for server in servers:
            _wait_until(server.try_exclusive, patience)
        RunState.forget(directory)
        directory.empty()
        for lock in (supervisor, holders):
            lock.path.unlink()
        directory.root.rmdir()
    finally:
        for lock in (*servers, supervisor, holders):
            lock.release()


def _wait_until(condition: Callable[[], bool], patience: _Patience) -> None:
    while not condition():
        patience.wait("did not stop")


def _supervised(directory: EmbeddedDirectory) -> bool:
    lock = FileLock(directory.supervisor_lock)
    free = lock.try_exclusive()
    lock.release()
    return not free


def _held_by_others(directory: EmbeddedDirectory) -> bool:
    """Return whether others hold the servers, by a shared lock; a stopping supervisor's is exclusive."""
    lock = FileLock(directory.holders_lock)
    if lock.try_exclusive():
        lock.release()
        return False
    shared = lock.try_shared()
    lock.release()
    return shared


def _raise_problem(report: int, directory: EmbeddedDirectory) -> None:
    """Raise the error that the supervisor we started reported, or one if it died."""
    if not select.select([report], [], [], 0)[0]:
        return
    line = os.read(report, 65536)
    if not line:
        raise UnreachableError(_died(directory))
    document = json.loads(line)
    if document:
        raise getattr(errors, document["error"])(document["text"])


def _python_path() -> str:
    """Return a PYTHONPATH with which the supervisor imports this same package, installed or not.

    Relative folders are left out, also empty ones: they depend on a process's current folder.
    """
    ours = str(Path(__file__).parents[2])
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join([ours, *filter(os.path.isabs, inherited)])


def _died(directory: EmbeddedDirectory) -> str:
    return f"the supervisor of the embedded servers died (log: {directory.supervisor_log})"


def _unusable(home: Path, error: OSError) -> str:
    return f"the embedded servers can't use {error.filename or home}: {error.strerror}. Choose another home."
