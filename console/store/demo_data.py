"""Stand-in until the demo data lands."""

from console.store.pool import Database


async def seed_demo(database: Database, *, tenant_id: str = "demo", devices: int = 250) -> bool:
    del database, tenant_id, devices
    return False
