"""The platform's state table, for the simulated fleet: registered devices, and when they were seen."""

from collections.abc import Sequence

from console.domain.presence import Sighting
from console.store.leases import fence
from console.store.pool import Database
from console.store.sql import query


class FleetState:
    """Reads and writes states; needs a login that bypasses row-level security, such as the database's owner.

    With a lease, states are written only while that lease holds.
    """

    def __init__(self, database: Database, lease: int | None = None) -> None:
        self._database = database
        self._lease = lease

    async def devices(self, tenant_id: str, limit: int) -> dict[str, str]:
        """Return the first active devices of a tenant, by id, each with its site."""
        async with self._database.tenant_session(tenant_id) as connection:
            rows = await connection.fetch(query("fleet_devices"), tenant_id, limit)
        return {row["device_id"]: row["site"] for row in rows}

    async def write(self, sightings: Sequence[Sighting]) -> int:
        """Store sightings in one statement; return how many rows changed.

        Raises:
            RefusedError: the login may not write states.
            DatabaseUnreachableError: nothing was written.
            LeaseLostError: another process now plays the fleet.
        """
        async with self._database.login_session() as connection:
            await fence(connection, self._lease)
            return int(
                await connection.fetchval(
                    query("fleet_state_write"),
                    [s.tenant_id for s in sightings],
                    [s.device_id for s in sightings],
                    [s.link.name for s in sightings],
                    [s.silent_s for s in sightings],
                )
            )
