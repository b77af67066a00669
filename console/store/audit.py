"""The platform's audit log, where there is one: each act leaves a row, in the transaction of the act.

Decided in docs/decisions/0044-a-row-in-the-audit-log.md
"""

from collections.abc import Iterable

from console.store.pool import Connection, Database
from console.store.sql import query


class AuditLog:
    """Writes by definer functions; what the table refuses becomes a problem record and no failure."""

    def __init__(self, *, on: bool) -> None:
        self._on = on

    async def sent(self, connection: Connection, command_ids: Iterable[str]) -> None:
        """These commands were sent, or sent again."""
        await self._commands(connection, list(command_ids), cancelled=False)

    async def cancelled(self, connection: Connection, command_id: str) -> None:
        """This command was taken back, by whom the journal says."""
        await self._commands(connection, [command_id], cancelled=True)

    async def batch(self, connection: Connection, batch_id: str) -> None:
        """This bulk send was begun, or stopped."""
        if self._on:
            self._on = bool(await connection.fetchval(query("audit_batch"), batch_id))

    async def _commands(self, connection: Connection, command_ids: list[str], *, cancelled: bool) -> None:
        if self._on and command_ids:
            self._on = bool(await connection.fetchval(query("audit_commands"), command_ids, cancelled))


async def audit_fault(database: Database, tenant_id: str) -> str | None:
    """What the audit log says against a row of this tenant; empty for nothing, None where there is none."""
    async with database.tenant_session(tenant_id) as connection:
        found: str | None = await connection.fetchval(query("audit_fault"))
    return found


async def is_read_only(database: Database, tenant_id: str) -> bool:
    """Whether sessions may write nothing at all: on a standby, or by a setting of the login."""
    async with database.tenant_session(tenant_id) as connection:
        return bool(await connection.fetchval("SELECT current_setting('transaction_read_only') = 'on'"))
