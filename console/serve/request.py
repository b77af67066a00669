"""One request over an SSH connection: a screen, or one of the shell commands."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import asyncssh

from console.domain.text.safe import safe
from console.errors import ConsoleError, UsageError
from console.exit_codes import ExitCode
from console.serve import audit
from console.serve.channel import Pipe, SshLink, remember_few_variables
from console.serve.door import Door
from console.serve.identity import Identity, NotAdmittedError
from console.serve.sessions import Session, Terminal
from console.tui import refuse_terminal

_LONGEST_SENTENCE = 500
_CTRL_C = b"\x03"
_LOOK_EVERY_S = 0.05
_BEGINS_S = 5.0
_log = logging.getLogger("console.serve")


class Request(asyncssh.SSHServerSession[bytes]):
    """`ended` is called once, when the channel is closed."""

    def __init__(
        self, door: Door, address: str, who: Identity | NotAdmittedError, ended: Callable[[], object]
    ) -> None:
        self._door = door
        self._address = address
        self._who = who
        self._ended = ended
        self._asked: str | None = None
        self._is_subsystem = False
        self._is_interrupted = False
        self._has_no_more = False
        self._session: Session | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, chan: "asyncssh.SSHServerChannel[bytes]") -> None:
        self._chan: Any = chan
        remember_few_variables(chan)

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
        except asyncio.CancelledError:
            if not self._is_interrupted:
                raise
            code = ExitCode.INTERRUPTED
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
            raise who
        if self._is_subsystem:
            raise NotAdmittedError(
                "there is no subsystem here, such as sftp; `export` writes to standard output"
            )
        if self._asked is not None:
            await self._door.prepare(who)
            pipe = Pipe(self._chan, is_terminal=self._is_terminal)
            return await self._door.commands.run(self._asked, who, self._address, pipe)
        return await self._screen(who)

    @property
    def _is_terminal(self) -> bool:
        return self._chan.get_terminal_type() is not None

    async def _screen(self, who: Identity) -> int:
        term = self._chan.get_terminal_type()
        try:
            refuse_terminal(term or "", is_terminal=term is not None)
        except UsageError:
            raise NotAdmittedError(
                "the screen needs a terminal: ssh -t, and a TERM other than dumb"
            ) from None
        columns, rows, *_ = self._chan.get_terminal_size()
        terminal = Terminal(term, self._chan.get_environment(), columns, rows)
        async with self._door.turn:
            await self._door.prepare(who)
            session = self._door.sessions.open(who, terminal, SshLink(self._chan), self._address)
            self._session = session
            if self._has_no_more:
                self._chan.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(_BEGINS_S):
                    await session.remote.until_begun()
        code = await self._door.sessions.until_over(session)
        if session.remote.farewell:
            self._say(session.remote.farewell)
        return code

    def _say(self, sentence: str) -> None:
        if not self._chan.is_closing():
            end = "\r\n" if self._is_terminal else "\n"
            text = f"device-console: {safe(sentence, _LONGEST_SENTENCE)}{end}"
            self._chan.write_stderr(text.encode("utf-8", "replace"))

    def data_received(self, data: bytes, datatype: Any) -> None:
        """Take keys; what is sent to a shell command is not read, but ctrl+c on a terminal ends it."""
        del datatype
        if self._session is not None:
            self._session.feed(data)
            self._keep_pace()
        elif self._asked is not None and self._is_terminal and _CTRL_C in data and self._task is not None:
            self._is_interrupted = True
            self._task.cancel()

    def _keep_pace(self) -> None:
        """Take no more keys while the console has many to act on."""
        if self._session is None or self._chan.is_closing():
            return
        if self._session.remote.is_behind:
            self._chan.pause_reading()
            asyncio.get_running_loop().call_later(_LOOK_EVERY_S, self._keep_pace)
        else:
            self._chan.resume_reading()

    def eof_received(self) -> bool:
        """Go on answering a client that has nothing more to send; a screen without keys is over."""
        self._has_no_more = True
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

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._task is not None:
            self._task.cancel()
        if self._session is not None:
            self._door.sessions.cut(self._session)
        self._ended()


def _whom(who: Identity | NotAdmittedError) -> dict[str, str]:
    return {"operator": who.operator, "key": who.fingerprint} if isinstance(who, Identity) else {}
