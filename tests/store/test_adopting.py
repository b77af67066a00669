"""What a migration asks of tables that are not ours, and what it says where something stands in its way."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest

from console.errors import RefusedError, UnfinishedError
from console.runtime.wiring import wire_program
from console.store.access import Access
from console.store.outbox import OutboxStore
from console.store.pool import Database
from console.store.schema.checks import check_start
from console.store.schema.migrate import migrate, obstacles
from console.store.schema.migration_files import read_migrations, read_repeatables
from console.store.schema.uses import TABLES, USES
from tests.addresses import as_login
from tests.conftest import Fleet
from tests.platform import PlatformUrls, let_work
from tests.platform.dump import changed, public_of
from tests.platform.walk import walk

MORE_VALUES = (
    "ALTER TABLE device_commands DROP CONSTRAINT device_commands_status_check,"
    " ADD CHECK (status IN ('queued', 'delivered', 'missed', 'expired', 'rejected'))"
)
USED = [(use.table, column) for use in USES for column in use.columns]


@pytest.fixture
async def sql(platform: PlatformUrls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(platform.superuser)
    yield connection
    await connection.close()


async def refused(access: Access, *, platform_tables: bool = False) -> str:
    with pytest.raises(RefusedError) as found:
        await migrate(access, platform_tables=platform_tables)
    return str(found.value)


async def test_each_column_in_use_is_missed_by_name_and_purpose(
    platform: PlatformUrls, sql: asyncpg.Connection
) -> None:
    """Without the look before the first migration, one column at a time is told, behind a half-made schema."""
    for table, column in USED:
        await sql.execute(f"ALTER TABLE {table} RENAME {column} TO gone_{column}")
    message = await refused(Access(platform.owner))
    for use in USES:
        for column, kind in use.columns.items():
            assert f"{use.table} lacks the column {column} ({kind}), which is needed {use.purpose}" in message
    assert await sql.fetchval("SELECT to_regnamespace('device_console')") is None


async def test_a_column_of_another_kind_is_refused(platform: PlatformUrls, sql: asyncpg.Connection) -> None:
    """Without the look, the first statement that calculates with it fails in the middle of an operator's work."""
    await sql.execute(
        "ALTER TABLE device_state ALTER last_seen_at TYPE text;"
        "ALTER TABLE device_registry ALTER decommissioned_at TYPE timestamp"
    )
    message = await refused(Access(platform.owner))
    assert "device_state.last_seen_at is text, not timestamp with time zone" in message
    assert "device_registry.decommissioned_at is timestamp without time zone" in message


async def test_nothing_else_is_demanded_of_the_platforms_tables(
    platform: PlatformUrls, sql: asyncpg.Connection
) -> None:
    """Without it, a column that the platform never had, or drops one day, ends the console."""
    rows = await sql.fetch(
        "SELECT attrelid::regclass::text AS table, attname AS column FROM pg_attribute"
        " WHERE attrelid = ANY ($1::text[]::regclass[]) AND attnum > 0 AND NOT attisdropped",
        list(TABLES),
    )
    for row in rows:
        if (row["table"], row["column"]) not in USED:
            await sql.execute(f'ALTER TABLE {row["table"]} DROP COLUMN IF EXISTS "{row["column"]}" CASCADE')
    await migrate(Access(platform.owner))
    await walk(Access(platform.owner))


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        MORE_VALUES,
        "ALTER TABLE device_commands ADD COLUMN priority bigint GENERATED ALWAYS AS IDENTITY",
        "ALTER TABLE device_commands ALTER created_by TYPE varchar(64), ALTER command_type TYPE varchar(200)",
        "ALTER TABLE device_commands ALTER command_id TYPE varchar, ALTER device_id TYPE varchar(200)",
        "ALTER TABLE tenants ALTER name TYPE varchar(300), ALTER status TYPE varchar(9)",
        "ALTER TABLE device_state DROP CONSTRAINT device_state_status_check, ALTER status TYPE varchar(20)",
        "ALTER TABLE device_registry ALTER template_id TYPE bigint",
    ],
)
async def test_what_is_wider_than_needed_is_adopted(
    platform: PlatformUrls, sql: asyncpg.Connection, change: str
) -> None:
    """Without comparing what the types hold, a platform that widened one is refused, or breaks the console later."""
    await sql.execute(change)
    await migrate(Access(platform.owner))
    await walk(Access(platform.owner))


