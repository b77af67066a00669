"""Acknowledgements from devices on a persistent session; its PUBACK is sent only after our commit.

Decided in docs/decisions/0010-a-backlog-before-the-suback.md
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import aiomqtt

from console.domain.acks import RawAck
from console.errors import BrokerUnreachableError, Cause, Link, RefusedError
from console.limits import ACK_SESSION
from console.mqtt.link_errors import lost_error
from console.mqtt.session import BrokerAddress, Session, SessionKind, code_of, connect
from console.wire.topics import ack_filter

SHARED_FILTER = f"$share/device-console/{ack_filter()}"
SUBACK_TIMEOUT_S = 60.0
SESSION_S = int(ACK_SESSION.total_seconds())
RECEIVE_MAXIMUM = 2_000
MAX_WAITING_BYTES = 32 * 1_048_576
MAX_BATCH_BYTES = 1_048_576
_MESSAGE_BYTES = 512  # what a message costs besides topic and payload
_REFUSED = 0x80


class AckStream:
    """Answers in batches as they gather. What was not acknowledged is delivered again after a reconnect."""

    def __init__(self, address: BrokerAddress) -> None:
        self._address = address
        self._live: Session | None = None
        self._waiting: deque[RawAck] = deque()
        self._bytes = 0
        self._is_paused = False
        self._unanswered = 0
        self._arrived = asyncio.Event()

    @property
    def _session(self) -> Session:
        if self._live is None:
            raise BrokerUnreachableError(
                f"The broker at {self._address.label} is not connected.", cause=Cause.CLOSED
            )
        return self._live

    @property
    def waiting_bytes(self) -> int:
        """The memory in bytes of messages that were read and not yet returned in a batch."""
        return self._bytes

    @property
    def unanswered(self) -> int:
        """The number of messages that were read and not yet acknowledged to the broker."""
        return self._unanswered

    @property
    def detail(self) -> str:
        return self._session.detail

    @property
    def silent_s(self) -> float:
        """For how many seconds the broker has owed an answer to a ping; 0 if it owes none."""
        return self._session.silent_s

    def attach(self, session: Session) -> None:
        """Use this connection."""
        self._live = session
        session.lost.add_done_callback(lambda _: self._arrived.set())

    @property
    def session_present(self) -> bool:
        """Whether the broker kept our session: False is normal the first time, and a loss later on."""
        return self._session.connack.session_present

    @property
    def may_share(self) -> bool | None:
        """Whether the broker has shared subscriptions, by its CONNACK; None where it does not tell."""
        if not self._session.is_v5:
            return None
        return bool(self._session.connack.properties.get("SharedSubscriptionAvailable", 1))

    async def subscribe(self, *, shared: bool = False) -> None:
        """Subscribe to the answers of the whole fleet, alone or sharing them with the other slots.

        Call `batch` meanwhile: a backlog comes before the SUBACK.

        Raises:
            RefusedError: the broker refuses the subscription.
            BrokerUnreachableError: no SUBACK in time, or the link broke.
        """
        topic = SHARED_FILTER if shared else ack_filter()
        with self._suback():
            codes = await self._session.client.subscribe(topic, qos=1, timeout=SUBACK_TIMEOUT_S)
        if any(code_of(code) >= _REFUSED for code in codes):
            raise RefusedError(
                f"The broker at {self._address.label} refuses the subscription {topic}: allow it there.",
                link=Link.BROKER, detail=f"it refuses the subscription {topic}",
            )  # fmt: skip

    async def unsubscribe(self, *, shared: bool) -> None:
        """End one of the two subscriptions; messages that the broker has assigned to us still arrive."""
        with self._suback():
            topic = SHARED_FILTER if shared else ack_filter()
            await self._session.client.unsubscribe(topic, timeout=SUBACK_TIMEOUT_S)

    @contextmanager
    def _suback(self) -> Iterator[None]:
        try:
            yield
        except aiomqtt.MqttError as error:
            raise BrokerUnreachableError(
                f"The broker at {self._address.label} did not confirm the subscription ({error}).",
                cause=Cause.NO_ANSWER, detail="it did not confirm the subscription",
            ) from None  # fmt: skip

    async def batch(self, limit: int) -> tuple[RawAck, ...]:
        """Wait for messages and return those that have gathered: at most `limit`, and at most one mebibyte.

        Raises:
            BrokerUnreachableError: the link broke; the broker keeps what was not acknowledged.
        """
        while not self._waiting:
            if self._session.lost.done():
                raise lost_error(self._session.lost, self._address.label)
            self._arrived.clear()
            await self._arrived.wait()
        taken: list[RawAck] = []
        size = 0
        while self._waiting and len(taken) < limit and size < MAX_BATCH_BYTES:
            taken.append(self._waiting.popleft())
            size += _size(taken[-1])
        self._bytes -= size
        if self._is_paused and self._bytes <= MAX_WAITING_BYTES // 2 and not self._session.lost.done():
            self._is_paused = False
            self._session.reader.resume()
        return tuple(taken)

    async def acknowledge(self, messages: Sequence[RawAck]) -> None:
        """Acknowledge committed messages to the broker, which never delivers them again."""
        if self._session.lost.done():
            return
        self._unanswered -= len(messages)
        self._session.reader.acknowledge(messages)
        await asyncio.sleep(0)  # what was queued is written in the loop's next iteration

    def take(self, messages: Sequence[RawAck]) -> None:
        """Keep messages for the next batches, as they were read. Reading pauses when too many wait."""
        self._waiting.extend(messages)
        self._unanswered += len(messages)
        self._bytes += sum([_size(message) for message in messages])
        if self._bytes > MAX_WAITING_BYTES and self._live is not None and not self._is_paused:
            self._is_paused = True
            self._live.reader.pause()
        self._arrived.set()


def _size(message: RawAck) -> int:
    return len(message.topic) + len(message.payload) + len(message.correlation or b"") + _MESSAGE_BYTES


@asynccontextmanager
async def ack_stream(address: BrokerAddress, deployment_id: str, slot: int = 0) -> AsyncIterator[AckStream]:
    """Open one ingest session of this deployment: a fixed client id, kept by the broker for `SESSION_S`.

    What the broker kept arrives at once; the caller runs `subscribe` while it takes batches.
    """
    stream = AckStream(address)
    kind = SessionKind(
        client_id=_client_id(deployment_id, slot),
        persistent_s=SESSION_S,
        receive_maximum=RECEIVE_MAXIMUM,
        on_messages=stream.take,
    )
    async with connect(address, kind) as session:
        stream.attach(session)
        yield stream


async def forget_session(address: BrokerAddress, deployment_id: str, slot: int) -> None:
    """Make the broker delete the session of a slot that has been emptied."""
    async with connect(address, SessionKind(client_id=_client_id(deployment_id, slot))):
        pass


def _client_id(deployment_id: str, slot: int) -> str:
    suffix = f"-{slot}" if slot else ""
    return f"device-console-{deployment_id.replace('-', '')[:12]}-ingest{suffix}"
