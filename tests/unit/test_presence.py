"""The state table learns what changed at once, and heartbeats by and by."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from console.domain.devices import Link
from console.domain.presence import Sighting
from console.errors import DatabaseUnreachableError
from console.simulator.presence import Presence, link_after


@dataclass
class Devices:
    count: int
    silence: float | None = 0.0

    def device_keys(self) -> Sequence[tuple[str, str]]:
        return [("acme", f"pump-{number}") for number in range(self.count)]

    def silent_s(self) -> float | None:
        return self.silence


@dataclass
class Table:
    batches: list[list[Sighting]] = field(default_factory=list)
    down: bool = False

    async def write(self, sightings: Sequence[Sighting]) -> int:
        if self.down:
            message = "The database does not answer."
            raise DatabaseUnreachableError(message)
        self.batches.append(list(sightings))
        return len(sightings)


def test_silence_makes_a_device_stale_and_then_offline() -> None:
    assert [link_after(s) for s in (0, 19, 21, 59, 61)] == [
        Link.ONLINE,
        Link.ONLINE,
        Link.STALE,
        Link.STALE,
        Link.OFFLINE,
    ]


async def test_devices_that_never_came_are_not_written() -> None:
    table = Table()
    assert await Presence([Devices(5, None)], table).run_once() == 0
    assert table.batches == []


async def test_every_device_is_written_once_and_then_only_a_share_each_tick() -> None:
    table = Table()
    presence = Presence([Devices(120)], table, tick_s=5, heartbeat_s=60)
    assert await presence.run_once() == 120
    seen = [await presence.run_once() for _ in range(12)]
    assert max(seen) <= 11
    assert len({s.device_id for batch in table.batches[1:] for s in batch}) == 120


async def test_a_change_is_written_at_the_next_tick_and_once() -> None:
    table, devices = Table(), Devices(3)
    presence = Presence([devices], table)
    await presence.run_once()
    devices.silence = 25
    await presence.run_once()
    await presence.run_once()
    devices.silence = 70
    await presence.run_once()
    assert [{s.link for s in batch} for batch in table.batches] == [
        {Link.ONLINE},
        {Link.STALE},
        {Link.OFFLINE},
    ]
    assert all(s.silent_s == 70 for s in table.batches[-1])


async def test_what_a_lost_database_missed_is_written_later() -> None:
    table = Table(down=True)
    presence = Presence([Devices(3)], table)
    with pytest.raises(DatabaseUnreachableError):
        await presence.run_once()
    table.down = False
    assert await presence.run_once() == 3
