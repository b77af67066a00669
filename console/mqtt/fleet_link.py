"""The link of simulated devices to the broker: one session for many command topics."""

import logging
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any

import aiomqtt
from paho.mqtt.subscribeoptions import SubscribeOptions

from console.errors import BrokerUnreachableError
from console.mqtt.link_errors import lost_error, unreachable
from console.mqtt.session import BrokerAddress, Session, SessionKind, code_of, connect

_BATCH = 50
_KEPT_S = 3_600
_PATIENCE_S = 5.0
_REFUSED = 0x80
_log = logging.getLogger("console.mqtt")


class FleetLink:
    """One live session of simulated devices."""

    def __init__(self, session: Session, address: BrokerAddress) -> None:
        self._session = session
        self._address = address

    async def subscribe(self, topics: Sequence[str]) -> None:
        """Subscribe with QoS 1, in packets small enough for every broker.

        Raises:
            BrokerUnreachableError: no answer.
        """
        rest = iter(topics)
        while batch := list(islice(rest, _BATCH)):
            try:
                codes = await self._session.client.subscribe(_with_qos(batch, is_v5=self._session.is_v5))
            except aiomqtt.MqttError as error:
                raise self._broken(error) from None
            refused = sum(code_of(code) >= _REFUSED for code in codes)
            if refused:
                _log.warning("the broker refused %d of %d simulated devices", refused, len(batch))

    async def commands(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yield topic and payload of every PUBLISH.

        Raises:
            BrokerUnreachableError: the link broke.
        """
        try:
            async for message in self._session.client.messages:
                if isinstance(message.payload, bytes):
                    yield str(message.topic), message.payload
        except aiomqtt.MqttError:
            raise lost_error(self._session.lost, self._address.label) from None

    async def answer(self, topic: str, payload: bytes, qos: int) -> None:
        """Publish an answer; with QoS 1, return after the PUBACK.

        Raises:
            BrokerUnreachableError: no PUBACK.
        """
        try:
            await self._session.client.publish(topic, payload, qos=qos, timeout=_PATIENCE_S)
        except aiomqtt.MqttError as error:
            raise self._broken(error) from None

    def _broken(self, error: aiomqtt.MqttError) -> BrokerUnreachableError:
        if self._session.lost.done():
            return lost_error(self._session.lost, self._address.label)
        return unreachable(self._address.label, error)


class FleetLinks:
    """Opens sessions for simulated devices at one broker."""

    def __init__(self, address: BrokerAddress) -> None:
        self._address = address

    @asynccontextmanager
    async def __call__(self, topics: Sequence[str], session_name: str | None) -> AsyncIterator[FleetLink]:
        """Connect and subscribe; the broker keeps a named session for an hour after its connection ends."""
        kind = SessionKind(
            client_id=session_name or f"simulated-{uuid.uuid4().hex[:12]}",
            persistent_s=_KEPT_S if session_name else 0,
        )
        async with connect(self._address, kind) as session:
            link = FleetLink(session, self._address)
            await link.subscribe(topics)
            yield link


def _with_qos(topics: Sequence[str], *, is_v5: bool) -> Any:
    if is_v5:
        return [(topic, SubscribeOptions(qos=1)) for topic in topics]
    return [(topic, 1) for topic in topics]
