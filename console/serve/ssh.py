"""``--serve-ssh``: who connects, whom the key stands for, and how much may be open.

Decided in docs/decisions/0068-who-a-key-stands-for.md and 0070-what-one-client-may-hold.md
"""

import asyncio
import logging

import asyncssh

from console.serve import audit
from console.serve.door import Door
from console.serve.identity import Identity, NotAdmittedError
from console.serve.request import Request

LOGIN_S = 20.0  # for everything until a key is accepted
ALIVE_EVERY_S, ALIVE_TRIES = 15, 3
IDLE_S = 30.0  # a connection that asks for nothing
MOST_REQUESTS = 10  # at once, over one connection
_GREETING = "device-console"
_LARGEST_PACKET = 4 * 1024  # bytes of keys that are read before anything else is done
_WINDOW = 256 * 1024


async def listen(door: Door, host: str, port: int, key: asyncssh.SSHKey) -> asyncssh.SSHAcceptor:
    """Accept SSH connections.

    Raises:
        OSError: the address cannot be used.
    """
    logging.getLogger("asyncssh").setLevel(logging.WARNING)  # it logs what clients send; `audit` has our own
    return await asyncssh.listen(
        host,
        port,
        server_host_keys=[key],
        server_factory=lambda: _Connection(door),
        encoding=None,
        line_editor=False,
        agent_forwarding=False,
        x11_forwarding=False,
        allow_scp=False,
        password_auth=False,
        host_based_auth=False,
        gss_host=None,
        server_version=_GREETING,
        login_timeout=LOGIN_S,
        keepalive_interval=ALIVE_EVERY_S,
        keepalive_count_max=ALIVE_TRIES,
        compression_algs=["none"],  # a packet of a guest would expand to any size
        window=_WINDOW,
        max_pktsize=_LARGEST_PACKET,
    )


class _Connection(asyncssh.SSHServer):
    """One connection. All forwarding is refused, as asyncssh does by itself."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._address = ""
        self._offered: asyncssh.SSHKey | Identity | None = None
        self._proven: asyncssh.SSHKey | Identity | None = None
        self._unknown = ""
        self._name = ""  # under which it is counted, once it has logged in
        self._requests = 0
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._address = str((conn.get_extra_info("peername") or ("",))[0])
        if not self._door.strangers.admit(self, self._address, self._make_room):
            self._make_room()

    def _make_room(self) -> None:
        audit.record("refused", address=self._address, why="too many connections that have not logged in")
        self._connection.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._door.strangers.leave(self)
        if self._idle is not None:
            self._idle.cancel()
        inside = self._door.inside
        inside[self._name] -= 1
        if inside[self._name] <= 0:
            del inside[self._name]
        if self._proven is None and self._unknown:
            audit.record("refused", address=self._address, why="an unknown key", key=self._unknown)

    def begin_auth(self, username: str) -> bool:
        del username  # the key alone says who somebody is
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Note the key that is offered. Of several this is called last for the one that is proven."""
        del username
        known = self._door.whom(key, self._address) is not None
        self._offered = key if known else None
        if not known:
            self._unknown = key.get_fingerprint()
        return known

    def kbdint_auth_supported(self) -> bool:
        return self._door.guest is not None

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> bool:
        """Let a guest in without a question."""
        del username, lang, submethods
        self._offered = self._door.guest
        return self._door.guest is not None

    def auth_completed(self) -> None:
        self._proven = self._offered
        self._door.strangers.leave(self)
        is_guest = isinstance(self._proven, Identity)
        self._name = f"guest {self._address}" if is_guest else self._fingerprint
        self._door.inside[self._name] += 1
        most = self._door.most_per_address if is_guest else self._door.most_per_key
        if self._door.inside[self._name] > most:
            asyncio.get_running_loop().call_soon(self._leave, "there are too many connections like this one")
        self._expect_requests()

    @property
    def _fingerprint(self) -> str:
        return self._proven.get_fingerprint() if isinstance(self._proven, asyncssh.SSHKey) else ""

    def _leave(self, why: str) -> None:
        audit.record("refused", address=self._address, why=why, key=self._fingerprint)
        self._connection.disconnect(asyncssh.DISC_BY_APPLICATION, why)

    def _expect_requests(self) -> None:
        if not self._requests:
            self._idle = asyncio.get_running_loop().call_later(
                IDLE_S, self._leave, "nothing was asked for over this connection"
            )

    def session_requested(self) -> "asyncssh.SSHServerSession[bytes]":
        if self._requests >= MOST_REQUESTS:
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_RESOURCE_SHORTAGE, "too many requests over this connection"
            )
        self._requests += 1
        if self._idle is not None:
            self._idle.cancel()
        return Request(self._door, self._address, self._whom(), self._ended)

    def _ended(self) -> None:
        self._requests -= 1
        self._expect_requests()

    def _whom(self) -> Identity | NotAdmittedError:
        """Return who asks: the file of keys may have changed since the login."""
        if isinstance(self._proven, Identity):
            return self._proven
        who = self._door.whom(self._proven, self._address) if self._proven is not None else None
        return who or NotAdmittedError("this key is not admitted any more")
