"""The platform's audit log, if there is one: each operation writes a row in its own transaction.

Decided in docs/decisions/0044-a-row-in-the-audit-log.md
"""

from console.store.pool import Connection, Database
from console.store.sql import query


class AuditLog:
    """Writes rows by definer functions; if the table refuses one, a problem is recorded, no error raised.

    `on`: rows are wanted, and there was a table at the last look. A send writes its rows by itself.
    """

    def __init__(self, *, on: bool) -> None:
        self.on = on

    async def cancelled(self, connection: Connection, command_id: str) -> None:
        """Record that this command was cancelled, by the operator in the journal."""
        if self.on:
            self.on = bool(await connection.fetchval(query("audit_commands"), [command_id], True))

    async def batch(self, connection: Connection, batch_id: str) -> None:
        """Record that this bulk send was begun, or stopped."""
        if self.on:
            self.on = bool(await connection.fetchval(query("audit_batch"), batch_id))


async def audit_fault(database: Database, tenant_id: str) -> str | None:
    """Return why the audit log would refuse a row of this tenant; "" if it would not, None without a log."""
    async with database.tenant_session(tenant_id) as connection:
        found: str | None = await connection.fetchval(query("audit_fault"))
    return found


async def is_read_only(database: Database, tenant_id: str) -> bool:
    """Return whether sessions are read-only: on a standby, or by a setting of the login."""
    async with database.tenant_session(tenant_id) as connection:
        return bool(await connection.fetchval("SELECT current_setting('transaction_read_only') = 'on'"))
