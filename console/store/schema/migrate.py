"""Migrations: numbered SQL, forward only, then repeatable files; under a lock, adopting what exists."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import asyncpg

from console.errors import RefusedError
from console.store.access import Access
from console.store.failures import translated
from console.store.pool import direct_connection
from console.store.schema.adoption import TableShape, describe, differences, remarks
from console.store.schema.migration_files import Migration, Repeatable, read_migrations, read_repeatables
from console.store.schema.preflight import foreign_schema, hindrances
from console.store.schema.repeatables import applied, changed, check_program, replace

LOCK_KEY = 0x64_65_76_63  # "devc"; the first of the console's advisory lock keys
_LOCK_WAIT = "120s"
_LOCK_TIMEOUT_S = 130.0  # longer than the server's own, whose error has the reason
_MIGRATION_TIMEOUT_S = 3_600.0  # an index on a large table takes longer than the limit for other statements
_TRIES = 4
_MADE_MEANWHILE = (
    asyncpg.DuplicateObjectError,
    asyncpg.UniqueViolationError,
    asyncpg.InternalServerError,  # "tuple concurrently updated", by two grants to one role
    asyncpg.DeadlockDetectedError,  # with running workers, while their policies are created again
)
_FIRST_OF_OURS = 900
_FIRST_BEFORE_RELEASE = "console_tables"
_BEFORE_RELEASE = (
    "The console's own tables here were made by a version before the first release, and no migration leads "
    "on from them: start again with new ones. The program's own demo data: run `device-console demo "
    "reset`. A database of yours: end the console's processes, run DROP SCHEMA device_console CASCADE; and "
    "then "
    '`device-console migrate`; device_commands keeps its rows (docs/beside-the-platform.md, "Taking it out").'
)
_COMMANDS = "device_commands"  # the only table that must have all that the console's own would have
T = TypeVar("T")
# Only from the catalog: to_regclass fails if the login may not use the schema.
_MAY_READ = """
SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'device_console' AND c.relname = 'migrations'
"""
_BOOKKEEPING = """
CREATE SCHEMA IF NOT EXISTS device_console;
CREATE TABLE IF NOT EXISTS device_console.migrations (
    version     INTEGER     PRIMARY KEY,
    name        TEXT        NOT NULL,
    checksum    TEXT        NOT NULL,
    origin      TEXT        NOT NULL CHECK (origin IN ('applied', 'adopted')),
    notes       TEXT        NOT NULL DEFAULT '',
    applied_at  TIMESTAMPTZ NOT NULL DEFAULT now()
);
"""


@dataclass(frozen=True, slots=True)
class MigrationStep:
    """What was done about one file: applied, adopted, or present (nothing to do)."""

    migration: Migration | Repeatable
    action: str
    notes: tuple[str, ...] = ()


async def migrate(
    access: Access,
    migrations: Sequence[Migration] | None = None,
    repeatables: Sequence[Repeatable] | None = None,
    *,
    platform_tables: bool = False,
) -> tuple[MigrationStep, ...]:
    """Bring the database up to date; running it again, or twice at the same time, is harmless.

    Args:
        access: the database, with a login that owns the platform's tables.
        migrations: used in place of the program's own.
        repeatables: used in place of the program's own, which follow only its own migrations.
        platform_tables: create missing tables of the platform; otherwise that is refused, since the
            platform's own migrator would take them for its own.

    Raises:
        RefusedError: an applied migration was changed, the database is newer than this program, or an
            existing object is missing or differs from what is needed; nothing of the failing migration stays.
        DatabaseUnreachableError: the link broke; run it again.
    """
    wanted = migrations or read_migrations()
    if repeatables is None:
        repeatables = () if migrations else read_repeatables()
    async with direct_connection(access) as connection:
        with translated():
            await _take_turn(connection)
            done = {row["version"]: row for row in await _history(connection)}
            _check_history(done, wanted)
            check_program(repeatables, await applied(connection))
            open_ones = [migration for migration in wanted if migration.version not in done]
            if open_ones or changed(repeatables, await applied(connection)):
                _refuse(await _hindrances(connection, access, open_ones, make=platform_tables))
            # only if it is missing: CREATE on the database may be revoked once the schema exists
            if await connection.fetchval(_MAY_READ) is None:
                await connection.execute(_BOOKKEEPING)
            steps = [
                await _again(partial(_step, connection, access, migration, done)) for migration in wanted
            ]
            return (*steps, *await _replaced(connection, access, repeatables))


async def _take_turn(connection: Any) -> None:
    """Wait until no other process migrates this database; refuse one that cannot store our text."""
    await connection.execute(f"SET lock_timeout = '{_LOCK_WAIT}'")
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY, timeout=_LOCK_TIMEOUT_S)
    await _check_encoding(connection)


def _refuse(obstacles_found: Sequence[str]) -> None:
    if obstacles_found:
        raise RefusedError(f"Nothing was changed: {'. Further: '.join(obstacles_found)}.")


async def pending(connection: Any) -> tuple[str, ...]:
    """Return the names of the files that a database still needs; all of them for a new database."""
    seen = {row["version"] for row in await _history(connection)}
    wanted = changed(read_repeatables(), await applied(connection))
    return tuple(m.label for m in read_migrations() if m.version not in seen) + tuple(f.label for f in wanted)


async def _check_encoding(connection: Any) -> None:
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise RefusedError(f"The database is encoded in {encoding}: the console needs one in UTF8.")


async def _history(connection: Any) -> Sequence[Any]:
    may_read = await connection.fetchval(_MAY_READ)
    if may_read is None:
        return ()
    if not may_read:
        _refuse(await foreign_schema(connection))
    found: Sequence[Any] = await connection.fetch("SELECT * FROM device_console.migrations")
    if any(row["version"] == _FIRST_OF_OURS and row["name"] == _FIRST_BEFORE_RELEASE for row in found):
        raise RefusedError(_BEFORE_RELEASE)
    return found


async def obstacles(access: Access) -> tuple[str, ...]:
    """Return the obstacles to the migrations that a database still needs."""
    async with direct_connection(access) as connection:
        with translated():
            open_ones = await pending(connection)
            wanted = [m for m in read_migrations() if m.label in open_ones]
            return await _hindrances(connection, access, wanted, make=False) if open_ones else ()


async def _hindrances(
    connection: Any, access: Access, open_ones: Sequence[Migration], *, make: bool
) -> tuple[str, ...]:
    tables = [table for migration in open_ones for table in migration.tables]
    first = any(migration.version == _FIRST_OF_OURS for migration in open_ones)
    return await hindrances(connection, access, tables, first=first, make=make)


def _check_history(done: dict[int, Any], wanted: Sequence[Migration]) -> None:
    known = {migration.version: migration for migration in wanted}
    for version, row in done.items():
        if version not in known:
            raise RefusedError(
                f"The database has migration {version:03}_{row['name']}, which this program does not know: "
                "update the program."
            )
        if row["checksum"] != known[version].checksum:
            raise RefusedError(
                f"Migration {version:03}_{row['name']} was changed after it was applied: restore its file."
            )


async def _again(work: Callable[[], Awaitable[T]]) -> T:
    """Run it, and once more if another database of the cluster created the same role at that moment.

    Roles belong to the whole cluster, but the lock only to this database.
    """
    for _ in range(_TRIES - 1):
        try:
            return await work()
        except _MADE_MEANWHILE:
            continue
    return await work()


async def _replaced(connection: Any, access: Access, wanted: Sequence[Repeatable]) -> list[MigrationStep]:
    """Replace what changed in one transaction: running workers see either the old functions or the new."""
    open_ones = changed(wanted, await applied(connection))
    if open_ones:
        await _again(partial(_replace, connection, access, open_ones))
    return [MigrationStep(file, "applied" if file in open_ones else "present") for file in wanted]


async def _replace(connection: Any, access: Access, files: Sequence[Repeatable]) -> None:
    async with connection.transaction():
        await _prepare(connection, access)
        for file in files:
            await replace(connection, file, _MIGRATION_TIMEOUT_S)


async def _step(connection: Any, access: Access, migration: Migration, done: dict[int, Any]) -> MigrationStep:
    if migration.version in done:
        return MigrationStep(migration, "present")
    async with connection.transaction():
        await _prepare(connection, access)
        present = [
            table
            for table in migration.tables
            if await connection.fetchval("SELECT to_regclass($1)", f"public.{table}") is not None
        ]
        if present:
            notes = await _adopt(connection, migration, present)
            action = "adopted"
        else:
            await _apply(connection, migration)
            notes, action = (), "applied"
        await connection.execute(
            "INSERT INTO device_console.migrations (version, name, checksum, origin, notes)"
            " VALUES ($1, $2, $3, $4, $5)",
            migration.version,
            migration.name,
            migration.checksum,
            action,
            "; ".join(notes),
        )
    return MigrationStep(migration, action, notes)


async def _prepare(connection: Any, access: Access) -> None:
    """Set the settings that the files read, for this transaction."""
    await connection.execute("SET LOCAL search_path = public")
    await connection.execute("SET LOCAL client_min_messages = warning")
    own = await connection.fetch("SELECT version FROM device_console.migrations WHERE origin = 'applied'")
    versions = {row["version"] for row in own}
    tables = " ".join(t for m in read_migrations() if m.version in versions for t in m.tables)
    for name, value in (
        ("operator_role", access.operator_role),
        ("worker_role", access.worker_role),
        ("own_tables", tables),
    ):
        await connection.execute("SELECT set_config($1, $2, true)", f"device_console.{name}", value)


async def _apply(connection: Any, migration: Migration) -> None:
    await connection.execute(migration.sql, timeout=_MIGRATION_TIMEOUT_S)


async def _adopt(connection: Any, migration: Migration, present: Sequence[str]) -> tuple[str, ...]:
    missing = sorted(set(migration.tables) - set(present))
    if missing:
        raise RefusedError(
            f"Migration {migration.version:03} finds {', '.join(present)} but not {', '.join(missing)}: "
            "create the missing table as the platform does, then migrate again."
        )
    shapes = {table: await describe(connection, "public", table) for table in migration.tables}
    if _COMMANDS not in shapes:
        return tuple(note for table, shape in shapes.items() for note in remarks(table, shape))
    expected = await _in_scratch(connection, migration)
    wrong, notes = differences(_COMMANDS, expected, shapes[_COMMANDS])
    if wrong:
        raise RefusedError(
            f"The existing {_COMMANDS} cannot be adopted: {'; '.join(wrong)}. "
            "Change the table, or point the console at another database."
        )
    return tuple(notes)


async def _in_scratch(connection: Any, migration: Migration) -> TableShape:
    """Run the migration in a schema that is rolled back at once, to find what it would have created."""
    undo = connection.transaction()
    await undo.start()
    try:
        await connection.execute("CREATE SCHEMA device_console_scratch")
        await connection.execute("SET LOCAL search_path = device_console_scratch, public")
        await connection.execute(migration.sql, timeout=_MIGRATION_TIMEOUT_S)
        return await describe(connection, "device_console_scratch", _COMMANDS)
    except asyncpg.InsufficientPrivilegeError as error:
        raise RefusedError(
            f"The login may not create a schema to compare with ({error}): grant it CREATE on the database."
        ) from None
    finally:
        await undo.rollback()
