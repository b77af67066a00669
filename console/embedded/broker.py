"""The embedded MQTT broker: mosquitto where there is one, because it does MQTT 5; otherwise amqtt.

Both listen on loopback only, for anybody on this machine, like a development broker does.
"""

import importlib.util
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from console.embedded import INSTALL_HINT, probes
from console.embedded.children import Launch, base_environment
from console.embedded.directory import EmbeddedDirectory
from console.embedded.state import BrokerKind, BrokerWish
from console.errors import RefusedError, UnreachableError

_SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
_LOWEST_PORT, _HIGHEST_PORT = 20_000, 32_000  # below the ports that systems give to outgoing connections
_ATTEMPTS = 50

# 1000 messages in flight keep a burst of acknowledgements from waiting for each other and stay far below the
# 65,535 packet identifiers of a session. The queue has no limit, because a full one drops messages silently.
_MOSQUITTO_CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
persistence true
persistence_location ./
autosave_interval 1
persistent_client_expiration 7d
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


class Broker:
    """What both brokers share: a port that stays ours and an answer that is really theirs."""

    name = "broker"
    stop_signal = signal.SIGTERM

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

    def _launch(self) -> Launch:
        raise NotImplementedError


class BrokerFactory(Protocol):
    def __call__(self, directory: EmbeddedDirectory, port: int) -> Broker: ...


class Mosquitto(Broker):
    """The system's mosquitto with a configuration of our own."""

    name = "mosquitto"

    def _launch(self) -> Launch:
        program = find_mosquitto()
        if program is None:
            raise UnreachableError("mosquitto was running here and is no longer installed.")
        config = self._directory.root / "mosquitto.conf"
        self._directory.write(config, _MOSQUITTO_CONFIG.format(port=self.port))
        return Launch(
            [program, "-c", str(config)],
            base_environment(),
            self._directory.broker_data,  # so that the configuration needs no path, whatever its characters
            self._directory.broker_user,
        )


class Amqtt(Broker):
    """A pure Python broker in a process of its own."""

    name = "amqtt"

    def _launch(self) -> Launch:
        user = self._directory.broker_user
        account = [] if user is None else [str(user.uid), str(user.gid)]
        argv = [sys.executable, "-P", "-m", "console.embedded.amqtt_child"]
        argv += [str(self.port), str(os.getpid()), *account]
        return Launch(
            argv, os.environ, self._directory.root, None
        )  # it drops to the account after its imports


def choose_kind(wish: BrokerWish) -> BrokerKind:
    """Settle which broker it will be, or refuse with what to install."""
    if wish == "mosquitto" and find_mosquitto() is None:
        raise RefusedError("mosquitto is not installed: install the package mosquitto, or choose amqtt.")
    if wish != "amqtt" and find_mosquitto() is not None:
        return "mosquitto"
    if importlib.util.find_spec("amqtt") is None:
        raise RefusedError(
            f"no embedded broker is installed: install the package mosquitto, or {INSTALL_HINT}; or set"
            " DATABASE_URL and MQTT_URL."
        )
    return "amqtt"


def broker_of(kind: BrokerKind, directory: EmbeddedDirectory, port: int) -> Broker:
    kinds: dict[BrokerKind, BrokerFactory] = {"mosquitto": Mosquitto, "amqtt": Amqtt}
    return kinds[kind](directory, port)


def find_mosquitto() -> str | None:
    found = shutil.which("mosquitto")
    if found is None:
        found = shutil.which("mosquitto", path=os.pathsep.join(_SYSTEM_FOLDERS))
    return found


def choose_port(directory: EmbeddedDirectory) -> int:
    """Take the port of the last run if it is free, so that bookmarks and other clients keep working."""
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
