"""Publishing with QoS 1: the broker's PUBACKs with the reasons of refusals, which aiomqtt hides.

`send` writes many publications at once and reports their PUBACKs as they come; `publish` is one of them,
awaited. On a connection without a lane, paho writes them one by one.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from console.domain.publication import PACKET_TOO_LARGE, Puback, Publication
from console.errors import BrokerUnreachableError, Cause
from console.mqtt.frames import QOS, publish_frame, publish_properties
from console.mqtt.link_errors import lost_error
from console.mqtt.session import BrokerAddress, Session, SessionKind, code_of, connect

_PACKET_IDS = 0xFFFF
_ACCEPTED = Puback()


class Publisher:
    """The publisher of one connection. Each connection needs its own: paho re-sends what an old one kept.

    `on_pubacks` is called with all PUBACKs of one read, as tokens that `send` returned and what they mean.
    """

    def __init__(self, address: BrokerAddress, session: Session | None = None) -> None:
        self._address = address
        self._live = session
        self._waiting: dict[int, tuple[asyncio.Future[Puback] | None, float]] = {}  # the oldest first
        self._forgotten: set[int] = set()
        self._last_id = 0
        self._beyond_ids = count(_PACKET_IDS + 1)  # tokens of what is not sent
        self._loop = asyncio.get_running_loop()
        self.on_pubacks: Callable[[Sequence[tuple[int, Puback]]], None] | None = None
        if session is not None:
            self.attach(session)

    def attach(self, session: Session) -> None:
        """Use this connection, whose lane calls `confirm`; without a lane, paho does."""
        self._live = session
        if session.lane is None:
            session.paho.on_publish = self._on_publish

    @property
    def _session(self) -> Session:
        if self._live is None:
            raise self._not_connected()
        return self._live

    @property
    def detail(self) -> str:
        return self._session.detail

    @property
    def silent_s(self) -> float:
        """For how many seconds the broker has owed an answer to a ping, or a PUBACK; 0 if it owes none."""
        _, oldest = next(iter(self._waiting.values()), (None, None))
        owed_s = 0.0 if oldest is None else self._loop.time() - oldest
        return max(self._session.silent_s, owed_s)

    @property
    def enforces_expiry(self) -> bool:
        """Whether the broker drops expired messages: with MQTT 5 only."""
        return self._session.is_v5

    @property
    def receive_maximum(self) -> int:
        """How many unconfirmed publications the broker accepts at a time."""
        return int(self._session.connack.properties.get("ReceiveMaximum", _PACKET_IDS))

    @property
    def room(self) -> int:
        """How many more publications may be in flight: those that were forgotten still are."""
        return max(0, self.receive_maximum - len(self._waiting) - len(self._forgotten))

    async def until_lost(self) -> None:
        """Wait for the end of the link.

        Raises:
            BrokerUnreachableError: always, with the reason.
        """
        await asyncio.wait({self._session.lost})
        raise lost_error(self._session.lost, self._address.label)

    def send(self, publications: Sequence[Publication]) -> list[int]:
        """Publish, once and not retained, at most as many as there is `room` for; return a token for each.

        The broker hangs up on more than there is room for.

        What is too large for the broker is not sent, because it would hang up with others in flight; its
        PUBACK refuses it.

        Raises:
            BrokerUnreachableError: the link is lost, or no packet id is free; nothing was sent.
        """
        return self._send(publications, None)

    def unanswered(self, timeout_s: float) -> BrokerUnreachableError:
        """Return the error for a publication that the broker has not confirmed in `timeout_s` seconds."""
        return BrokerUnreachableError(
            f"The broker at {self._address.label} sent no PUBACK within {timeout_s:g} s.",
            cause=Cause.NO_ANSWER,
            detail=f"no PUBACK within {timeout_s:g} s",
        )

    def forget(self, tokens: Sequence[int]) -> None:
        """Wait no longer for these PUBACKs; what they confirm stays in flight until they come."""
        for token in tokens:
            if self._waiting.pop(token, None) is not None:
                self._forgotten.add(token)

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
        future: asyncio.Future[Puback] = self._loop.create_future()
        publication = Publication(topic, payload, answer_to, command_id, expiry_s)
        tokens = self._send((publication,), future)
        try:
            done, _ = await asyncio.wait(
                (future, self._session.lost), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if future in done:
                return future.result()
            if done:
                raise lost_error(self._session.lost, self._address.label)
            raise self.unanswered(timeout_s)
        finally:
            if not future.done():
                self.forget(tokens)

    def _send(self, publications: Sequence[Publication], future: asyncio.Future[Puback] | None) -> list[int]:
        session = self._session
        if session.lost.done():
            raise lost_error(session.lost, self._address.label)
        if session.paho.socket() is None:
            raise self._not_connected()
        if len(publications) > _PACKET_IDS - len(self._waiting) - len(self._forgotten):
            raise BrokerUnreachableError(
                f"The broker at {self._address.label} does not confirm what is published.",
                cause=Cause.NO_ANSWER, detail="it confirms nothing",
            )  # fmt: skip
        most = int(session.connack.properties.get("MaximumPacketSize", 0))
        since = self._loop.time()
        tokens: list[int] = []
        frames: list[bytes] = []
        refused: list[tuple[int, int]] = []
        for publication in publications:
            token = self._next_id()
            frame = publish_frame(publication, token, v5=session.is_v5)
            if 0 < most < len(frame):
                token = next(self._beyond_ids)
                refused.append((token, PACKET_TOO_LARGE))
            elif session.lane is None:
                token = self._publish_by_paho(session, publication)
            else:
                frames.append(frame)
            self._waiting[token] = (future, since)
            tokens.append(token)
        if session.lane is not None:
            session.lane.write(b"".join(frames))
        if refused:
            self._loop.call_soon(self.confirm, refused)
        return tokens

    def _publish_by_paho(self, session: Session, publication: Publication) -> int:
        properties = _Packed(publish_properties(publication)) if session.is_v5 else None
        info = session.paho.publish(publication.topic, publication.payload, QOS, False, properties)
        if info.rc != 0:
            raise self._not_connected()
        return int(info.mid)

    def _next_id(self) -> int:
        """Return a packet id that is not in flight; there must be one."""
        while True:
            self._last_id = self._last_id % _PACKET_IDS + 1
            if self._last_id not in self._waiting and self._last_id not in self._forgotten:
                return self._last_id

    def _not_connected(self) -> BrokerUnreachableError:
        return BrokerUnreachableError(
            f"The broker at {self._address.label} is not connected.", cause=Cause.CLOSED
        )

    def confirm(self, pubacks: Sequence[tuple[int, int]]) -> None:
        """Take PUBACKs as packet ids and reason codes, in any order."""
        found = []
        for mid, code in pubacks:
            waiting = self._waiting.pop(mid, None)
            if waiting is None:
                self._forgotten.discard(mid)
            elif waiting[0] is None:
                found.append((mid, Puback(code) if code else _ACCEPTED))
            elif not waiting[0].done():
                waiting[0].set_result(Puback(code))
        if found and self.on_pubacks is not None:
            self.on_pubacks(found)

    def _on_publish(self, _paho: Any, _userdata: Any, mid: int, reason: Any, _properties: Any) -> None:
        self.confirm([(mid, code_of(reason))])


class _Packed:
    """Properties in the form that paho writes: the only function that builds a PUBLISH has built them."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed

    def pack(self) -> bytes:
        return self._packed


@asynccontextmanager
async def publisher(address: BrokerAddress) -> AsyncIterator[Publisher]:
    """Connect for publishing, with a client id of its own and no session to keep."""
    link = Publisher(address)
    kind = SessionKind(client_id=f"device-console-pub-{uuid.uuid4().hex[:12]}", on_pubacks=link.confirm)
    async with connect(address, kind) as session:
        link.attach(session)
        yield link
