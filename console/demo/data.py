"""Seeds the demo: two tenants with devices, and some days of history in a few bulk statements."""

import random
from collections.abc import Sequence

from console.demo.catalogue import add_catalogue
from console.demo.fleet import GROUPS, DemoDevice, invent_fleet
from console.demo.history import DemoCommand, DemoEntry, DemoHistory
from console.demo.sql import query
from console.store.pool import Connection, Database

SECOND_TENANT_DEVICES = 12
_COMMANDS_PER_DAY = 4
_MOST_COMMANDS = 7_000


async def seed_demo(
    database: Database, *, tenant_id: str = "demo", devices: int = 250, days: int = 7, seed: int = 79
) -> bool:
    """Make the demo tenant and a small second one, `<tenant_id>-two`; False when the first exists already.

    `database` must be open as its owner. Everything is one transaction: the demo is complete or absent.
    """
    async with database.login_session() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('device_console_demo'))")
        if not await _add_tenant(connection, tenant_id, "Demo Waterworks"):
            return False
        await _fill(connection, tenant_id, devices, days, random.Random(seed))  # noqa: S311 - a demo
        second = f"{tenant_id}-two"
        if await _add_tenant(connection, second, "Second Demo Utility"):
            rng = random.Random(seed + 1)  # noqa: S311 - a demo
            await _fill(connection, second, min(devices, SECOND_TENANT_DEVICES), days, rng)
        await connection.execute(query("analyze"))
    return True


async def _add_tenant(connection: Connection, tenant_id: str, name: str) -> bool:
    return await connection.fetchval(query("tenant"), tenant_id, name) is not None


async def _fill(connection: Connection, tenant_id: str, devices: int, days: int, rng: random.Random) -> None:
    fleet = invent_fleet(devices, rng)
    history = DemoHistory(fleet, days, rng)
    history.invent(min(devices * days * _COMMANDS_PER_DAY, _MOST_COMMANDS))
    await _add_devices(connection, tenant_id, fleet)
    await add_catalogue(connection, tenant_id)
    await _add_commands(connection, tenant_id, history.commands)
    await _add_journal(connection, tenant_id, history.journal)
    await connection.execute(query("events"), tenant_id)


async def _add_devices(connection: Connection, tenant_id: str, fleet: Sequence[DemoDevice]) -> None:
    await connection.execute(
        query("devices"),
        tenant_id,
        [d.device_id for d in fleet],
        [d.kind for d in fleet],
        [d.site_id for d in fleet],
        [d.model for d in fleet],
        [d.manufacturer for d in fleet],
        [d.fw_version for d in fleet],
        [d.serial_number for d in fleet],
        [d.latitude for d in fleet],
        [d.longitude for d in fleet],
        [d.address for d in fleet],
        [d.registry_status for d in fleet],
        [d.decommissioned for d in fleet],
    )
    known = [d for d in fleet if d.silent_s is not None]
    await connection.execute(
        query("states"),
        tenant_id,
        [d.device_id for d in known],
        [d.site_id for d in known],
        [d.link for d in known],
        [d.silent_s for d in known],
        [d.battery_pct for d in known],
    )
    tagged = [(d.device_id, tag) for d in fleet for tag in d.tags]
    await connection.execute(query("tags"), tenant_id, [t[0] for t in tagged], [t[1] for t in tagged])
    members = [(group, d.device_id) for d in fleet for group in d.groups]
    await connection.execute(
        query("groups"),
        tenant_id,
        list(GROUPS),
        list(GROUPS.values()),
        [m[0] for m in members],
        [m[1] for m in members],
    )


async def _add_commands(connection: Connection, tenant_id: str, commands: Sequence[DemoCommand]) -> None:
    oldest_first = sorted(commands, key=lambda command: -command.age_s)
    await connection.execute(
        query("commands"),
        tenant_id,
        [c.command_id for c in oldest_first],
        [c.device_id for c in oldest_first],
        [c.command_type for c in oldest_first],
        [c.params_json for c in oldest_first],
        [c.status for c in oldest_first],
        [c.created_by for c in oldest_first],
        [c.age_s for c in oldest_first],
        [c.ttl_s for c in oldest_first],
        [c.published_s for c in oldest_first],
        [c.acked_s for c in oldest_first],
        [c.ack_json for c in oldest_first],
    )


async def _add_journal(connection: Connection, tenant_id: str, journal: Sequence[DemoEntry]) -> None:
    oldest_first = sorted(journal, key=lambda entry: -entry.age_s)
    await connection.execute(
        query("journal"),
        tenant_id,
        [e.command_id for e in oldest_first],
        [e.kind for e in oldest_first],
        [e.age_s for e in oldest_first],
        [e.by_name for e in oldest_first],
        [e.detail for e in oldest_first],
        [e.attempt for e in oldest_first],
    )
