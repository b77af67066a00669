"""The demo's data: two tenants with devices and some days of plausible history."""

from console.store.pool import Database
from console.store.sql import query

SECOND_TENANT = "demo-two"
HISTORY = 3_000
DAYS = 3


async def seed_demo(database: Database, *, tenant_id: str = "demo", devices: int = 250) -> bool:
    """Fill an embedded database once; False when the tenant is there already. Asked as the owner."""
    async with database.login_session() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('device_console demo'))")
        if await connection.fetchval("SELECT true FROM public.tenants WHERE tenant_id = $1", tenant_id):
            return False
        for name, title, count, history in (
            (tenant_id, "Demo Waterworks", max(devices, 12), HISTORY),
            (SECOND_TENANT, "Demo Two", 12, 120),
        ):
            await connection.execute(query("demo_tenant"), name, title, count)
            await connection.execute(query("demo_history"), name, history, DAYS)
        await connection.execute(
            "ANALYZE public.device_commands, public.device_registry, public.device_state"
        )
    return True
