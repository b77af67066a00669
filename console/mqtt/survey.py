"""The facts about a broker that ``doctor`` shows."""

import asyncio
import json
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace

import aiomqtt

from console.errors import BrokerUnreachableError
from console.mqtt.ack_stream import SESSION_S
from console.mqtt.publisher import Publisher
from console.mqtt.session import BrokerAddress, Session, SessionKind, code_of, connect
from console.wire.topics import PROBE, ack_filter, ack_topic, command_topic

_VERSION_TOPIC = "$SYS/broker/version"
_EMQX_VERSION_TOPIC = "$SYS/brokers/+/version"
OWN_TOPIC = "console/doctor"
_PATIENCE_S = 1.0
_REFUSED = 0x80


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of one message to ourselves: why the broker refused it, or whether it came back."""

    refused: str = ""
    heard: bool = False


@dataclass(frozen=True, slots=True)
class BrokerFacts:
    """What is known of a broker: `session_s` is how long it keeps a session, `version` is "" if unknown.

    `keeps_dots`: a topic with a dot stays as it is; for brokers with names of their own a dot may be a level.
    `refused` is why it refused a subscription to a tenant's answers; `own` is a trial on a topic that only we
    use; `commands` and `answers` are trials on the topics of a device that does not exist, where others
    receive them: None unless requested.
    """

    is_v5: bool
    version: str
    session_s: int
    may_share: bool
    own: Trial
    keeps_dots: bool = True
    refused: str = ""
    commands: Trial | None = None
    answers: Trial | None = None


async def survey(address: BrokerAddress, tenant_id: str | None = None, *, probe: bool = False) -> BrokerFacts:
    """Connect as an ingest session does, read what the broker reports, try our own topic, and clean up.

    With a tenant, a subscription to its answers is tried. Only with `probe` is anything published on its
    topics: every subscriber, even the platform's ingestion, takes that for a device's message.

    Raises:
        BrokerUnreachableError: it does not answer.
        RefusedError: it refuses the login, or cannot carry this channel.
    """
    name = f"device-console-doctor-{uuid.uuid4().hex[:12]}"
    async with connect(address, SessionKind(name, persistent_s=SESSION_S)) as session:
        properties = session.connack.properties
        facts = BrokerFacts(
            is_v5=session.is_v5,
            version=await _version(session),
            session_s=int(properties.get("SessionExpiryInterval", SESSION_S)),
            may_share=bool(properties.get("SharedSubscriptionAvailable", 1)),
            own=Trial(),
        )
    async with connect(address, SessionKind(name)):
        pass
    own = f"{OWN_TOPIC}/{name}"
    facts = replace(facts, own=await _tried(address, own, own, own))
    if facts.own.heard:
        facts = replace(facts, keeps_dots=(await _tried(address, f"{own}.1", f"{own}.1", own)).heard)
    if facts.own.heard and not facts.is_v5:
        facts = replace(facts, may_share=await _shares(address))
    if tenant_id is None:
        return facts
    facts = replace(facts, refused=await _refused(address, ack_filter(tenant_id)))
    if not probe or facts.refused:
        return facts
    device = f"{PROBE}-{uuid.uuid4().hex[:8]}"
    topic, answer = command_topic(tenant_id, device), ack_topic(tenant_id, device)
    return replace(
        facts,
        commands=await _tried(address, topic, topic, answer),
        answers=await _tried(address, ack_filter(tenant_id), answer, answer),
    )


async def shares_subscriptions(address: BrokerAddress) -> bool:
    """Return whether a broker of MQTT 3.1.1 has shared subscriptions: its CONNACK does not tell.

    If its access rules do not include our own topic, it cannot be found out, and the answer is yes.

    Raises:
        BrokerUnreachableError: it does not answer.
        RefusedError: it refuses the login.
    """
    own = f"{OWN_TOPIC}/device-console-doctor-{uuid.uuid4().hex[:12]}"
    return not (await _tried(address, own, own, own)).heard or await _shares(address)


async def _shares(address: BrokerAddress) -> bool:
    name = uuid.uuid4().hex[:12]
    own = f"{OWN_TOPIC}/device-console-doctor-{name}"
    return (await _tried(address, f"$share/{name}/{own}", own, own)).heard


async def _refused(address: BrokerAddress, topic: str) -> str:
    """Return why a subscription is refused, or ""."""
    try:
        async with connect(address, SessionKind(f"device-console-doctor-{uuid.uuid4().hex[:12]}")) as session:
            codes = await session.client.subscribe(topic, qos=0)
    except (BrokerUnreachableError, aiomqtt.MqttError):
        return "it hung up"
    return next((f"reason code {code_of(code):#04x}" for code in codes if code_of(code) >= _REFUSED), "")


async def _tried(address: BrokerAddress, wanted: str, topic: str, answer_to: str) -> Trial:
    """Subscribe, publish and wait for it: some brokers grant subscriptions that their access rules forbid."""
    name = f"device-console-doctor-{uuid.uuid4().hex[:12]}"
    mark = json.dumps({"probe": name}).encode()
    try:
        async with connect(address, SessionKind(name)) as session:
            codes = await session.client.subscribe(wanted, qos=1)
            if any(code_of(code) >= _REFUSED for code in codes):
                return Trial("it refuses the subscription")
            puback = await Publisher(address, session).publish(
                topic, mark, answer_to=answer_to, command_id=name, expiry_s=5, timeout_s=3.0
            )
            if not puback.accepted:
                return Trial(puback.reason)
            return Trial(heard=await _arrives(session, topic, mark))
    except (BrokerUnreachableError, aiomqtt.MqttError):
        return Trial("it hung up")


async def _arrives(session: Session, topic: str, mark: bytes) -> bool:
    with suppress(aiomqtt.MqttError, TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            async for message in session.client.messages:
                if str(message.topic) == topic and message.payload == mark:
                    return True
    return False


async def _version(session: Session) -> str:
    """Return the name and version that many brokers publish; "" if none arrives within a second."""
    with suppress(aiomqtt.MqttError, TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            await session.client.subscribe([(_VERSION_TOPIC, 0), (_EMQX_VERSION_TOPIC, 0)])
            async for message in session.client.messages:
                version = bytes(message.payload).decode("utf-8", "replace")[:60]
                return version if str(message.topic) == _VERSION_TOPIC else f"EMQX version {version}"
    return ""
