"""Publishing with QoS 1: returns on the broker's PUBACK with the reason of a refusal, which aiomqtt hides."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from console.domain.publication import Puback
from console.errors import BrokerUnreachableError, Cause
from console.mqtt.link_errors import lost_error
from console.mqtt.session import BrokerAddress, Session, SessionKind, code_of, connect

QOS = 1
_MAX_EXPIRY_S = 0xFFFF_FFFF
_MOST_IN_FLIGHT = 0xFFFF
_HEAD_BYTES = 64  # fixed header and properties, except those that are counted separately
_PACKET_TOO_LARGE = 0x95


class Publisher:
    """The publisher of one connection. Each connection needs its own: paho re-sends what an old one kept."""

    def __init__(self, session: Session, address: BrokerAddress) -> None:
        self._session = session
        self._address = address
        self._waiting: dict[int, tuple[asyncio.Future[int], float]] = {}
        self._early: dict[int, int] = {}
        session.paho.on_publish = self._on_publish

    @property
    def detail(self) -> str:
        return self._session.detail

    @property
    def silent_s(self) -> float:
        """For how many seconds the broker has owed an answer to a ping, or a PUBACK; 0 if it owes none."""
        oldest = min((since for _, since in self._waiting.values()), default=None)
        owed_s = 0.0 if oldest is None else asyncio.get_running_loop().time() - oldest
        return max(self._session.silent_s, owed_s)

    @property
    def enforces_expiry(self) -> bool:
        """Whether the broker drops expired messages: with MQTT 5 only."""
        return self._session.is_v5

    @property
    def receive_maximum(self) -> int:
        """How many unconfirmed publications the broker accepts at a time."""
        return int(self._session.connack.properties.get("ReceiveMaximum", _MOST_IN_FLIGHT))

    def _is_too_large(self, *parts: bytes | str) -> bool:
        most = int(self._session.connack.properties.get("MaximumPacketSize", 0))
        sizes = (len(part.encode() if isinstance(part, str) else part) for part in parts)
        return most > 0 and _HEAD_BYTES + sum(sizes) > most

    async def until_lost(self) -> None:
        """Wait for the end of the link.

        Raises:
            BrokerUnreachableError: always, with the reason.
        """
        await asyncio.wait({self._session.lost})
        raise lost_error(self._session.lost, self._address.label)

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        answer_to: str,
        command_id: str,
        expiry_s: int | None,
        timeout_s: float,
    ) -> Puback:
        """Publish once, not retained, and wait for the broker's answer; do not send what is too large for it.

        Raises:
            BrokerUnreachableError: no answer in `timeout_s` seconds, or the link broke: the outcome is
                unknown, which is not the same as "not published".
        """
        if self._is_too_large(topic, payload, answer_to, command_id):
            return Puback(_PACKET_TOO_LARGE)  # the broker would hang up, with others in flight
        properties = self._properties(answer_to, command_id, expiry_s) if self._session.is_v5 else None
        info = self._session.paho.publish(topic, payload, QOS, False, properties)
        if info.rc != 0:
            raise BrokerUnreachableError(
                f"The broker at {self._address.label} is not connected.", cause=Cause.CLOSED
            )
        if info.mid in self._early:
            return Puback(self._early.pop(info.mid))
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[info.mid] = (future, asyncio.get_running_loop().time())
        try:
            done, _ = await asyncio.wait(
                (future, self._session.lost), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if future in done:
                return Puback(future.result())
            if done:
                raise lost_error(self._session.lost, self._address.label)
            raise BrokerUnreachableError(
                f"The broker at {self._address.label} sent no PUBACK within {timeout_s:g} s.",
                cause=Cause.NO_ANSWER, detail=f"no PUBACK within {timeout_s:g} s",
            )  # fmt: skip
        finally:
            self._waiting.pop(info.mid, None)

    def _on_publish(self, _paho: Any, _userdata: Any, mid: int, reason: Any, _properties: Any) -> None:
        code = code_of(reason)
        waiting = self._waiting.get(mid)
        if waiting is None:
            self._early[mid] = code
        elif not waiting[0].done():
            waiting[0].set_result(code)

    @staticmethod
    def _properties(answer_to: str, command_id: str, expiry_s: int | None) -> Properties:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ResponseTopic = answer_to
        properties.CorrelationData = command_id.encode()
        properties.PayloadFormatIndicator = 1
        properties.ContentType = "application/json"
        if expiry_s is not None:
            properties.MessageExpiryInterval = min(expiry_s, _MAX_EXPIRY_S)
        return properties


@asynccontextmanager
async def publisher(address: BrokerAddress) -> AsyncIterator[Publisher]:
    """Connect for publishing, with a client id of its own and no session to keep."""
    kind = SessionKind(client_id=f"device-console-pub-{uuid.uuid4().hex[:12]}")
    async with connect(address, kind) as session:
        yield Publisher(session, address)
