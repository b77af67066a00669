"""The plain login of the embedded database: a member of the operator and worker roles, nothing more."""

from urllib.parse import urlsplit, urlunsplit

from console.errors import DataRefusedError
from console.store.pool import Database

LOGIN = "console_login"


async def ensure_login(database: Database) -> str:
    """Create the login when it is missing; return the database's URL with it."""
    access = database.access
    try:
        await _create(database)
    except (
        DataRefusedError
    ):  # made by another database's program meanwhile: roles are the server's, locks are not
        await _create(database)
    parts = urlsplit(access.url)
    return urlunsplit(parts._replace(netloc=f"{LOGIN}@{parts.netloc.rpartition('@')[2]}"))


async def _create(database: Database) -> None:
    access = database.access
    async with database.login_session() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('console_login'))")
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", LOGIN):
            await connection.execute(f'CREATE ROLE {LOGIN} LOGIN; GRANT "{access.operator_role}" TO {LOGIN}')
            await connection.execute(f'GRANT "{access.worker_role}" TO {LOGIN}')
