"""The simulated fleet: many devices over a few MQTT sessions, and their presence in the state table."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from console.clock import Clock
from console.concurrency import first_to_end
from console.simulator.behaviours import Absences, Behaviour
from console.simulator.device import Answer, SimulatedDevice
from console.simulator.group import DeviceGroup, OpenLink, Pause
from console.simulator.presence import Presence, StateWriter


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """How many sessions the fleet shares, how often it writes states, how its flapping devices flap."""

    shared_links: int = 4
    tick_s: float = 5.0
    heartbeat_s: float = 60.0
    absences: Absences = field(default_factory=Absences)
    by_site: bool = False  # a session a site instead, so that a site can go quiet; for a handful of sites


class _Outage:
    """Takes the devices of a site off the network when it is told to."""

    def __init__(self) -> None:
        self._begins = asyncio.Event()
        self._seconds = 0.0

    def begin(self, seconds: float) -> None:
        self._seconds = seconds
        self._begins.set()

    async def stay(self) -> None:
        await self._begins.wait()

    async def away(self) -> None:
        self._begins.clear()
        await asyncio.sleep(self._seconds)


class Fleet:
    """Devices of any tenants. A flapping device has a session of its own, which the broker may keep for it.

    Args:
        devices: who is simulated; see `make_devices`.
        open_link: opens MQTT sessions.
        states: where the platform's states are written; None writes none.
        clock: monotonic seconds.
        settings: sizes and paces.
    """

    def __init__(
        self,
        devices: Sequence[SimulatedDevice],
        open_link: OpenLink,
        states: StateWriter | None,
        clock: Clock,
        settings: FleetSettings | None = None,
    ) -> None:
        settings = settings or FleetSettings()
        steady = [device for device in devices if device.behaviour is not Behaviour.FLAPPING]
        flapping = [device for device in devices if device.behaviour is Behaviour.FLAPPING]
        self._outages: dict[str, _Outage] = {}
        shared = self._of_sites(steady, open_link, clock) if settings.by_site else [
            DeviceGroup(part, open_link, clock) for part in _dealt(steady, settings.shared_links)
        ]  # fmt: skip
        self._groups = shared + [
            _flapping_group(device, open_link, clock, settings.absences) for device in flapping
        ]
        self._presence = None
        if states is not None:
            self._presence = Presence(
                self._groups, states, tick_s=settings.tick_s, heartbeat_s=settings.heartbeat_s
            )

    def _of_sites(
        self, devices: Sequence[SimulatedDevice], open_link: OpenLink, clock: Clock
    ) -> list[DeviceGroup]:
        groups = []
        for site in sorted({device.site for device in devices}):
            outage = self._outages[site] = _Outage()
            there = [device for device in devices if device.site == site]
            groups.append(DeviceGroup(there, open_link, clock, stay=outage.stay, away=outage.away))
        return groups

    def go_quiet(self, site: str, seconds: float) -> None:
        """Disconnect the devices of a site for so long, all but those that flap; needs `by_site`."""
        self._outages[site].begin(seconds)

    def slow_down(self, factor: float, seconds: float) -> None:
        """Let answers that begin within so long take so many times as long."""
        for group in self._groups:
            group.slow_down(factor, seconds)

    def say(self, device: SimulatedDevice, answer: Answer) -> None:
        """Let a device publish this, whatever it was asked."""
        for group in self._groups:
            if group.holds(device):
                group.say(answer)

    async def run(self) -> None:
        """Run the fleet until cancelled; wait for a broker or database that is down.

        Raises:
            RefusedError: the broker refuses the login.
        """
        bodies = [group.run() for group in self._groups]
        if self._presence is not None:
            bodies.append(self._presence.run())
        if not bodies:
            return
        await first_to_end(*bodies)

    async def until_online(self) -> None:
        """Wait until every device was subscribed once."""
        for group in self._groups:
            await group.online.wait()


def _dealt(devices: Sequence[SimulatedDevice], hands: int) -> list[Sequence[SimulatedDevice]]:
    return [devices[first::hands] for first in range(min(max(1, hands), len(devices)))]


def _flapping_group(
    device: SimulatedDevice, open_link: OpenLink, clock: Clock, absences: Absences
) -> DeviceGroup:
    rng = random.Random(device.topic)  # noqa: S311 - a simulation

    def pause(length_s: Callable[[random.Random], float]) -> Pause:
        return lambda: asyncio.sleep(length_s(rng))

    return DeviceGroup(
        [device],
        open_link,
        clock,
        session_name=f"simulated-{device.tenant_id}-{device.device_id}",
        stay=pause(absences.stay_s),
        away=pause(absences.away_s),
    )
