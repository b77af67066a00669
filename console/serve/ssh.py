"""``--serve-ssh``: who connects, whom the key stands for, and what may be asked for over a connection.

Decided in docs/decisions/0068-who-a-key-stands-for.md
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncssh

from console.errors import ConsoleError, UsageError
from console.exit_codes import ExitCode
from console.serve import audit
from console.serve.authorized_keys import AuthorizedKeys
from console.serve.channel import SshLink
from console.serve.commands import Commands
from console.serve.identity import Identity, NotAdmittedError, identity_of
from console.serve.sessions import Session, Sessions, Terminal
from console.tui import refuse_terminal

LOGIN_S = 20.0  # for everything until a key is accepted
ALIVE_EVERY_S, ALIVE_TRIES = 15, 3
MOST_STRANGERS = 30  # connections without an accepted key
_GREETING = "device-console"
_log = logging.getLogger("console.serve")


@dataclass(frozen=True, slots=True)
class Door:
    """What connections share. `guest` is whom those without a known key are let in as, if at all."""

    keys: AuthorizedKeys | None
    sessions: Sessions
    commands: Commands
    guest: Identity | None
    strangers: Counter[str]
    most_per_address: int
    prepare: Callable[[Identity], Coroutine[Any, Any, None]]  # raises NotAdmittedError


async def listen(door: Door, host: str, port: int, key: asyncssh.SSHKey) -> asyncssh.SSHAcceptor:
    """Accept SSH connections.

    Raises:
        OSError: the address cannot be used.
    """
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
    )


class _Connection(asyncssh.SSHServer):
    """One connection. All forwarding is refused, as asyncssh does by itself."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._address = ""
        self._offered: Identity | NotAdmittedError | None = None
        self._who: Identity | NotAdmittedError | None = None
        self._is_stranger = False
        self._host = ""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._address = str((conn.get_extra_info("peername") or ("",))[0])
        strangers = self._door.strangers
        if strangers[self._address] >= self._door.most_per_address or strangers.total() >= MOST_STRANGERS:
            audit.record("refused", address=self._address, why="too many connections that have not logged in")
            conn.abort()
            return
        self._is_stranger = True
        strangers[self._address] += 1

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._is_no_stranger()

    def _is_no_stranger(self) -> None:
        if self._is_stranger:
            self._is_stranger = False
            self._door.strangers[self._address] -= 1
            if not self._door.strangers[self._address]:
                del self._door.strangers[self._address]

    def begin_auth(self, username: str) -> bool:
        del username  # the key alone says who somebody is
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Note whom this key stands for. Of several keys it is called last for the one that is proven."""
        del username
        self._offered = None
        door = self._door
        options = door.keys.options_of(key, self._address, self._address) if door.keys else None
        if options is not None:
            self._offered = _admitted(options, key.get_fingerprint())
        return self._offered is not None

    def kbdint_auth_supported(self) -> bool:
        return self._door.guest is not None

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> bool:
        """Let a guest in without a question."""
        del username, lang, submethods
        self._offered = self._door.guest
        return self._door.guest is not None

    def auth_completed(self) -> None:
        self._who = self._offered
        self._is_no_stranger()

    def session_requested(self) -> "asyncssh.SSHServerSession[bytes]":
        return _Channel(self._door, self._address, self._who)


def _admitted(options: Mapping[str, object], fingerprint: str) -> Identity | NotAdmittedError:
    """Return whom the key stands for, or why it does not; its owner is told when they ask for something."""
    try:
        return identity_of(options, fingerprint, datetime.now(UTC))
    except NotAdmittedError as error:
        return error


class _Channel(asyncssh.SSHServerSession[bytes]):
    """One request of a client: a screen, or one of the shell commands."""

    def __init__(self, door: Door, address: str, who: Identity | NotAdmittedError | None) -> None:
        self._door = door
        self._address = address
        self._who = who
        self._asked: str | None = None
        self._is_subsystem = False
        self._session: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._typed: list[bytes] = []
        self._room = asyncio.Event()
        self._room.set()

    def connection_made(self, chan: "asyncssh.SSHServerChannel[bytes]") -> None:
        self._chan: Any = chan

    def pty_requested(self, *_: Any) -> bool:
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._asked = command
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        del subsystem  # there is none: the client is told why
        self._is_subsystem = True
        return True

    def session_started(self) -> None:
        self._task = asyncio.create_task(self._serve())

    async def _serve(self) -> None:
        try:
            code = await self._answer()
        except NotAdmittedError as error:
            audit.record("refused", address=self._address, why=str(error), **_whom(self._who))
            self._say(str(error))
            code = ExitCode.USAGE
        except ConsoleError as error:
            self._say(str(error))
            code = error.exit_code
        except Exception:  # noqa: BLE001 - what one client met must not end the others
            _log.exception("a request over SSH failed")
            self._say("this failed; whoever runs the server has the report")
            code = ExitCode.FAILED
        if not self._chan.is_closing():
            self._chan.exit(code)

    async def _answer(self) -> int:
        """Do what was asked for; return the exit code.

        Raises:
            NotAdmittedError: it may not be done.
        """
        who = self._who
        if not isinstance(who, Identity):
            raise who or NotAdmittedError("this connection has no key")
        await self._door.prepare(who)
        if self._is_subsystem:
            raise NotAdmittedError(
                "there is no subsystem here, such as sftp; `export` writes to standard output"
            )
        if self._asked is not None:
            return await self._door.commands.run(
                self._asked, who, self._address, _Pipe(self._chan, self._room)
            )
        return await self._screen(who)

    async def _screen(self, who: Identity) -> int:
        try:
            term = self._chan.get_terminal_type()
            refuse_terminal(term or "", is_terminal=term is not None)
        except UsageError:
            raise NotAdmittedError(
                "the screen needs a terminal: ssh -t, and a TERM other than dumb"
            ) from None
        columns, rows, *_ = self._chan.get_terminal_size()
        terminal = Terminal(term, self._chan.get_environment(), columns, rows)
        session = self._door.sessions.open(who, terminal, SshLink(self._chan), self._address)
        self._session = session
        for data in self._typed:
            session.feed(data)
        code = await self._door.sessions.until_over(session)
        if session.remote.farewell:
            self._say(session.remote.farewell)
        return code

    def _say(self, sentence: str) -> None:
        if not self._chan.is_closing():
            self._chan.write_stderr(f"device-console: {sentence}\r\n".encode("utf-8", "replace"))

    def data_received(self, data: bytes, datatype: Any) -> None:
        del datatype
        if self._session is not None:
            self._session.feed(data)

    def eof_received(self) -> bool:
        """Go on answering a client that has nothing more to say; a screen without keys is over."""
        if self._session is not None:
            self._chan.close()
        return True

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        del pixwidth, pixheight
        if self._session is not None:
            self._session.remote.resize(width, height)

    def break_received(self, msec: int) -> bool:
        del msec
        return True

    def signal_received(self, signal: str) -> None:
        """Do nothing: the keys of the terminal say what is wanted."""

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._room.set()
        if self._session is not None:
            self._door.sessions.cut(self._session)
        elif self._task is not None:
            self._task.cancel()


class _Pipe:
    """Where the output of a shell command goes."""

    def __init__(self, channel: Any, room: asyncio.Event) -> None:
        self._channel = channel
        self._room = room

    async def write(self, data: bytes, *, is_error: bool) -> None:
        """Send output, and wait until there is room for more."""
        if not self._channel.is_closing():
            (self._channel.write_stderr if is_error else self._channel.write)(data)
        await self._room.wait()


def _whom(who: Identity | NotAdmittedError | None) -> dict[str, str]:
    return {"operator": who.operator, "key": who.fingerprint} if isinstance(who, Identity) else {}
