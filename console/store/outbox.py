"""The outbox as the dispatcher uses it: claim, mark, release, adopt. The rules are in the migrations."""

from collections.abc import Sequence
from uuid import UUID

from console.domain.dispatch import Claimed, Confirmed, Marked, Returned
from console.store.pool import Database
from console.store.sql import query


class OutboxStore:
    """The dispatcher's statements and the adoption of others' rows, as the worker role: one a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, holder: UUID, limit: int, lease_s: float, max_bytes: int, chain: int = 1, after: str = ""
    ) -> tuple[Claimed, ...]:
        """Lease due commands, oldest first; of one device at most `chain`, in their order.

        The tenants' turns begin behind the tenant `after`.
        """
        async with self._database.fleet_statement() as connection:
            rows = await connection.fetch(query("claim"), holder, limit, lease_s, max_bytes, chain, after)
        return tuple(
            Claimed(
                tenant_id=r["tenant_id"],
                command_id=r["command_id"],
                device_id=r["device_id"],
                command_type=r["command_type"],
                params_json=r["params"],
                expires_at=r["expires_at"],
                seconds_left=r["seconds_left"],
                attempt=r["attempt"],
                there=r["there"] or 1,
            )
            for r in rows
        )

    async def mark(self, holder: UUID, confirmed: Sequence[Confirmed]) -> Marked:
        """Set ``published_at`` where `holder` has the lease; skip rows that others have locked."""
        async with self._database.fleet_statement() as connection:
            row = await connection.fetchrow(
                query("mark"),
                holder,
                [c.tenant_id for c in confirmed],
                [c.command_id for c in confirmed],
                [c.nobody_listens for c in confirmed],
            )
        return Marked(row["published"], tuple(confirmed[place - 1] for place in row["locked"] or ()))

    async def release(self, holder: UUID, returned: Sequence[Returned]) -> None:
        """Give leases back with the reason and the delay before the next attempt."""
        async with self._database.fleet_statement() as connection:
            await connection.execute(
                query("release"),
                holder,
                [r.tenant_id for r in returned],
                [r.command_id for r in returned],
                [r.outcome.value if r.outcome else None for r in returned],
                [r.error for r in returned],
                [r.delay_s for r in returned],
            )

    async def adopt(self, age_s: float, limit: int) -> int:
        """Take over commands that another writer left unpublished for `age_s` seconds.

        Commands that it set to queued again after an answer are healed; outbox rows of those it settled are
        deleted.
        """
        async with self._database.fleet_statement() as connection:
            await connection.execute(query("tidy_up"), limit)
        async with self._database.fleet_statement() as connection:
            return int(await connection.fetchval(query("adopt"), age_s, limit))

    async def next_due(self) -> float | None:
        """Return the seconds until the outbox has work; None when it contains nothing to publish."""
        async with self._database.fleet_statement() as connection:
            value = await connection.fetchval(query("next_due"))
        return None if value is None else float(value)


async def waiting(database: Database) -> tuple[int, float]:
    """Return how many commands of all tenants wait, at most 100,000, and for how many seconds the oldest."""
    async with database.fleet_statement() as connection:
        row = await connection.fetchrow(query("waiting"))
    return row["commands"], row["oldest_s"]