async def test_an_empty_database_stays_empty_unless_the_tables_are_asked_for(empty_url: str) -> None:
    """Without the question, the platform's own migrator would believe that its migrations have run."""
    before = public_of(empty_url)
    message = await refused(Access(empty_url))
    assert "lacks tenants, device_registry, device_state, device_tags" in message
    assert "`device-console migrate --create-platform-tables`" in message
    owner = await asyncpg.connect(empty_url)
    assert await owner.fetchval("SELECT to_regnamespace('device_console')") is None
    assert changed(before, public_of(empty_url)) == []
    await migrate(Access(empty_url), platform_tables=True)
    assert await owner.fetchval("SELECT to_regclass('tenants') IS NOT NULL")
    assert {step.action for step in await migrate(Access(empty_url))} == {"present"}
    await owner.close()


async def test_one_missing_table_of_the_platform_is_not_made_unasked(
    platform: PlatformUrls, sql: asyncpg.Connection
) -> None:
    """Without the question, the platform finds a table of the console's where its own should come to be."""
    await sql.execute("DROP TABLE device_tags")
    assert "this database lacks device_tags of the platform's tables" in await refused(Access(platform.owner))
    assert await sql.fetchval("SELECT to_regclass('device_tags')") is None


async def test_a_migration_that_is_not_finished_is_named(
    plain_platform: PlatformUrls, sql: asyncpg.Connection
) -> None:
    """Without the look at the record first, a right is blamed that the rest of the migrations would have granted."""
    await let_work(plain_platform)
    first = [migration for migration in read_migrations() if migration.version < 900]
    await migrate(Access(plain_platform.owner), first)
    rest = len(read_migrations()) - len(first) + len(read_repeatables())
    for url in (plain_platform.superuser, plain_platform.owner):
        assert f"lacks {rest} migrations (first 900_console)" in await unfinished(Access(url))
    assert "was begun and not finished: run `device-console migrate`" in await unfinished(
        Access(plain_platform.person)
    )
    await migrate(Access(plain_platform.owner))
    await walk(Access(plain_platform.keeper))


async def unfinished(access: Access) -> str:
    database = Database(access)
    await database.open()
    try:
        with pytest.raises(UnfinishedError) as found:
            await check_start(database)
    finally:
        await database.close()
    return str(found.value)


async def test_a_role_of_another_database_is_named_with_the_grant(plain_platform: PlatformUrls) -> None:
    """Without the look at the cluster's roles: "must have admin option on role", or a right that is not the point."""
    role = f"elsewhere_{os.getpid()}"
    superuser = await asyncpg.connect(plain_platform.superuser)
    access = Access(plain_platform.owner, worker_role=role)
    try:
        missing = await refused(access)
        assert f"run CREATE ROLE {role} NOLOGIN; GRANT {role} TO iot_plain;" in missing
        await superuser.execute(f"CREATE ROLE {role} NOLOGIN")
        (message,) = await obstacles(access)
        assert f"the role {role} exists on this server already, created for another database" in message
        assert f"run GRANT {role} TO iot_plain; as a superuser or as whoever created it" in message
        (grant,) = re.findall(r"run (GRANT .*?;)", await refused(access))
        assert await superuser.fetchval("SELECT to_regnamespace('device_console')") is None
        await superuser.execute(grant)
        assert await obstacles(access) == ()
        await migrate(access)
    finally:
        await superuser.execute(f"DROP OWNED BY {role}; DROP ROLE IF EXISTS {role}")
        await superuser.close()


async def test_every_other_hindrance_is_reported_with_its_statement(
    plain_platform: PlatformUrls, empty_url: str
) -> None:
    """Without them, the server's words come from the middle of a migration."""
    await let_work(plain_platform)
    superuser = await asyncpg.connect(plain_platform.superuser)
    database = await superuser.fetchval("SELECT current_database()")
    stranger = await refused(Access(plain_platform.person, worker_role="pulse_app"))
    assert "belongs to the role iot_plain" in stranger
    assert f"run GRANT CREATE ON DATABASE {database} TO platform_person;" in stranger
    nobody = await refused(
        Access(as_login(empty_url, "platform_person"), worker_role="pulse_app"), platform_tables=True
    )
    assert "run GRANT CREATE ON SCHEMA public TO platform_person;" in nobody
    await superuser.close()


