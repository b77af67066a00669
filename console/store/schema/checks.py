"""Start checks: refuse a set-up that is dangerous or cannot work, warn about one that is only unwise."""

from dataclasses import dataclass
from typing import Any

from console.errors import RefusedError, UnfinishedError
from console.store.pool import Connection, Database
from console.store.schema.migrate import pending
from console.store.schema.uses import Found, find_uses
from console.store.sql import query

OLD_S = 600.0
_OLDEST = 150_000
_UNBOUND = (
    "The role {role} is not bound by row level security (owner, superuser or BYPASSRLS): "
    "name a plain role in CONSOLE_OPERATOR_ROLE."
)

_TELLS_TRUST = 160_000
_TRUST = (
    "The server lets {login} in over TCP without asking (trust in pg_hba.conf): "
    "use scram-sha-256 or cert there instead."
)


@dataclass(frozen=True, slots=True)
class StartReport:
    """The results of the checks. `may_work`: the worker role is granted to this login."""

    warnings: tuple[str, ...]
    may_work: bool
    may_send: bool


@dataclass(frozen=True, slots=True)
class Durability:
    """The server's settings on the durability of commits."""

    fsync: bool
    full_page_writes: bool
    synchronous_commit: str
    has_standbys: bool


async def durability(database: Database) -> Durability:
    """Read how durable a commit is, as the login."""
    async with database.login_session() as connection:
        row = await connection.fetchrow(query("durability"))
    return Durability(row["fsync"], row["full_page_writes"], row["synchronous_commit"], row["has_standbys"])


async def old_transaction(database: Database) -> str | None:
    """Describe a transaction that has been open for too long: rows that it still sees cannot be vacuumed."""
    async with database.login_session() as connection:
        row = await connection.fetchrow(query("oldest_transaction"))
    if row is None or row["open_s"] < OLD_S:
        return None
    return (
        f"a transaction has been open for {row['open_s'] / 60:.0f} minutes ({row['whose']}, process "
        f"{row['pid']}): until it ends, dead rows stay and the table grows"
    )


async def lists_whole_tenants(database: Database) -> bool:
    """Return whether an index serves the history of a whole tenant."""
    async with database.login_session() as connection:
        return bool(await connection.fetchval(query("newest_index")))


async def check_start(database: Database) -> StartReport:
    """Check the database, and the roles after assuming them.

    Raises:
        RefusedError: its text names what is wrong and what to do.
    """
    access = database.access
    async with database.login_session() as connection:
        login = await connection.fetchrow(query("start_login"), access.operator_role, access.worker_role)
        trusted = await _who_asked(connection, login["version"])
        _check_server(login)
        if login["reads_history"]:
            await _check_migrations(connection)
        elif not login["granted"]:
            raise UnfinishedError(
                "The migration of this database was begun and not finished: run `device-console migrate`, "
                "which shows what stands in its way."
            )
    _check_trust(login, trusted)
    _check_role(login, access.operator_role)
    async with database.tenant_session("") as connection:
        if not login["reads_history"]:
            await _check_migrations(connection)
        uses = await find_uses(connection)
        shape = await connection.fetchrow(query("start_columns"))
        _check_shape(shape, uses)
        rights = await connection.fetchrow(query("start_operator"))
    _check_rights(rights, access.operator_role)
    return StartReport(
        warnings=(
            *access.warnings,
            *([_TRUST.format(login=login["login"])] if trusted and trusted["trusted"] else []),
            *_warnings(login, shape, rights, access.operator_role, access.worker_role),
        ),
        may_work=login["worker_exists"] and login["may_work"],
        may_send=rights["may_insert"] and not login["read_only"],
    )


async def _check_migrations(connection: Connection) -> None:
    """Check the record of the migrations before anything that they create."""
    missing = await pending(connection)
    if missing:
        raise UnfinishedError(
            f"The database lacks {len(missing)} migrations (first {missing[0]}): "
            "run `device-console migrate`."
        )


async def _who_asked(connection: Connection, version: int) -> Any:
    """Read whether the server trusted the login without authentication, and whether it is on this machine.

    Before PostgreSQL 16 that can be determined only if there was no password to send.
    """
    if version >= _TELLS_TRUST:
        return await connection.fetchrow(query("start_trust"))
    gave_password = connection._con._params.password is not None  # noqa: SLF001 - where ~/.pgpass ends up, too
    return None if gave_password else await connection.fetchrow(query("start_peer"))


