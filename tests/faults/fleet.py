"""Devices that answer while everything around them dies, and keep the oracle: what the broker took from them."""

import asyncio
from collections import deque
from collections.abc import Iterable

from console.errors import ConsoleError
from console.mqtt.publisher import publisher
from console.mqtt.session import BrokerAddress
from console.wire.topics import ack_topic
from tests.waiting import until_listening

_SIDE_BY_SIDE = 64
_PUBACK_S = 10.0
Ack = tuple[str, str, bytes]  # device id, command id, payload


class AckingFleet:
    """Publishes answers with QoS 1, each again until its PUBACK came; `acknowledged` are the ids that have one."""

    def __init__(self, address: BrokerAddress, acks: Iterable[Ack]) -> None:
        self._address = address
        self._left = deque(acks)
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
