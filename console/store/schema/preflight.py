"""Obstacles to migrating: found before anything is written, each with the statement to run."""

from collections.abc import Sequence
from typing import Any

from console.store.access import Access
from console.store.schema.uses import find_uses

_CREATE = "`device-console migrate --create-platform-tables`"
_GRANTS_ROLES = 160_000  # in older versions, a login that may create roles may grant each of them
_FACTS = """
SELECT quote_ident(current_user) AS login, quote_ident(current_database()) AS database,
       quote_ident($1) AS worker,
       me.rolsuper OR me.rolcreaterole AS may_make_roles,
       to_regnamespace('device_console') IS NOT NULL
           OR has_database_privilege(current_database(), 'CREATE') AS may_make_schema,
       to_regnamespace('public') IS NULL OR has_schema_privilege('public', 'CREATE') AS may_make_tables,
       w.oid IS NOT NULL AS worker_exists,
       COALESCE(me.rolsuper OR pg_has_role(current_user, w.oid, 'MEMBER'), false) AS is_worker,
       COALESCE(pg_has_role(current_user, w.oid, 'MEMBER WITH ADMIN OPTION')
                OR me.rolcreaterole AND current_setting('server_version_num')::integer < $2, false)
           AS may_grant,
       array(SELECT wanted FROM unnest(ARRAY['pulse_app', 'pulse_operator']) AS wanted
             WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted)) AS lacking,
       (SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class
        WHERE oid = to_regclass('public.device_commands')
          AND NOT pg_has_role(current_user, relowner, 'USAGE')) AS owner
FROM pg_roles me LEFT JOIN pg_roles w ON w.rolname = $1
WHERE me.rolname = current_user
"""

_FOREIGN = """
SELECT quote_ident(current_user) AS login, quote_ident(pg_get_userbyid(nspowner)) AS owner
FROM pg_namespace WHERE nspname = 'device_console' AND NOT pg_has_role(current_user, nspowner, 'USAGE')
"""


async def foreign_schema(connection: Any) -> tuple[str, ...]:
    """Return how to let this login act as the owner of the console's schema, if it may not."""
    row = await connection.fetchrow(_FOREIGN)
    if row is None:
        return ()
    text = (
        f"the schema device_console belongs to the role {row['owner']}, which the login {row['login']} may "
        f"not assume: run GRANT {row['owner']} TO {row['login']}; or migrate with a login that may"
    )
    return (text,)


async def hindrances(
    connection: Any, access: Access, tables: Sequence[str], *, first: bool, make: bool
) -> tuple[str, ...]:
    """Return what must be changed first, in sentences with what to run; empty if the migration can begin.

    Args:
        connection: a session of the login that would migrate.
        access: the names of the roles.
        tables: the platform's tables that are not adopted yet.
        first: whether the console's own part does not exist yet.
        make: whether the platform's tables may be created here.
    """
    found = await find_uses(connection, tuple(tables))
    facts = await connection.fetchrow(_FACTS, access.worker_role, _GRANTS_ROLES)
    found_wrong: list[str] = []
    if not make:
        found_wrong += _missing(found.missing, facts["lacking"] if tables else ())
    if found.wrong:
        found_wrong.append(f"the platform's tables cannot be used as they are: {'; '.join(found.wrong)}")
    if facts["owner"] is not None:
        found_wrong.append(
            f"the table device_commands belongs to the role {facts['owner']}, and the console's functions "
            f"need that owner: migrate with a login that is {facts['owner']} or a member of it"
        )
    found_wrong += await foreign_schema(connection)
    if not facts["may_make_schema"]:
        found_wrong.append(
            f"the login {facts['login']} may not create the schema device_console: run "
            f"GRANT CREATE ON DATABASE {facts['database']} TO {facts['login']};"
        )
    if make and found.missing and not facts["may_make_tables"]:
        found_wrong.append(
            f"the login {facts['login']} may not create tables: run "
            f"GRANT CREATE ON SCHEMA public TO {facts['login']};"
        )
    return (*found_wrong, *(_worker(facts) if first else ()))


def _missing(tables: Sequence[str], roles: Sequence[str]) -> list[str]:
    found_wrong = []
    if tables:
        found_wrong.append(
            f"this database lacks {', '.join(tables)} of the platform's tables: check DATABASE_URL, let the "
            f"platform's own migrations create them, or have the console create what it needs with {_CREATE}"
        )
    if roles:
        found_wrong.append(
            f"this server lacks {', '.join(roles)} of the platform's roles: run "
            + " ".join(f"CREATE ROLE {role} NOLOGIN{_BYPASS.get(role, '')};" for role in roles)
            + f" as a superuser, or use {_CREATE}"
        )
    return found_wrong


_BYPASS = {"pulse_operator": " BYPASSRLS"}


def _worker(facts: Any) -> list[str]:
    """Check the workers' role: it belongs to the whole cluster, so another database may have created it."""
    worker, login = facts["worker"], facts["login"]
    if facts["worker_exists"]:
        if facts["is_worker"] or facts["may_grant"]:
            return []
        text = (
            f"the role {worker} exists on this server already, created for another database, and the login "
            f"{login} is not a member of it: run GRANT {worker} TO {login}; as a superuser or as whoever "
            "created it"
        )
        return [text]
    if facts["may_make_roles"]:
        return []
    text = (
        f"the login {login} may not create the role {worker}: run CREATE ROLE {worker} NOLOGIN; "
        f"GRANT {worker} TO {login}; as a superuser or as a login that may create roles"
    )
    return [text]
