"""Devices that answer while everything around them dies, and keep the oracle: what the broker took from them."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable

import aiomqtt

from console.errors import ConsoleError
from console.mqtt.publisher import publisher
from console.mqtt.session import BrokerAddress
from console.wire.topics import ack_topic
from tests.seeds import chance
from tests.waiting import until_listening

_SIDE_BY_SIDE = 64
_PUBACK_S = 10.0
Ack = tuple[str, str, bytes]  # device id, command id, payload


class AckingFleet:
    """Publishes answers with QoS 1, each again until its PUBACK came; `acknowledged` are the ids that have one.

    In which order they come is chance.
    """

    def __init__(self, address: BrokerAddress, acks: Iterable[Ack]) -> None:
        self._address = address
        shuffled = list(acks)
        chance("order of answers").shuffle(shuffled)
        self._left = deque(shuffled)
        self.acknowledged: dict[str, float] = {}
        self.connections = 0

    async def run(self) -> None:
        """Publish until each answer has its PUBACK."""
        while self._left:
            await until_listening(self._address.host, self._address.port)
            try:
                async with publisher(self._address) as link:
                    self.connections += 1
                    async with asyncio.TaskGroup() as group:
                        for _ in range(_SIDE_BY_SIDE):
                            group.create_task(self._say(link))
            except* ConsoleError:
                pass

    async def _say(self, link: object) -> None:
        while self._left:
            device_id, command_id, payload = ack = self._left.popleft()
            topic = ack_topic("acme", device_id)
            try:
                answer = await link.publish(  # type: ignore[attr-defined]
                    topic, payload, answer_to=topic, command_id=command_id, expiry_s=None, timeout_s=_PUBACK_S
                )
                assert answer.accepted
            except BaseException:
                self._left.append(ack)
                raise
            self.acknowledged[command_id] = asyncio.get_running_loop().time()


class ReturningFleet:
    """All devices of ``acme`` behind one client that connects again whenever its link breaks.

    It remembers what came, what was answered, and which answers the broker took: `answers` says to which command.
    """

    def __init__(
        self, address: BrokerAddress, answers: Callable[[str], bool], *, keeps_session: bool
    ) -> None:
        self._address, self._answers, self._keeps_session = address, answers, keeps_session
        self._decided: dict[str, bool] = {}
        self._to_say: deque[Ack] = deque()
        self._something_to_say = asyncio.Event()
        self.copies: dict[str, int] = {}
        self.answered: dict[str, float] = {}
        self.acknowledged: dict[str, float] = {}
        self.away: list[tuple[float, float]] = []
        self.subscribed = asyncio.Event()

    @property
    def has_answered_all(self) -> bool:
        """Whether every answer has its PUBACK."""
        return set(self.answered) == set(self.acknowledged)

    async def run(self) -> None:
        """Until it is cancelled."""
        clock, fleet = asyncio.get_running_loop().time, self
        left_at = clock()

        class Noted(asyncio.Queue[aiomqtt.Message]):
            """What has arrived is noted at once: the library has confirmed it, and drops its queue with the link."""

            def put_nowait(self, item: aiomqtt.Message) -> None:
                fleet._take(item)

        while True:
            await until_listening(self._address.host, self._address.port)
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client(
                    self._address.host, self._address.port, identifier="returning-fleet", timeout=5, queue_type=Noted,
                    clean_session=not self._keeps_session, protocol=aiomqtt.ProtocolVersion.V311,
                ) as client:  # fmt: skip
                    await client.subscribe("tenant/acme/device/+/commands", qos=1)
                    self.away.append((left_at, clock()))
                    self.subscribed.set()
                    await self._serve(client)
            if self.subscribed.is_set():
                left_at = clock()
                self.subscribed.clear()

    async def _serve(self, client: aiomqtt.Client) -> None:
        saying = [asyncio.create_task(self._say(client)) for _ in range(4)]
        try:
            async for _ in client.messages:
                pass
        finally:
            for task in saying:
                task.cancel()
            await asyncio.gather(*saying, return_exceptions=True)

    async def _say(self, client: aiomqtt.Client) -> None:
        while True:
            while not self._to_say:
                self._something_to_say.clear()
                await self._something_to_say.wait()
            device_id, command_id, payload = answer = self._to_say.popleft()
            try:
                await client.publish(ack_topic("acme", device_id), payload, qos=1)
            except BaseException:
                self._to_say.appendleft(answer)
                raise
            self.acknowledged.setdefault(command_id, asyncio.get_running_loop().time())

    def _take(self, message: aiomqtt.Message) -> None:
        assert isinstance(message.payload, bytes)
        command_id = json.loads(message.payload)["command_id"]
        self.copies[command_id] = self.copies.get(command_id, 0) + 1
        if command_id not in self._decided:
            self._decided[command_id] = self._answers(command_id)
        if self._decided[command_id]:
            self.answered.setdefault(command_id, asyncio.get_running_loop().time())
            payload = json.dumps({"command_id": command_id, "status": "ok"}).encode()
            self._to_say.append((str(message.topic).split("/")[3], command_id, payload))
            self._something_to_say.set()


@contextlib.asynccontextmanager
async def returning_fleet(
    address: BrokerAddress, answers: Callable[[str], bool], *, keeps_session: bool = False
) -> AsyncIterator[ReturningFleet]:
    """The fleet for the length of the block."""
    fleet = ReturningFleet(address, answers, keeps_session=keeps_session)
    task = asyncio.create_task(fleet.run())
    try:
        await asyncio.wait_for(fleet.subscribed.wait(), 60)
        yield fleet
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, aiomqtt.MqttError):
            await task
