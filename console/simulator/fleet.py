"""Many simulated devices on one link: takes their commands, answers in time, keeps their state fresh."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from console.simulator.device import SimulatedDevice
from console.wire.topics import ack_topic

BEAT_S = 5.0
_SHARES = 6
_MOST_PENDING = 20_000


class FleetLink(Protocol):
    """The devices' connection."""

    async def next_command(self) -> tuple[str, bytes]: ...
    def answer(self, topic: str, payload: bytes) -> None: ...


class StateWriter(Protocol):
    """Where the platform would keep what it sees of devices."""

    async def seen(self, tenant_id: str, online: Sequence[str], offline: Sequence[str]) -> None: ...


class Fleet:
    """The devices of one tenant."""

    def __init__(self, tenant_id: str, devices: Sequence[SimulatedDevice], state: StateWriter) -> None:
        self._tenant_id = tenant_id
        self._devices = {device.device_id: device for device in devices}
        self._state = state
        self._beat = 0
        self._pending: set[asyncio.TimerHandle] = set()

    async def answer(self, link: FleetLink) -> None:
        """Answer commands until cancelled.

        Raises:
            BrokerUnreachableError: the link broke.
        """
        loop = asyncio.get_running_loop()
        try:
            while True:
                topic, payload = await link.next_command()
                device = self._devices.get(topic.split("/")[3])
                taken = device.receive(payload) if device else None
                if taken is None or device is None or len(self._pending) >= _MOST_PENDING:
                    continue
                reply, answer = taken
                target = ack_topic(self._tenant_id, device.device_id)
                for copy in range(reply.copies):
                    self._later(loop, reply.delay_s + copy * 0.05, link, target, answer)
        finally:
            for handle in self._pending:
                handle.cancel()
            self._pending.clear()

    def _later(
        self, loop: asyncio.AbstractEventLoop, delay_s: float, link: FleetLink, topic: str, answer: bytes
    ) -> None:
        def act() -> None:
            self._pending.discard(handle)
            link.answer(topic, answer)

        handle = loop.call_later(delay_s, act)
        self._pending.add(handle)

    async def beat(self) -> None:
        """Write state for ever: a share of the devices each time, so that notifications stay few."""
        while True:
            await asyncio.sleep(BEAT_S)
            await self.beat_once()

    async def beat_once(self) -> None:
        """One round: a sixth of the online devices is seen, flapping ones leave and come back."""
        self._beat += 1
        flipped = [device for device in self._devices.values() if device.flap()]
        share = [
            device
            for place, device in enumerate(self._devices.values())
            if place % _SHARES == self._beat % _SHARES and device.online
        ]
        online = sorted({d.device_id for d in share} | {d.device_id for d in flipped if d.online})
        offline = sorted(device.device_id for device in flipped if not device.online)
        if online or offline:
            await self._state.seen(self._tenant_id, online, offline)
