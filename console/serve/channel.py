"""The link of a session over SSH: it takes a frame only while the client keeps reading.

All private names of asyncssh that the program uses are here; `unit/test_private_names` looks for them.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import asyncssh

MOST_UNREAD = 128 * 1024  # bytes; OpenSSH tells what its terminal has taken after 48 KiB of it, at the latest
_MOST_UNSENT = 16 * 1024  # bytes that wait in this process
_SOCKET_BUFFER = 64 * 1024  # bytes: on a slow line what waits in the system is what keys are late by
_MOST_HELD = 1024 * 1024  # bytes for a client that takes nothing and goes on asking
_MOST_VARIABLES, _LONGEST_VARIABLE = 32, 256
_LOOK_EVERY_S = 0.02


class SshLink:
    """Sends at once, and says when another frame has room: frames that nobody can see are not made.

    What the client's terminal has not taken yet shows in its window where the client is OpenSSH. Others tell
    it much later, after half of a window of any size: there, what was received counts as taken.
    """

    def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]") -> None:
        self._channel: Any = channel
        self._connection: Any = channel.get_connection()
        self._loop = asyncio.get_running_loop()
        self._largest_window = self._window
        self._tells_soon = b"OpenSSH" in _version(self._connection)
        opened = self._connection.get_extra_info("socket")
        if opened is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)

    def send(self, data: bytes) -> None:
        if self._channel.is_closing():
            return
        self._channel.write(data)
        if unsent(self._channel) > _MOST_HELD:
            self._connection.abort()

    def when_taken(self, call: Callable[[], object]) -> None:
        if self._has_room:
            self._loop.call_soon(call)
        elif not self._channel.is_closing():
            self._loop.call_later(_LOOK_EVERY_S, self.when_taken, call)

    @property
    def _has_room(self) -> bool:
        self._largest_window = max(self._largest_window, self._window)
        unread = self._largest_window - self._window if self._tells_soon else 0
        return unsent(self._channel) <= _MOST_UNSENT and unread <= MOST_UNREAD

    @property
    def _window(self) -> int:
        """How many bytes the client has room for: it grows again when its terminal has taken some."""
        return int(self._channel._send_window)  # noqa: SLF001


def _version(connection: Any) -> bytes:
    told = connection.get_extra_info("client_version", "")
    return told if isinstance(told, bytes) else str(told).encode("utf-8", "replace")


class Pipe:
    """Where the output of a shell command goes. On a terminal each line ends as a terminal wants it."""

    def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]", *, is_terminal: bool) -> None:
        self._channel: Any = channel
        self._is_terminal = is_terminal

    async def write(self, data: bytes, *, is_error: bool) -> None:
        """Send output, and wait until there is room for more; nothing where the client has left."""
        if self._channel.is_closing():
            return
        raw = data.replace(b"\n", b"\r\n") if self._is_terminal else data
        (self._channel.write_stderr if is_error else self._channel.write)(raw)
        # nothing tells when the transport has room: asyncssh, whose it is, does not look
        while unsent(self._channel) > _MOST_UNSENT and not self._channel.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_EVERY_S)


def unsent(channel: Any) -> int:
    """Return how many bytes for this channel, or for others of its connection, wait in this process.

    A client chooses its window itself: what it grants and does not take waits in the transport.
    """
    transport = channel.get_connection()._transport  # noqa: SLF001
    return int(channel.get_write_buffer_size()) + (transport.get_write_buffer_size() if transport else 0)


def remember_few_variables(channel: Any) -> None:
    """Keep some variables of a client's environment, and no long ones: asyncssh would keep any number."""
    channel._env = _Few(channel._env)  # noqa: SLF001


class _Few(dict[bytes, bytes]):
    def __setitem__(self, name: bytes, value: bytes) -> None:
        fits = len(name) + len(value) <= _LONGEST_VARIABLE
        if fits and (name in self or len(self) < _MOST_VARIABLES):
            super().__setitem__(name, value)
