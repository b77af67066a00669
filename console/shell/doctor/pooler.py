"""What ``doctor`` reports about a pooler in front of the server."""

from console.errors import ConsoleError, PooledError
from console.exit_codes import ExitCode
from console.shell.doctor.findings import Finding
from console.store.changes import is_same_database
from console.store.pool import Database, direct_connection

_POOLED = (
    "DATABASE_URL may not lead to the server itself (that could not be proven), so it is treated as a "
    "pooler such as PgBouncer: statements are prepared anew for each use, and nothing is kept in a session"
)
_UNTIL_THEN = (
    "Until then, changes by other processes are found by polling every 2 s, and `migrate` refuses to run"
)
_SESSIONS = "it keeps sessions: changes by other processes are seen at once"
_OTHER_DATABASE = (
    "CONSOLE_DIRECT_DATABASE_URL reaches a different database than DATABASE_URL: point both at the same one"
)


async def pooler_findings(database: Database) -> list[Finding]:
    """Report whether a pooler is in front of the server, and whether a session can be had through it."""
    access = database.access
    found: list[Finding] = []
    if not database.is_direct:
        found.append(Finding("note", "pooler", _POOLED))
    elif access.direct_url is None:
        return found
    try:
        async with direct_connection(access) as connection:
            if access.direct_url and not await is_same_database(database, connection):
                found.append(Finding("fault", "pooler", _OTHER_DATABASE, ExitCode.FAILED))
            elif connection.is_direct:
                text = (
                    "CONSOLE_DIRECT_DATABASE_URL reaches the server itself: LISTEN and `migrate` go that way"
                )
                found.append(Finding("ok", "pooler", text))
            else:
                found.append(Finding("ok", "pooler", _SESSIONS))
    except PooledError as error:
        found.append(Finding("warning", "pooler", f"{error} {_UNTIL_THEN}"))
    except ConsoleError as error:
        if access.direct_url is None:
            text = f"another connection to find out whether it keeps sessions failed: {error} {_UNTIL_THEN}"
            return [*found, Finding("warning", "pooler", text)]
        text = f"CONSOLE_DIRECT_DATABASE_URL cannot be used: {error}"
        found.append(Finding("fault", "pooler", text, error.exit_code))
    return found
