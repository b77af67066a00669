"""Real brokers in processes of their own, to be stopped, killed and started again on the same port."""

import contextlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from console.embedded.broker import find_nats
from console.mqtt.session import BrokerAddress
from tests.needs import find_program, need, speaks_v3_only
from tests.waiting import wait_until

SPEAKS_V3 = speaks_v3_only()


def free_port() -> int:
    """A port below those that the kernel gives to outgoing connections: nobody takes it while a broker restarts."""
    while True:
        port = random.randrange(10_000, 20_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


class BrokerProcess:
    """One broker on one port for the length of a test."""

    def __init__(
        self, kind: str, folder: Path, extra: str = "", websocket_port: int = 0, websocket_lines: str = ""
    ) -> None:
        self.kind = kind
        self.port = free_port()
        self._websocket_port = websocket_port
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._config = folder / "mosquitto.conf"
        websocket = f"listener {websocket_port} 127.0.0.1\nprotocol websockets\n{websocket_lines}\n"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\npersistence true\n"
            f"persistence_location {folder}/\nautosave_interval 1\n"
            f"max_queued_messages 0\nmax_inflight_messages 1000\nuser root\n{extra}\n"
            f"{websocket if websocket_port else ''}"
        )

    @property
    def address(self) -> BrokerAddress:
        """With CONSOLE_TEST_MQTT=3.1.1 everything speaks the older protocol."""
        return BrokerAddress("127.0.0.1", self.port, force_v3=self.kind == "nats-server" or SPEAKS_V3)

    def start(self) -> None:
        if self.kind == "mosquitto":
            argv = [str(find_program("mosquitto")), "-c", str(self._config)]
        else:
            config = self._folder / "nats.conf"
            websocket = (
                f"websocket {{ host: 127.0.0.1, port: {self._websocket_port}, no_tls: true }}\n"
                if self._websocket_port
                else ""
            )
            config.write_text(
                f'server_name: device-console\nhost: 127.0.0.1\nport: -1\nmax_payload: 8MB\njetstream {{ store_dir: "{self._folder}" }}\n'
                f'mqtt {{ host: 127.0.0.1, port: {self.port}, ack_wait: "2s", max_ack_pending: 1000 }}\n'
                f"{websocket}"
            )
            argv = [str(find_nats()), "-c", str(config)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=self._folder)
        wait_until(self._answers, 20)

    def _answers(self) -> bool:
        ports = (self.port, self._websocket_port) if self._websocket_port else (self.port,)
        with contextlib.suppress(OSError):
            for port in ports:
                socket.create_connection(("127.0.0.1", port), 0.5).close()
            return True
        return False

    def stop(self) -> None:
        """A clean end: a persistent broker writes what it holds."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def saved_at(self) -> float:
        """When mosquitto last wrote down what it holds, as seconds since 1970; if it never did, when it was made.

        `autosave_interval 1` means up to two seconds and more: it compares whole seconds, between two turns of its loop.
        """
        with contextlib.suppress(FileNotFoundError):
            return (self._folder / "mosquitto.db").stat().st_mtime
        return self._config.stat().st_mtime

    def freeze(self) -> None:
        """Answers nothing any more, without hanging up."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.send_signal(signal.SIGCONT)
            self._process.wait(10)
            self._process = None


@contextlib.contextmanager
def start_broker(
    kind: str, extra: str = "", websocket_port: int = 0, websocket_lines: str = ""
) -> Iterator[BrokerProcess]:
    need(kind, kind != "mosquitto" or find_program(kind))
    folder = Path(tempfile.mkdtemp(prefix="dc-broker-"))
    broker = BrokerProcess(kind, folder, extra, websocket_port, websocket_lines)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
        shutil.rmtree(folder, ignore_errors=True)
