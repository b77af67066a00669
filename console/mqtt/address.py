"""Where the broker is and how to log in there; known without loading the MQTT client."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """The broker's address and login. Never print it whole: use `label`.

    `others` are further hosts of its cluster, which are tried in turn if the first does not answer.
    With `websockets`, MQTT is spoken inside of WebSockets at `path`, and without a lane for bulk; the path
    may have a query, and in that a secret.
    """

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    force_v3: bool = False
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    others: tuple[tuple[str, int], ...] = ()
    websockets: bool = False
    path: str = field(default="/mqtt", repr=False)
    renew: "Callable[[], BrokerAddress] | None" = field(default=None, repr=False, compare=False)

    @property
    def newest(self) -> "BrokerAddress":
        """Return the same address with the secrets that are in their files now."""
        return self.renew() if self.renew else self

    @property
    def label(self) -> str:
        """Host and port, without any secret."""
        return f"{self.host}:{self.port}"
