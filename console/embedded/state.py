"""What the running servers are and where, for attaching processes and a second supervisor."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from console.embedded.accounts import ServerUser
from console.embedded.directory import EmbeddedDirectory

BrokerKind = Literal["mosquitto", "nats-server"]
BrokerWish = Literal["auto", "mosquitto", "nats-server"]


@dataclass(frozen=True, slots=True)
class RunState:
    """The choices of one run. Valid until the last process has released the servers, even if others die."""

    broker: BrokerKind
    port: int
    socket_folder: str
    fsync: bool
    ready: bool

    @classmethod
    def read(cls, directory: EmbeddedDirectory) -> "RunState | None":
        try:
            return cls(**json.loads(directory.run_file.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write(self, directory: EmbeddedDirectory) -> None:
        directory.write(directory.run_file, json.dumps(asdict(self)))

    @classmethod
    def forget(cls, directory: EmbeddedDirectory) -> None:
        """Forget a run that is over, and remove the socket folder that it had elsewhere."""
        run = cls.read(directory)
        if run is not None:
            directory.remove_socket_folder(Path(run.socket_folder))
        directory.run_file.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class ServerOrder:
    """The order to a supervisor from its starter. `kept`: the choices of a run that continues."""

    directory: EmbeddedDirectory
    broker: BrokerWish
    fsync: bool
    lock_descriptor: int
    kept: RunState | None

    def to_json(self) -> str:
        document = asdict(self)
        document["directory"]["root"] = str(self.directory.root)
        return json.dumps(document)

    @classmethod
    def from_json(cls, text: str) -> "ServerOrder":
        document = json.loads(text)
        place = document.pop("directory")
        users = [place[name] and ServerUser(**place[name]) for name in ("postgres_user", "broker_user")]
        kept = document.pop("kept")
        return cls(
            directory=EmbeddedDirectory(Path(place["root"]), *users),
            kept=kept and RunState(**kept),
            **document,
        )
