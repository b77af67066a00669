"""The detached process that owns both servers, because several consoles use them.

Started as `python -m console.embedded.supervisor ORDER` by a process that finds none. It stops the servers
and ends when it can take the holders' lock exclusively: then no holder is left, however the last one ended.
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import FrameType

from console.embedded import broker, postgres
from console.embedded.children import Child
from console.embedded.locks import FileLock
from console.embedded.state import RunState, ServerOrder
from console.errors import ConsoleError, UnreachableError

_IDLE_S = 0.5
_BUSY_S = 0.005
_BROKER_FAILURES = 5
_PREDECESSOR_TIMEOUT_S = 5.0


class ServerSupervisor:
    """Runs PostgreSQL and the broker of one directory until the last holder is gone or SIGTERM comes."""

    def __init__(self, order: ServerOrder) -> None:
        self._order = order
        self._directory = order.directory
        self._lock = FileLock(self._directory.supervisor_lock).adopt(order.lock_descriptor)
        self._holders = FileLock(self._directory.holders_lock)
        self._terminated = False
        self._holders_gone = False
        self._promised = order.kept is not None  # other processes already use these addresses
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._run = order.kept or self._choose()
        self._postgres = Child(
            postgres.Postgres(self._directory, Path(self._run.socket_folder), fsync=self._run.fsync)
        )
        self._broker = Child(broker.broker_of(self._run.broker, self._directory, self._run.port))

    def watch_signals(self) -> None:
        """Make any signal, also a child's death, end the wait at once."""
        for wake in (self._wake_reader, self._wake_writer):
            wake.setblocking(False)
        signal.set_wakeup_fd(self._wake_writer.fileno())
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, lambda _number, _frame: None)  # SIG_IGN would be inherited by the servers
        signal.signal(signal.SIGTERM, self._terminate)

    def run(self, announce_ready: "Announcement") -> None:
        """Start, keep and stop the servers. An error during the start is reported to the starter."""
        self._publish(ready=False)
        try:
            while not self._terminated and not self._nobody_left():
                ready = self._step()
                if ready:
                    self._promised = True
                    announce_ready.ready()
                elif not announce_ready.made:
                    self._judge_first_start()
                self._wait(_IDLE_S if ready else _BUSY_S)
        finally:
            self._stop()

    def _step(self) -> bool:
        children = (self._postgres, self._broker)
        for child in children:
            child.step()
            child.keep_saving()
            child.trim_log()
        ready = all(child.state == "up" for child in children)
        self._publish(ready=ready)
        return ready

    def _choose(self) -> RunState:
        """Choose the broker, the port and the socket folder."""
        postgres.require_package()
        self._outwait_broker()
        return RunState(
            broker=broker.choose_kind(self._order.broker),
            port=broker.choose_port(self._directory),
            socket_folder=str(self._directory.make_socket_folder()),
            fsync=self._order.fsync,
            ready=False,
        )

    def _outwait_broker(self) -> None:
        """Wait for a broker that is just ending, so that its port is free and can be used again."""
        lock = FileLock(self._directory.broker_lock)
        deadline = time.monotonic() + _PREDECESSOR_TIMEOUT_S
        while not lock.try_exclusive() and time.monotonic() < deadline:
            time.sleep(_BUSY_S)
        lock.release()

    def _judge_first_start(self) -> None:
        """Raise an error if a server can't start. A port that has not been published yet may still change."""
        if self._postgres.failures:
            raise self._postgres.complaint()
        if self._broker.failures >= _BROKER_FAILURES:
            raise self._broker.complaint()
        failures = self._broker.failures
        if not self._promised and self._broker.state == "down" and (failures or self._broker.refused):
            self._run = replace(self._run, port=broker.choose_port(self._directory))
            self._broker = Child(broker.broker_of(self._run.broker, self._directory, self._run.port))
            self._broker.failures = failures

    def _nobody_left(self) -> bool:
        """Take the holders' lock if it is free and keep it: new processes wait for our end and start anew."""
        self._holders_gone = self._holders.try_exclusive()
        return self._holders_gone

    def _publish(self, *, ready: bool) -> None:
        state = replace(self._run, ready=ready)
        if state != self._run or RunState.read(self._directory) is None:
            self._run = state
            state.write(self._directory)

    def _stop(self) -> None:
        for child in (self._postgres, self._broker):
            child.ask_to_stop()
        for child in (self._postgres, self._broker):
            child.wait_stopped()
        if self._promised and not self._holders_gone:
            self._publish(ready=False)  # remaining holders get the servers back at the same addresses
            return
        self._directory.run_file.unlink(missing_ok=True)
        self._directory.remove_socket_folder(Path(self._run.socket_folder))

    def _wait(self, seconds: float) -> None:
        if select.select([self._wake_reader], [], [], seconds)[0]:
            self._wake_reader.recv(1024)

    def _terminate(self, _number: int, _frame: FrameType | None) -> None:
        self._terminated = True


class Announcement:
    """The one line that the starter reads from our standard output: ready, or what went wrong."""

    def __init__(self) -> None:
        self.made = False

    def ready(self) -> None:
        self._make({})

    def problem(self, error: ConsoleError) -> None:
        self._make({"error": type(error).__name__, "text": str(error)})

    def _make(self, document: dict[str, str]) -> None:
        if self.made:
            return
        self.made = True
        with contextlib.suppress(OSError):  # the starter may be gone, and there may be other holders
            os.write(sys.stdout.fileno(), json.dumps(document).encode() + b"\n")
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def main() -> int:
    order = ServerOrder.from_json(sys.argv[1])
    if os.fork():
        return 0  # the starter reaps this process; init will reap the one that continues
    os.umask(0o077)
    announcement = Announcement()
    try:
        supervisor = ServerSupervisor(order)
        supervisor.watch_signals()
        supervisor.run(announcement)
    except ConsoleError as error:
        announcement.problem(error)
        return error.exit_code
    except OSError as error:
        place = error.filename or order.directory.root
        announcement.problem(UnreachableError(f"the embedded servers failed: {error.strerror}: {place}"))
        return UnreachableError.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
