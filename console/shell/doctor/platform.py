"""What `doctor` reports about the platform: what would prevent a migration, and its audit log."""

from console.errors import ConsoleError
from console.runtime.servers import Servers
from console.store.audit import audit_fault, is_read_only
from console.store.pool import Database
from console.store.schema.migrate import obstacles


async def hindrances(servers: Servers) -> tuple[str, ...]:
    """List what would prevent this login from migrating; empty if that cannot be checked."""
    try:
        return await obstacles(servers.access)
    except ConsoleError:
        return ()


async def audit(database: Database, tenant_id: str, *, on: bool) -> tuple[str, str]:
    """Check whether what operators do leaves a row in the platform's audit log: level and sentence."""
    if not on:
        return "note", "what operators do leaves no row in audit_log: CONSOLE_AUDIT is off"
    if await is_read_only(database, tenant_id):
        return "note", (
            "this session is read-only, so whether audit_log takes a row cannot be checked here: run "
            + ("doctor without --read-only" if database.only_reads else "doctor against the primary server")
        )
    fault = await audit_fault(database, tenant_id)
    if fault is None:
        return (
            "note",
            "the database has no audit_log: what operators do is recorded in the console's own journal only",
        )
    if fault:
        return "warning", (
            f"audit_log refuses rows, so what operators do leaves none ({fault}): have its owner change "
            "that, or set CONSOLE_AUDIT=off"
        )
    return "ok", "each send, bulk send, cancel and retry leaves a row in audit_log"
