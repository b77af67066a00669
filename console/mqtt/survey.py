"""What a broker says of itself, for ``doctor``."""

import asyncio
import uuid
from contextlib import suppress
from dataclasses import dataclass

import aiomqtt

from console.mqtt.ack_stream import SESSION_S
from console.mqtt.session import BrokerAddress, Session, SessionKind, connect

_VERSION_TOPIC = "$SYS/broker/version"
_PATIENCE_S = 1.0


@dataclass(frozen=True, slots=True)
class BrokerFacts:
    """`session_s` is how long it keeps a session, as far as it says; `version` is "" when it tells none."""

    is_v5: bool
    version: str
    session_s: int
    may_share: bool


async def survey(address: BrokerAddress) -> BrokerFacts:
    """Connect as an ingest session does, look, and leave nothing behind.

    Raises:
        BrokerUnreachableError: it does not answer.
        RefusedError: it refuses the login, or cannot carry this channel.
    """
    name = f"device-console-doctor-{uuid.uuid4().hex[:12]}"
    async with connect(address, SessionKind(name, persistent_s=SESSION_S)) as session:
        said = session.connack.properties
        facts = BrokerFacts(
            is_v5=session.is_v5,
            version=await _version(session),
            session_s=int(said.get("SessionExpiryInterval", SESSION_S)),
            may_share=bool(said.get("SharedSubscriptionAvailable", 1)),
        )
    async with connect(address, SessionKind(name)):
        return facts


async def _version(session: Session) -> str:
    """The name and version that many brokers publish; "" when there is none within a second."""
    with suppress(aiomqtt.MqttError, TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            await session.client.subscribe(_VERSION_TOPIC, qos=0)
            async for message in session.client.messages:
                return bytes(message.payload).decode("utf-8", "replace")[:60]
    return ""