def _check_server(login: Any) -> None:
    if login["encoding"] != "UTF8":
        raise RefusedError(f"The database is encoded in {login['encoding']}: the console needs one in UTF8.")
    if login["version"] < _OLDEST:
        raise RefusedError("The server is older than PostgreSQL 15: the console needs 15 or newer.")
    if not login["migrated"]:
        raise UnfinishedError(
            "The console's tables are missing in this database: run `device-console migrate`."
        )


def _check_trust(login: Any, trusted: Any) -> None:
    """Refuse a login over the network without authentication, since anybody could use it."""
    if trusted and trusted["trusted"] and not trusted["local"]:
        raise RefusedError(_TRUST.format(login=login["login"]))


def _check_shape(shape: Any, uses: Found) -> None:
    if uses.wrong:
        raise RefusedError(
            f"The platform's tables cannot be used as they are: {'; '.join(uses.wrong)}: change them back."
        )
    lacking = [*shape["tables"], *shape["columns"], *shape["functions"]]
    lacking += [f"public.{table}" for table in uses.missing]
    if lacking:
        raise RefusedError(
            f"The database lacks {', '.join(lacking)}: restore what the migrations, or the platform, made."
        )
    if shape["open"]:
        table = shape["open"][0].removeprefix("public.")
        raise RefusedError(
            f"Row level security is off on {table}: run ALTER TABLE {table} ENABLE ROW LEVEL SECURITY as its "
            "owner."
        )


def _check_role(login: Any, role: str) -> None:
    if not login["operator_exists"]:
        raise RefusedError(f"The role {role} does not exist: create it or set CONSOLE_OPERATOR_ROLE.")
    if login["operator_unbound"]:
        raise RefusedError(_UNBOUND.format(role=role))
    if not login["may_operate"]:
        raise RefusedError(
            f"The login {login['login']} may not assume the role {role}: "
            f"run GRANT {role} TO {login['login']}."
        )
    if not login["may_enter"]:
        raise RefusedError(
            f"The role {role} may not use the console's own tables: run GRANT USAGE ON SCHEMA device_console "
            f"TO {role}."
        )


def _check_rights(rights: Any, role: str) -> None:
    if not rights["bound"]:
        raise RefusedError(_UNBOUND.format(role=role))
    for right, table in (
        ("may_select", "device_commands"),
        ("may_see_devices", "device_registry"),
        ("may_see_state", "device_state"),
        ("may_see_tenant", "tenants"),
    ):
        if not rights[right]:
            raise RefusedError(f"The role {role} may not read it: run GRANT SELECT ON {table} TO {role}.")


def _warnings(login: Any, shape: Any, rights: Any, role: str, worker_role: str) -> list[str]:
    found: list[str] = []
    if login["superuser"]:
        found.append(
            f"The login {login['login']} is a superuser: a plain login that is a member of {role} is safer."
        )
    if rights["may_delete"] or rights["may_truncate"]:
        found.append(f"{role} can delete commands: REVOKE DELETE, TRUNCATE ON device_commands FROM {role}.")
    if rights["must_fill"]:
        found.append(
            f"The table device_commands has columns that must be filled and that the console does not know "
            f"({', '.join(rights['must_fill'])}): nothing can be sent; run ALTER TABLE device_commands ALTER "
            f"{rights['must_fill'][0]} SET DEFAULT …, or DROP NOT NULL."
        )
    if not rights["may_insert"]:
        found.append(f"The role {role} may not send: run GRANT INSERT ON device_commands TO {role}.")
    if not rights["may_update"]:
        found.append(
            f"The role {role} may not cancel: run GRANT UPDATE (status) ON device_commands TO {role}."
        )
    found += [
        f"The index {name} is missing: screens and sweep will be slow." for name in sorted(shape["indexes"])
    ]
    if not (login["worker_exists"] and login["may_work"]):
        found.append(
            f"The login {login['login']} may not assume {worker_role}: no workers run here; "
            f"run GRANT {worker_role} TO {login['login']} to change that."
        )
    found += [
        f"Row level security is off on {name.removeprefix('public.')}: whoever assumes {role} in an SQL "
        "client sees the rows of every tenant there."
        for name in shape["unguarded"]
    ]
    if login["read_only"]:
        found.append("The database is read-only: nothing can be sent from here.")
    return found
