"""The lane for bulk: reads in the place of paho's reader, and writes many packets at once.

aiomqtt and paho connect, log in, do TLS, ping, subscribe and disconnect as ever; PUBLISH and PUBACK are cut
out of the stream here, every other packet is passed to paho. Not for WebSockets, whose frames paho knows.

Decided in docs/decisions/0057-a-lane-for-bulk.md
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Any

import aiomqtt

from console.domain.acks import RawAck
from console.mqtt import library
from console.mqtt.frames import QOS, FrameCutter, puback_frames
from console.mqtt.link_errors import MalformedStreamError

READ_BYTES = 262_144
WRITE_BYTES = 262_144
PACKETS_A_TURN = 1_000  # some 3 ms, before other tasks of the loop run
_WOULD_BLOCK = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

OnMessages = Callable[[Sequence[RawAck]], None]
OnPubacks = Callable[[Sequence[tuple[int, int]]], None]


class Lane:
    """Reads and writes for one client, from its connection to the end of the link.

    Make it before connecting. The callbacks get all messages of one read, or all PUBACKs of one read as
    packet ids with their reasons; what has no callback is passed to paho.
    """

    def __init__(
        self,
        client: aiomqtt.Client,
        most_bytes: int,
        *,
        v5: bool,
        on_messages: OnMessages | None = None,
        on_pubacks: OnPubacks | None = None,
    ) -> None:
        self._client = client
        self._paho: Any = library.paho_of(client)
        self._loop = asyncio.get_running_loop()
        self._on_messages = on_messages
        self._on_pubacks = on_pubacks
        self._cutter = FrameCutter(
            v5=v5, most_bytes=most_bytes, messages=on_messages is not None, pubacks=on_pubacks is not None
        )
        self._plug: Any = None
        self._is_paused = False
        self._is_watched = False  # by the loop, until the socket takes more
        self._fed = b""  # what paho reads next
        self._end: OSError | EOFError | None = (
            None  # of the stream, once everything before it has been passed on
        )
        self._take_over()

    @property
    def is_paused(self) -> bool:
        return self._is_paused

    def pause(self) -> None:
        """Stop reading: messages stay at the broker. A long pause blocks the ping, and the link is lost."""
        self._is_paused = True
        if self._plug is not None:
            self._loop.remove_reader(self._plug.fileno())

    def resume(self) -> None:
        """Read again, first what has been read or decrypted already."""
        self._is_paused = False
        if self._plug is not None:
            self._loop.add_reader(self._plug.fileno(), self._read)
            self._loop.call_soon(self._read)

    def write(self, frames: bytes) -> None:
        """Write complete packets, soon, and in parts: paho copies all that is left of one at each write."""
        for at in range(0, len(frames), WRITE_BYTES):
            library.queue_frames(self._paho, frames[at : at + WRITE_BYTES])

    def acknowledge(self, messages: Sequence[RawAck]) -> None:
        """Confirm messages to the broker, in this order and in one write."""
        self.write(puback_frames([message.mid for message in messages if message.qos == QOS]))
        for message in messages:
            if message.qos > QOS:  # which paho has read
                self._paho.ack(message.mid, message.qos)

    def _take_over(self) -> None:
        """Stand between paho and aiomqtt, whose callbacks go on doing what is not done here."""
        paho = self._paho
        opened, closed = paho.on_socket_open, paho.on_socket_close

        def on_socket_open(mqtt: Any, userdata: Any, plug: Any) -> None:
            opened(mqtt, userdata, plug)
            self._loop.call_soon_threadsafe(self._begin, plug)  # paho connects in a thread

        def on_socket_close(mqtt: Any, userdata: Any, plug: Any) -> None:
            self._plug = None
            self._unwatch(plug)
            closed(mqtt, userdata, plug)

        def on_socket_register_write(_mqtt: Any, _userdata: Any, _plug: Any) -> None:
            self._loop.call_soon_threadsafe(self._write)

        def on_socket_unregister_write(_mqtt: Any, _userdata: Any, plug: Any) -> None:
            self._unwatch(plug)

        paho.on_socket_open, paho.on_socket_close = on_socket_open, on_socket_close
        paho.on_socket_register_write = on_socket_register_write
        paho.on_socket_unregister_write = on_socket_unregister_write
        library.read_from(paho, self._next_of_fed)

    def _begin(self, plug: Any) -> None:
        if plug.fileno() >= 0:  # it may have been closed since
            self._plug = plug
            self._loop.add_reader(plug.fileno(), self._read)  # in the place of aiomqtt's

    def _read(self) -> None:
        """Read what is there, up to `READ_BYTES`, and pass on up to `PACKETS_A_TURN`."""
        if self._plug is None or self._is_paused:
            return
        try:
            if not self._cutter.is_more and self._end is None:
                self._receive()
            self._pass_on()
        except Exception as error:  # noqa: BLE001 - whatever it is, the link is over
            self._lose(error)

    def _receive(self) -> None:
        """Add to what will be cut. TLS returns a record a time, and holds some that the loop cannot see."""
        pending = getattr(self._plug, "pending", None)
        parts, room = [], READ_BYTES
        while room > 0 and self._end is None:
            try:
                data = self._plug.recv(room)
            except _WOULD_BLOCK:
                break
            except OSError as error:
                self._end = error
                break
            if not data:
                self._end = EOFError()
                break
            parts.append(data)
            room -= len(data)
            if pending is None:
                break
        if parts:
            library.came_to_life(self._paho)
            self._cutter.add(b"".join(parts))
        if pending is not None and pending():
            self._loop.call_soon(self._read)

    def _pass_on(self) -> None:
        messages, pubacks, others, fault = self._cutter.cut(PACKETS_A_TURN)
        if messages and self._on_messages is not None:
            self._on_messages(messages)
        if pubacks and self._on_pubacks is not None:
            self._on_pubacks(pubacks)
        for packet in others:
            self._feed(packet)
        if fault:
            raise MalformedStreamError(f"it sent what is not MQTT: {fault}")
        if self._cutter.is_more:
            self._loop.call_soon(self._read)
        elif self._end is not None and self._plug is not None:
            self._paho.loop_read()  # which ends the link in its own way

    def _feed(self, packet: bytes) -> None:
        self._fed = packet
        while self._fed and self._plug is not None:
            self._paho.loop_read()

    def _next_of_fed(self, most: int) -> bytes:
        """Return what paho reads next, in the place of its socket."""
        data, self._fed = self._fed[:most], self._fed[most:]
        if data:
            return data
        if self._end is None:
            raise BlockingIOError
        if isinstance(self._end, OSError):
            raise self._end
        return b""

    def _lose(self, error: Exception) -> None:
        """End the link for a reason that paho does not know."""
        self.pause()
        self._plug = None
        lost = library.lost_of(self._client)
        if not lost.done():
            lost.set_exception(error)

    def _write(self) -> None:
        """Write what waits. The loop watches the socket only while it takes no more."""
        paho = self._paho
        if paho.socket() is None:
            return
        try:
            paho.loop_write()
        except Exception as error:  # noqa: BLE001 - whatever it is, the link is over
            self._lose(error)
            return
        plug = paho.socket()
        if plug is not None and paho.want_write():
            self._watch(plug)
        elif plug is not None:
            self._unwatch(plug)

    def _watch(self, plug: Any) -> None:
        if not self._is_watched:
            self._is_watched = True
            self._loop.add_writer(plug.fileno(), self._write)

    def _unwatch(self, plug: Any) -> None:
        if self._is_watched:
            self._is_watched = False
            self._loop.remove_writer(plug.fileno())
