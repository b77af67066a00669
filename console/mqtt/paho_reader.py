"""Reading and acknowledging by paho alone, a packet at a time: for WebSockets, whose frames it knows."""

import asyncio
from collections.abc import Sequence
from typing import Any

import aiomqtt

from console.domain.acks import RawAck
from console.mqtt import library


class PahoReader:
    """Does what a `Lane` does for reading, for one client."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self._paho: Any = library.paho_of(client)
        self.is_paused = False

    def pause(self) -> None:
        """Stop reading: messages stay at the broker. A long pause blocks the ping, and the link is lost."""
        self.is_paused = True
        plug = self._paho.socket()
        if plug is not None:
            asyncio.get_running_loop().remove_reader(plug.fileno())

    def resume(self) -> None:
        """Resume reading, first from the data that TLS has already decrypted."""
        self.is_paused = False
        plug = self._paho.socket()
        if plug is not None:
            asyncio.get_running_loop().add_reader(plug.fileno(), self._read)
            self._read()

    def acknowledge(self, messages: Sequence[RawAck]) -> None:
        """Confirm messages to the broker, in this order."""
        for message in messages:
            if message.qos:
                self._paho.ack(message.mid, message.qos)

    def _read(self) -> None:
        paho, lost = self._paho, library.lost_of(self._client)
        try:
            paho.loop_read()
            while getattr(paho.socket(), "pending", int)():
                paho.loop_read()
        except Exception as error:  # noqa: BLE001 - whatever paho raises, the link is over
            if not lost.done():
                lost.set_exception(error)
