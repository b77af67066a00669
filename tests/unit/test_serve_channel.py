"""When a client over SSH has room for another frame: by its window, and by what waits in this process."""

import asyncio
from typing import Any

import pytest

from console.serve.channel import MOST_UNREAD, SshLink


class Transport:
    waiting = 0

    def get_write_buffer_size(self) -> int:
        return self.waiting


class Connection:
    def __init__(self, version: bytes) -> None:
        self._transport = self.transport = Transport()
        self._version = version
        self.aborted = False

    def get_extra_info(self, name: str, default: object = None) -> object:
        return {"client_version": self._version}.get(name, default)

    def abort(self) -> None:
        self.aborted = True


class Channel:
    """What asyncssh's channel is for a link; `take` is what the client reports to have taken."""

    def __init__(self, version: bytes) -> None:
        self.connection = Connection(version)
        self._send_window = 1_000_000

    def get_connection(self) -> Connection:
        return self.connection

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.connection.aborted

    def write(self, data: bytes) -> None:
        self._send_window -= len(data)

    def take(self, size: int) -> None:
        self._send_window += size


def link(version: bytes = b"SSH-2.0-OpenSSH_9.6") -> tuple[Any, Channel]:
    channel = Channel(version)
    made: Any = channel
    return SshLink(made), channel


async def _is_asked(sending: SshLink) -> bool:
    """Whether the next frame is asked for within some looks."""
    asked = asyncio.Event()
    sending.when_taken(asked.set)
    try:
        async with asyncio.timeout(0.1):
            await asked.wait()
    except TimeoutError:
        return False
    return True


async def test_no_frame_is_asked_for_while_the_client_has_many_unread() -> None:
    """Without a look at its window, a terminal that nobody reads gets a megabyte of old screens."""
    sending, channel = link()
    sending.send(b"x" * (MOST_UNREAD + 1))
    assert not await _is_asked(sending)
    channel.take(1)
    assert await _is_asked(sending)


@pytest.mark.parametrize(
    "version", [b"SSH-2.0-AsyncSSH_2.24.1", b"SSH-2.0-paramiko_3.4.0", b"SSH-2.0-PuTTY_Release_0.81"]
)
async def test_a_client_that_tells_late_what_it_has_taken_goes_on(version: bytes) -> None:
    """Without that, its screen stands still after 128 KiB: it reports what it took after half of its window."""
    sending, _ = link(version)
    sending.send(b"x" * (4 * MOST_UNREAD))
    assert await _is_asked(sending)


async def test_what_waits_in_the_transport_counts_for_every_client() -> None:
    """Without that, a client chooses how much of this process's memory holds what it does not take."""
    sending, channel = link(b"SSH-2.0-x")
    channel.connection.transport.waiting = 20_000
    assert not await _is_asked(sending)
    channel.connection.transport.waiting = 0
    assert await _is_asked(sending)
    channel.connection.transport.waiting = 2_000_000
    sending.send(b"copied")
    assert channel.connection.aborted
