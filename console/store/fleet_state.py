"""Device state as a platform would write it: only the simulation uses this, on rights of the login itself."""

from collections.abc import Sequence

from console.store.pool import Database
from console.store.sql import query


class FleetState:
    """Writes ``device_state`` in one statement a round."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def seen(self, tenant_id: str, online: Sequence[str], offline: Sequence[str]) -> None:
        """These devices are online now, and those went."""
        async with self._database.login_session() as connection:
            await connection.execute("SELECT set_config('app.tenant_id', $1, true)", tenant_id)
            await connection.execute(query("fleet_seen"), tenant_id, list(online), list(offline))

    async def devices(self, tenant_id: str, limit: int) -> tuple[str, ...]:
        """The devices to play, by id."""
        async with self._database.login_session() as connection:
            await connection.execute("SELECT set_config('app.tenant_id', $1, true)", tenant_id)
            rows = await connection.fetch(query("fleet_devices"), tenant_id, limit)
        return tuple(row["device_id"] for row in rows)
