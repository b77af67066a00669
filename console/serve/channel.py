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
_LOOK_EVERY_S = 0.02


class SshLink:
    """Sends at once, and says when another frame has room: frames that nobody can see are not made."""

    def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]") -> None:
        self._channel: Any = channel
        self._connection: Any = channel.get_connection()
        self._loop = asyncio.get_running_loop()
        self._largest_window = self._window
        opened = self._connection.get_extra_info("socket")
        if opened is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)

    def send(self, data: bytes) -> None:
        if not self._channel.is_closing():
            self._channel.write(data)

    def when_taken(self, call: Callable[[], object]) -> None:
        if self._has_room:
            self._loop.call_soon(call)
        elif not self._channel.is_closing():
            self._loop.call_later(_LOOK_EVERY_S, self.when_taken, call)

    @property
    def _has_room(self) -> bool:
        self._largest_window = max(self._largest_window, self._window)
        transport = self._connection._transport  # noqa: SLF001
        unsent = self._channel.get_write_buffer_size()
        unsent += transport.get_write_buffer_size() if transport is not None else 0
        return unsent <= _MOST_UNSENT and self._largest_window - self._window <= MOST_UNREAD

    @property
    def _window(self) -> int:
        """How many bytes the client has room for: it grows again when its terminal has taken some."""
        return int(self._channel._send_window)  # noqa: SLF001
