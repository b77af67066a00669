"""The simulated fleet: many devices over a few MQTT sessions, and their presence in the state table."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from console.clock import Clock
from console.concurrency import first_to_end
from console.simulator.behaviours import Absences, Behaviour
from console.simulator.device import SimulatedDevice
from console.simulator.group import DeviceGroup, OpenLink, Pause
from console.simulator.presence import Presence, StateWriter


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """How many sessions the fleet shares, how often it writes states, how its flapping devices flap."""

    shared_links: int = 4
    tick_s: float = 5.0
    heartbeat_s: float = 60.0
    absences: Absences = field(default_factory=Absences)


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
        links = max(1, settings.shared_links)
        self._groups = [
            DeviceGroup(steady[first::links], open_link, clock) for first in range(min(links, len(steady)))
        ] + [_flapping_group(device, open_link, clock, settings.absences) for device in flapping]
        self._presence = None
        if states is not None:
            self._presence = Presence(
                self._groups, states, tick_s=settings.tick_s, heartbeat_s=settings.heartbeat_s
            )

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