async def test_an_update_needs_the_owner_of_the_schema_and_no_other_right(
    plain_platform: PlatformUrls,
) -> None:
    """Without the look, whoever lost CREATE after the first migration, or never owned the schema, is told nothing exact."""
    await let_work(plain_platform)
    superuser = await asyncpg.connect(plain_platform.superuser)
    access = Access(plain_platform.owner)
    last = read_migrations()[-1]
    undo = f"DELETE FROM device_console.migrations WHERE version = {last.version}"
    try:
        await migrate(access)
        database = await superuser.fetchval("SELECT current_database()")
        await superuser.execute(
            f"ALTER DATABASE {database} OWNER TO CURRENT_USER; REVOKE CREATE ON DATABASE {database} FROM PUBLIC;{undo}"
        )
        harmless = replace(last, sql="SELECT 1")
        wanted = (*read_migrations()[:-1], harmless)
        assert (await migrate(access, wanted))[-1].action == "applied"
        await superuser.execute(f"{undo}; ALTER SCHEMA device_console OWNER TO CURRENT_USER")
        mine = await superuser.fetchval("SELECT quote_ident(current_user)")
        says = f"belongs to the role {mine}, which the login iot_plain may not assume: run GRANT {mine} TO iot_plain;"
        with pytest.raises(RefusedError, match=says):
            await migrate(access, wanted)
        await superuser.execute(
            "ALTER TABLE device_console.migrations OWNER TO CURRENT_USER;"
            "REVOKE ALL ON SCHEMA device_console FROM PUBLIC, iot_plain, pulse_app"
        )
        with pytest.raises(RefusedError, match=says):
            await migrate(access, wanted)
    finally:
        await superuser.close()


async def test_two_migrations_of_one_platform_at_once_do_it_once(platform: PlatformUrls) -> None:
    both = await asyncio.gather(migrate(Access(platform.owner)), migrate(Access(platform.owner)))
    assert sorted(steps[-1].action for steps in both) == ["applied", "present"]


async def test_the_platform_may_widen_every_column_that_the_console_uses(
    platform: PlatformUrls, sql: asyncpg.Connection
) -> None:
    """A view pins the columns that it shows, and a function that returns one as text fails once it is a varchar."""
    await let_work(platform)
    await migrate(Access(platform.owner))
    await walk(Access(platform.keeper))
    rules = await sql.fetch("SELECT * FROM pg_policies WHERE schemaname = 'public'")
    # the platform's own rules and its generated column are in its way, as in that of any migration of its own
    for rule in rules:
        await sql.execute(f"DROP POLICY {rule['policyname']} ON {rule['tablename']}")
    await sql.execute("ALTER TABLE device_registry DROP COLUMN search_vector")
    for use in USES:
        for column, kind in use.columns.items():
            wider = "varchar(300)" if kind == "text" else kind
            await sql.execute(f"ALTER TABLE {use.table} ALTER {column} TYPE {wider}")
    for rule in rules:
        check = f"WITH CHECK ({rule['with_check']})" if rule["with_check"] else ""
        await sql.execute(
            f"CREATE POLICY {rule['policyname']} ON {rule['tablename']} FOR {rule['cmd']}"
            f" TO {', '.join(rule['roles'])} USING ({rule['qual']}) {check}"
        )
    await walk(Access(platform.keeper), device_id="pump-2")
    await walk(Access(platform.owner), device_id="gw-1")


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE tenants RENAME status TO state",
        "ALTER TABLE device_commands ALTER command_params DROP DEFAULT, ALTER command_params TYPE text",
    ],
)
async def test_a_failure_that_meets_every_command_alike_puts_none_of_them_off(
    owner: asyncpg.Connection, access: Access, fleet: Fleet, change: str
) -> None:
    """Without it each command waits for a minute, and each is called one that cannot be handled."""
    database = Database(access)
    await database.open()
    program = wire_program(database, tenants=(fleet.acme,), operator="alice")
    await program.sender.send(fleet.acme, [program.sender.draft(fleet.device, "ping")])
    await owner.execute(change)
    with pytest.raises(RefusedError):
        await OutboxStore(database).claim(uuid4(), 10, 10, 65_536)
    assert await owner.fetchval("SELECT last_error FROM device_console.outbox") is None
    await database.close()
