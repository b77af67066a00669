"""Retention: the setting, and deleting what is older, as the worker role.

Decided in docs/decisions/0082-a-platforms-rows.md
"""

from dataclasses import dataclass
from datetime import timedelta

from console.domain.retention import Retention
from console.errors import ConflictError, RefusedError
from console.store.pool import Connection, Database
from console.store.sql import query


@dataclass(frozen=True, slots=True)
class PrunedRange:
    """What was deleted from one range of blocks. `next_block` is None at the end of the table.

    `refused` is why the database would not delete rows of this range; they all stay.
    """

    pruned: int
    next_block: int | None
    refused: str | None = None


class RetentionStore:
    """Reads the setting and deletes what is older than it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def setting(self) -> Retention:
        """Return the present setting."""
        async with self._database.fleet_session() as connection:
            return await _read(connection)

    async def prune(self, from_block: int, blocks: int) -> PrunedRange:
        """Delete what is older than the setting from these blocks of the table; commit it at once."""
        async with self._database.fleet_statement() as connection:
            row = await connection.fetchrow(query("prune_settled"), from_block, blocks)
        return PrunedRange(row["pruned"], row["next_block"], row["refused"])


async def retention(database: Database) -> Retention:
    """Return the setting; any operator may read it."""
    async with database.tenant_session("") as connection:
        return await _read(connection)


async def set_retention(database: Database, keep: timedelta | None, *, platform_table: bool) -> None:
    """Keep ended commands for that long from now on; None keeps them for ever.

    Raises:
        RefusedError: this login is not the owner of the console's tables.
        ConflictError: device_commands is the platform's own, or partitioned.
    """
    async with database.login_session() as connection:
        right = await connection.fetchrow(query("retention_right"))
        if not right["may_set"]:
            raise RefusedError(
                f"The login {right['login']} may not set the retention: only {right['owner']}, the owner of "
                "the console's tables, may. Set DATABASE_URL to that login."
            )
        if keep is not None:
            await _check_table(
                connection, is_partitioned=right["is_partitioned"], platform_table=platform_table
            )
        keep_s = None if keep is None else int(keep.total_seconds())
        await connection.execute(query("retention_set"), keep_s, platform_table)


async def _check_table(connection: Connection, *, is_partitioned: bool, platform_table: bool) -> None:
    if not (await _read(connection)).is_own and not platform_table:
        raise ConflictError(
            "Nothing was changed: device_commands is the platform's own table, and other programs may rely "
            "on its rows. If these may be deleted, too, add --platform-table."
        )
    if is_partitioned:
        raise ConflictError(
            "Nothing was changed: device_commands is partitioned, so detach or drop its oldest partitions "
            "instead."
        )


async def _read(connection: Connection) -> Retention:
    row = await connection.fetchrow(query("retention"))
    keep = None if row["keep_s"] is None else timedelta(seconds=row["keep_s"])
    return Retention(keep, is_own=row["is_own"], is_on=row["is_on"])
