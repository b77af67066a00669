"""Brokers of the distribution beside mosquitto: RabbitMQ with its MQTT plugins, and nats-server.

Each runs from a temporary folder on free ports, never as root, and is ended by its process id.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from console.mqtt.address import BrokerAddress
from console.runtime.addresses import broker_address
from console.secret import Secret
from console.settings import Settings
from tests.brokers import free_port
from tests.needs import debian_nats, find_program, need, rabbitmq
from tests.waiting import wait_until

USER, PASSWORD = "console", "p@ss/word"
_URL_USER = "console:p%40ss%2Fword"
_STARTS_S = 120  # Erlang, on a busy machine


class OtherBroker:
    """One broker with a port for MQTT, and one for it inside of WebSockets."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.port, self.websocket_port = free_port(), free_port()
        self.folder = folder
        self._log = (folder / "log").open("ab")
        self._account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        return f"mqtt://{_URL_USER}@127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        path = "/ws" if self.kind == "rabbitmq" else ""
        return f"ws://{_URL_USER}@127.0.0.1:{self.websocket_port}{path}"

    @property
    def address(self) -> BrokerAddress:
        """For devices, which speak MQTT 3.1.1."""
        return broker_address(Settings(mqtt_url=Secret(self.url), mqtt_version="3.1.1"), self.url)

    def start(self) -> None:
        {
            "rabbitmq": self._start_rabbitmq,
            "nats-server": self._start_nats,
            "mosquitto": self._start_mosquitto,
        }[self.kind]()
        wait_until(self._answers, _STARTS_S)

    def stop(self) -> None:
        """A clean end: the broker first, then what it needs."""
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def close(self) -> None:
        self.stop()
        self._log.close()

    def _start_mosquitto(self) -> None:
        program = find_program("mosquitto")
        need("mosquitto", program)
        users = self.folder / "users"
        subprocess.run(
            ["mosquitto_passwd", "-b", "-c", str(users), USER, PASSWORD], check=True, stdout=self._log
        )
        self._write(
            "mosquitto.conf",
            f"listener {self.port} 127.0.0.1\nlistener {self.websocket_port} 127.0.0.1\nprotocol websockets\n"
            f"allow_anonymous false\npassword_file {users}\npersistence true\n"
            f"persistence_location {self.folder}/\nmax_queued_messages 0\n",
        )
        self._run([str(program), "-c", str(self.folder / "mosquitto.conf")])

    def _start_nats(self) -> None:
        self._write(
            "nats.conf",
            f'server_name: alone\nhost: 127.0.0.1\nport: {free_port()}\njetstream {{ store_dir: "{self.folder}" }}\n'
            f"mqtt {{ host: 127.0.0.1, port: {self.port} }}\n"
            f"websocket {{ host: 127.0.0.1, port: {self.websocket_port}, no_tls: true }}\n"
            f'authorization {{ user: "{USER}", password: "{PASSWORD}" }}\n',
        )
        self._run([str(debian_nats()), "-c", str(self.folder / "nats.conf")])

    def _start_rabbitmq(self) -> None:
        mapper, own, distribution = free_port(), free_port(), free_port()
        self._write("enabled_plugins", "[rabbitmq_mqtt,rabbitmq_web_mqtt].\n")
        self._write(
            "rabbitmq.conf",
            f"listeners.tcp.local = 127.0.0.1:{own}\nmqtt.listeners.tcp.local = 127.0.0.1:{self.port}\n"
            f"web_mqtt.tcp.ip = 127.0.0.1\nweb_mqtt.tcp.port = {self.websocket_port}\nmqtt.allow_anonymous = false\n"
            f"default_user = {USER}\ndefault_pass = {PASSWORD}\ndisk_free_limit.absolute = 50MB\n"
            "mqtt.subscription_ttl = 604800000\n",
        )
        environment = {
            "ERL_EPMD_PORT": str(mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"tests{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_LOGS": "-",
        }
        # Erlang would start a port mapper that stays; ours is there before
        self._run([str(find_program("epmd")), "-port", str(mapper), "-address", "127.0.0.1"], environment)
        wait_until(lambda: _listens(mapper), _STARTS_S)
        self._run([str(rabbitmq())], environment)

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def _run(self, argv: list[str], environment: Mapping[str, str] | None = None) -> None:
        account = self._account
        if account:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, account.pw_uid, account.pw_gid)
        self._processes.append(
            subprocess.Popen(
                argv, stdout=self._log, stderr=self._log, cwd=self.folder,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8", **(environment or {})},
                user=account.pw_uid if account else None, group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
            )
        )  # fmt: skip

    def _answers(self) -> bool:
        ended = [process.args for process in self._processes if process.poll() is not None]
        assert not ended, (ended, (self.folder / "log").read_text()[-3_000:])
        return _listens(self.port) and _listens(self.websocket_port)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
        return True
    return False


@contextmanager
def other_broker(kind: str) -> Iterator[OtherBroker]:
    """A running broker: ``rabbitmq``, ``nats-server`` of the distribution, or ``mosquitto``, each with a login."""
    need("RabbitMQ", kind != "rabbitmq" or rabbitmq())
    need("the distribution's nats-server", kind != "nats-server" or debian_nats())
    folder = Path(tempfile.mkdtemp(prefix="dc-other-"))
    folder.chmod(0o700)
    broker = OtherBroker(kind, folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.close()
        shutil.rmtree(folder, ignore_errors=True)
