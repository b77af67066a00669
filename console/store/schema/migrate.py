"""Migrations: forward only, numbered SQL, under an advisory lock, with checksums, adopting what exists."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from console.errors import RefusedError
from console.store.failures import translated
from console.store.pool import Access, direct_connection
from console.store.schema.adoption import TableShape, describe, differences, remarks
from console.store.schema.preflight import foreign_schema, hindrances

LOCK_KEY = 0x64_65_76_63  # "devc"; the first of the console's advisory lock keys
_LOCK_WAIT = "120s"
_LOCK_TIMEOUT_S = 130.0  # the database gives up first, and says why
_MIGRATION_TIMEOUT_S = 3_600.0  # an index on a large table takes longer than any command of the program may
_TRIES = 4
_MADE_MEANWHILE = (
    asyncpg.DuplicateObjectError,
    asyncpg.UniqueViolationError,
    asyncpg.InternalServerError,  # "tuple concurrently updated", by two grants to one role
)
_FIRST_OF_OURS = 900
_COMMANDS = "device_commands"  # the one table that must be as the console would have made it, or more
_FILE_NAME = re.compile(r"(\d{3})_(\w+)\.sql")
_ADOPTS = re.compile(r"^-- adopts: (.+)$", re.MULTILINE)
_SEED_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)")
# From the catalog alone: to_regclass fails where the login may not use the schema.
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
class Migration:
    """One numbered file. `tables` are what it would make, when they may exist already."""

    version: int
    name: str
    sql: str
    tables: tuple[str, ...]

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class MigrationStep:
    """What was done about one migration: applied, adopted, or present (nothing to do)."""

    migration: Migration
    action: str
    notes: tuple[str, ...] = ()


def migrations_folder() -> Path:
    """Where the SQL files lie: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[2]
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def read_migrations(folder: Path | None = None) -> tuple[Migration, ...]:
    """Read every migration in order of its number."""
    found: list[Migration] = []
    for path in sorted((folder or migrations_folder()).glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise RefusedError(f"The migration {path.name} is not named NNN_words.sql.")
        sql = path.read_text("utf-8")
        found.append(Migration(int(match[1]), match[2], sql, _tables(int(match[1]), sql)))
    return tuple(found)


def _tables(version: int, sql: str) -> tuple[str, ...]:
    declared = _ADOPTS.search(sql)
    if declared:
        return tuple(declared[1].split())
    return tuple(_SEED_TABLE.findall(sql)) if version < 900 else ()


async def migrate(
    access: Access, migrations: Sequence[Migration] | None = None, *, platform_tables: bool = False
) -> tuple[MigrationStep, ...]:
    """Bring the database up to date; a second run, or one at the same time, does no harm.

    Args:
        access: the way in, with a login that owns the platform's tables.
        migrations: others than the program's own.
        platform_tables: make the platform's tables where they are missing; else that is refused, since the
            platform's own migrator would take them for its own.

    Raises:
        RefusedError: an applied migration was changed, the database is newer than this program, or an
            existing object is missing or differs from what is needed; nothing of the failing migration stays.
        DatabaseUnreachableError: the link broke; run it again.
    """
    wanted = migrations or read_migrations()
    async with direct_connection(access) as connection:
        with translated():
            await connection.execute(f"SET lock_timeout = '{_LOCK_WAIT}'")
            await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY, timeout=_LOCK_TIMEOUT_S)
            await _check_encoding(connection)
            done = {row["version"]: row for row in await _history(connection)}
            _check_history(done, wanted)
            open_ones = [migration for migration in wanted if migration.version not in done]
            if open_ones:
                _refuse(await _hindrances(connection, access, open_ones, make=platform_tables))
            # only where it is missing: CREATE on the database may be revoked once the schema is there
            if await connection.fetchval(_MAY_READ) is None:
                await connection.execute(_BOOKKEEPING)
            return tuple([await _stepped(connection, access, migration, done) for migration in wanted])


def _refuse(obstacles_found: Sequence[str]) -> None:
    if obstacles_found:
        raise RefusedError(f"Nothing was changed: {'. Further: '.join(obstacles_found)}.")


async def pending(connection: Any) -> tuple[str, ...]:
    """Name the migrations that a database still needs; every one when it never saw any."""
    names = tuple(f"{m.version:03}_{m.name}" for m in read_migrations())
    seen = {f"{row['version']:03}" for row in await _history(connection)}
    return tuple(name for name in names if name[:3] not in seen)


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
    return found


async def obstacles(access: Access) -> tuple[str, ...]:
    """What stands in the way of the migrations that a database still needs."""
    async with direct_connection(access) as connection:
        with translated():
            open_ones = [name[:3] for name in await pending(connection)]
            wanted = [m for m in read_migrations() if f"{m.version:03}" in open_ones]
            return await _hindrances(connection, access, wanted, make=False) if wanted else ()


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


async def _stepped(
    connection: Any, access: Access, migration: Migration, done: dict[int, Any]
) -> MigrationStep:
    """Do one step; once more when another database of the cluster made the same role at that moment.

    Roles belong to the whole cluster, the lock only to this database.
    """
    for _ in range(_TRIES - 1):
        try:
            return await _step(connection, access, migration, done)
        except _MADE_MEANWHILE:
            continue
    return await _step(connection, access, migration, done)


async def _step(connection: Any, access: Access, migration: Migration, done: dict[int, Any]) -> MigrationStep:
    if migration.version in done:
        return MigrationStep(migration, "present")
    async with connection.transaction():
        await connection.execute("SET LOCAL search_path = public")
        await connection.execute("SET LOCAL client_min_messages = warning")
        present = [
            table
            for table in migration.tables
            if await connection.fetchval("SELECT to_regclass($1)", f"public.{table}") is not None
        ]
        if present:
            notes = await _adopt(connection, migration, present)
            action = "adopted"
        else:
            await _apply(connection, access, migration)
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


async def _apply(connection: Any, access: Access, migration: Migration) -> None:
    own = await connection.fetch("SELECT version FROM device_console.migrations WHERE origin = 'applied'")
    versions = {row["version"] for row in own}
    tables = " ".join(t for m in read_migrations() if m.version in versions for t in m.tables)
    for name, value in (
        ("operator_role", access.operator_role),
        ("worker_role", access.worker_role),
        ("own_tables", tables),
    ):
        await connection.execute("SELECT set_config($1, $2, true)", f"device_console.{name}", value)
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
    """Run the migration in a schema that is rolled back at once, to see what it would have made."""
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
