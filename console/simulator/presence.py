"""Writes into the platform's state table which devices are online: few rows a tick, in one statement."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Protocol

from console.domain.devices import Link
from console.domain.presence import Sighting
from console.errors import ConsoleError

STALE_AFTER_S = 20.0
OFFLINE_AFTER_S = 60.0
_log = logging.getLogger("console.simulator")


class StateWriter(Protocol):
    """Where a platform stores the states of its devices."""

    async def write(self, sightings: Sequence[Sighting]) -> int:
        """Store sightings in one statement; return how many rows changed."""
        ...


class Observed(Protocol):
    """Devices that go online and offline together."""

    def device_keys(self) -> Sequence[tuple[str, str]]:
        """Tenant and device ids."""
        ...

    def silent_s(self) -> float | None:
        """Return the seconds since they were online; 0 while they are, None if they never were."""
        ...


def link_after(silent_s: float) -> Link:
    """Return the platform's state for a device that has been silent for so long."""
    if silent_s < STALE_AFTER_S:
        return Link.ONLINE
    return Link.STALE if silent_s < OFFLINE_AFTER_S else Link.OFFLINE


class Presence:
    """Writes what changed, and each tick the heartbeat of a rotating share of the online devices.

    Args:
        observed: the groups of devices.
        states: where to write.
        tick_s: seconds between two statements.
        heartbeat_s: each device's heartbeat is written about this often.
    """

    def __init__(
        self,
        observed: Sequence[Observed],
        states: StateWriter,
        *,
        tick_s: float = 5.0,
        heartbeat_s: float = 60.0,
    ) -> None:
        self._observed = observed
        self._states = states
        self._tick_s = tick_s
        self._share = min(1.0, tick_s / heartbeat_s)
        self._written: dict[tuple[str, str], Link] = {}
        self._turn = 0

    async def run(self) -> None:
        """Write a batch each tick, for ever. If the database refuses or is down, ticks are skipped."""
        complaint = ""
        while True:
            await asyncio.sleep(self._tick_s)
            try:
                await self.run_once()
                complaint = ""
            except ConsoleError as error:
                if str(error) != complaint:
                    complaint = str(error)
                    _log.warning("device states are not written: %s", complaint)

    async def run_once(self) -> int:
        """Write one batch; return how many rows changed."""
        here: list[Sighting] = []
        changed: list[Sighting] = []
        for sighting in self._look():
            if self._written.get((sighting.tenant_id, sighting.device_id)) is not sighting.link:
                changed.append(sighting)
            elif sighting.silent_s == 0:
                here.append(sighting)
        count = round(len(here) * self._share + 0.5)
        batch = changed + self._next_of(here, count)
        if not batch:
            return 0
        written = await self._states.write(batch)
        self._turn += count
        self._written.update({(s.tenant_id, s.device_id): s.link for s in changed})
        return written

    def _look(self) -> Iterable[Sighting]:
        for group in self._observed:
            silent_s = group.silent_s()
            if silent_s is None:
                continue
            link = link_after(silent_s)
            for tenant_id, device_id in group.device_keys():
                yield Sighting(tenant_id, device_id, link, silent_s)

    def _next_of(self, here: list[Sighting], count: int) -> list[Sighting]:
        if not here:
            return []
        start = self._turn % len(here)
        return list(islice(here[start:] + here[:start], count))
