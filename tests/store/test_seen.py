"""When a device was last heard of is one instant, wherever it is asked for."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import asyncpg
import pytest

from console.domain.devices import DeviceOrder, Sort
from console.runtime.program import Program
from tests.filters import of_devices
from tests.platform import PlatformUrls
from tests.rows import add_command

DEVICES = ["gw-1", "gw-2", "meter-1", "pump-1"]


@pytest.fixture
async def sql(platform: PlatformUrls) -> AsyncIterator[asyncpg.Connection]:
    """In the platform's database: gw-1 said something by an event, gw-2 by an answer, meter-1 by its state, pump-1 never."""
    connection = await asyncpg.connect(platform.owner)
    await connection.execute(
        "DELETE FROM device_connection_events; UPDATE device_state SET last_seen_at = NULL"
    )
    await connection.execute(
        "UPDATE device_state SET last_seen_at = now() - interval '2 hours' WHERE device_id = ANY ($1)",
        DEVICES[:3],
    )
    for number, device in enumerate(DEVICES):
        await add_command(
            connection, "acme", f"c-{device}", device, published=True, age=timedelta(hours=number + 3)
        )
    await connection.execute(
        "INSERT INTO device_connection_events (tenant_id, device_id, event_type, timestamp)"
        " VALUES ('acme', 'gw-1', 'CONNECTED', now() - interval '20 minutes'), ('acme', 'gw-1', 'DISCONNECTED', now() - interval '10 minutes')"
    )
    await connection.execute(
        "UPDATE device_commands SET status = 'delivered', acked_at = now() - interval '30 minutes' WHERE device_id = 'gw-2'"
    )
    yield connection
    await connection.close()


async def everywhere(program: Program, device: str) -> set[datetime | None]:
    """Every place that names the instant."""
    listed = (await program.history.devices("acme", [device]))[device].last_seen_at
    (target,) = await program.sender.targets("acme", [device])
    detail = await program.history.command("acme", f"c-{device}")
    assert detail is not None
    return {listed, target.last_seen_at, detail.device_seen_at}


async def test_every_sign_of_life_counts_and_counts_everywhere(
    platform_program: Program, sql: asyncpg.Connection
) -> None:
    """Without one expression, a device that has just answered is "seen 2h ago" in the list, and silent in Explain."""
    ages = []
    for device in DEVICES:
        (instant,) = await everywhere(platform_program, device)
        ages.append(
            instant
            and await sql.fetchval("SELECT round(extract(epoch FROM now() - $1) / 60)::integer", instant)
        )
    assert ages == [10, 30, 120, None]
    index = platform_program.history.device_index
    only = "device:gw-1,gw-2,meter-1,pump-1"
    assert await index("acme", of_devices(only), Sort(DeviceOrder.SEEN)) == DEVICES
    assert (
        await platform_program.history.device_head("acme", of_devices(only), Sort(DeviceOrder.SEEN))
        == DEVICES
    )
    assert await index("acme", of_devices(f"{only} seen<15m")) == ["gw-1"]
    assert await index("acme", of_devices(f"{only} seen<1h")) == ["gw-1", "gw-2"]
    assert await index("acme", of_devices(f"{only} seen>1h")) == ["meter-1"]


async def test_a_large_fleet_is_sorted_by_the_state_alone(
    platform_program: Program, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the limit each reading of the list looks at twenty commands of each device."""
    monkeypatch.setattr("console.store.seen_sql.SEEN_IN_FULL", 1)
    assert await platform_program.history.device_index("acme", of_devices("seen<1h")) == []
    assert (await platform_program.history.devices("acme", ["gw-2"]))["gw-2"].last_seen_at is not None


async def test_events_that_no_index_finds_are_left_out(
    platform_program: Program, sql: asyncpg.Connection
) -> None:
    """Without the look at the index, each device of a page costs a look at the whole table of events."""
    await sql.execute("DROP INDEX idx_device_conn_events_lookup")
    assert await platform_program.history.device_index("acme", of_devices("device:gw-1 seen<1h")) == []
    await sql.execute("DROP TABLE device_connection_events")
    assert await platform_program.history.device_index("acme", of_devices("device:gw-2 seen<1h")) == ["gw-2"]
