"""The migrations make exactly the specified table, adopt what exists and refuse what differs."""

import asyncio
import os
import re
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from console.errors import RefusedError
from console.store.access import Access
from console.store.schema.adoption import describe
from console.store.schema.migrate import LOCK_KEY, migrate
from console.store.schema.migration_files import (
    Migration,
    migrations_folder,
    read_migrations,
    read_repeatables,
)
from tests.conftest import with_database
from tests.waiting import until

SPECIFIED = (Path(__file__).parent / "device_commands_specified.sql").read_text()
TENANTS = "CREATE TABLE tenants (tenant_id TEXT PRIMARY KEY)"


async def _connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url)


async def test_the_migration_makes_exactly_the_specified_table(empty_url: str, database_url: str) -> None:
    specified, ours = await _connect(empty_url), await _connect(database_url)
    await specified.execute(TENANTS)
    await specified.execute(SPECIFIED)
    expected = await describe(specified, "public", "device_commands")
    actual = await describe(ours, "public", "device_commands")
    ours_alone = {index for index in actual.indexes if "device_console_newest" in index}
    assert len(ours_alone) == 1
    assert replace(actual, indexes=actual.indexes - ours_alone) == expected
    assert len(expected.columns) == 12
    assert len(expected.indexes) == 3
    assert expected.secured
    await specified.close()
    await ours.close()


async def test_a_second_run_changes_nothing(database_url: str) -> None:
    steps = await migrate(Access(database_url))
    assert {step.action for step in steps} == {"present"}


async def test_two_runs_at_once_do_no_harm(empty_url: str) -> None:
    """Without the lock, both apply the same migration."""
    both = await asyncio.gather(
        migrate(Access(empty_url), platform_tables=True), migrate(Access(empty_url), platform_tables=True)
    )
    applied = [sum(step.action == "applied" for step in steps) for steps in both]
    assert sorted(applied) == [0, len(read_migrations()) + len(read_repeatables())]


async def test_an_existing_platform_is_adopted_as_it_is(empty_url: str) -> None:
    owner = await _connect(empty_url)
    await owner.execute("SET client_min_messages = warning")
    for migration in read_migrations():
        if migration.version <= 79:
            await owner.execute(migration.sql)
    await owner.execute(
        "ALTER TABLE tenants ADD COLUMN plan TEXT; CREATE TABLE schema_migrations (version TEXT);"
        "ALTER TABLE device_commands ADD COLUMN platform_note TEXT;"
        "CREATE POLICY nobody_at_night ON device_commands AS RESTRICTIVE USING (true)"
    )
    steps = await migrate(Access(empty_url))
    adopted = {step.migration.label[:3]: step.notes for step in steps if step.action == "adopted"}
    assert set(adopted) == {"070", "071", "072", "073", "074", "079"}
    assert "device_commands has the extra restrictive policy nobody_at_night for public" in adopted["079"]
    assert await owner.fetchval("SELECT count(*) FROM schema_migrations") == 0
    grants = "SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = 'pulse_app' AND table_schema = 'public'"
    assert await owner.fetchval(grants) == 0
    await owner.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("DROP COLUMN acked_at", "lacks the column acked_at"),
        ("ALTER COLUMN created_by TYPE varchar(20)", "created_by is character varying(20), not text"),
        ("ALTER COLUMN command_params DROP NOT NULL", "command_params is nullable"),
        ("ALTER COLUMN expires_at SET DEFAULT now()", "expires_at defaults to now()"),
        ("DISABLE ROW LEVEL SECURITY", "row level security is off"),
        ("DROP CONSTRAINT device_commands_status_check", "lacks CHECK"),
        ("ADD COLUMN must_fill TEXT NOT NULL", "extra column must_fill, which must be filled"),
    ],
)
async def test_a_table_that_differs_is_refused_with_the_difference(
    empty_url: str, change: str, difference: str
) -> None:
    owner = await _connect(empty_url)
    await owner.execute(TENANTS.replace(")", ", name TEXT, status TEXT, contact_name TEXT, contact_email TEXT,"
                        " contact_phone TEXT, metadata JSONB, created_at TIMESTAMPTZ, updated_at TIMESTAMPTZ,"
                        " deleted_at TIMESTAMPTZ)"))  # fmt: skip
    await owner.execute(SPECIFIED)
    await owner.execute(f"ALTER TABLE device_commands {change}")
    with pytest.raises(RefusedError, match=re.escape(difference)):
        await migrate(Access(empty_url), platform_tables=True)
    kept = await owner.fetchval("SELECT to_regclass('device_console.migrations') IS NOT NULL")
    assert (
        not kept
        or await owner.fetchval("SELECT max(version) FROM device_console.migrations WHERE version < 80") < 79
    )
    await owner.close()


async def test_a_missing_index_and_a_changed_policy_are_refused(empty_url: str) -> None:
    await migrate(Access(empty_url), [m for m in read_migrations() if m.version < 79], platform_tables=True)
    owner = await _connect(empty_url)
    await owner.execute(SPECIFIED)
    await owner.execute(
        "DROP INDEX idx_device_commands_expires;"
        "ALTER POLICY device_commands_tenant_isolation ON device_commands USING (true)"
    )
    with pytest.raises(RefusedError) as refused:
        await migrate(Access(empty_url))
    assert "lacks the index CREATE INDEX idx_device_commands_expires" in str(refused.value)
    assert "the policy device_commands_tenant_isolation on device_commands has another rule" in str(
        refused.value
    )
    await owner.close()


async def test_psql_applies_the_file_once_on_a_database_with_tenants(empty_url: str) -> None:
    owner = await _connect(empty_url)
    await owner.execute(TENANTS)
    await owner.execute((migrations_folder() / "079_device_commands.sql").read_text())
    assert await owner.fetchval("SELECT to_regclass('device_commands') IS NOT NULL")
    await owner.close()


async def test_a_changed_migration_is_refused(database_url: str) -> None:
    """Without the checksum, two databases of one version differ and nobody knows."""
    changed = [Migration(m.version, m.name, m.sql + "\n-- edited", m.tables) for m in read_migrations()]
    with pytest.raises(RefusedError, match="069_roles was changed after it was applied"):
        await migrate(Access(database_url), changed)


async def test_a_newer_database_is_refused(database_url: str) -> None:
    with pytest.raises(RefusedError, match="904_catalogue, which this program does not know: update"):
        await migrate(Access(database_url), [m for m in read_migrations() if m.version != 904])


async def test_a_migration_may_take_longer_than_a_command(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a limit of its own, an index on a large table is given up after half a minute, at each start again."""
    slow = Migration(900, "slow", "SELECT pg_sleep(4)", ())
    wanted = [m for m in read_migrations() if m.version < 900]
    await migrate(Access(empty_url), wanted, platform_tables=True)
    monkeypatch.setattr("console.store.pool.COMMAND_TIMEOUT_S", 3.0)
    steps = await migrate(Access(empty_url), [*wanted, slow], platform_tables=True)
    assert [step.action for step in steps if step.migration == slow] == ["applied"]


@pytest.mark.slow
async def test_who_waits_for_another_migration_waits_longer_than_a_command(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a limit of its own, the second of two programs is refused while the first one migrates."""
    wanted = [m for m in read_migrations() if m.version < 900]
    await migrate(Access(empty_url), wanted, platform_tables=True)
    other = await _connect(empty_url)
    await other.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
    monkeypatch.setattr("console.store.pool.COMMAND_TIMEOUT_S", 3.0)
    waiting = asyncio.create_task(migrate(Access(empty_url), wanted, platform_tables=True))
    try:
        await other.execute("SELECT pg_sleep(4)")
        assert not waiting.done()
        await other.execute("SELECT pg_advisory_unlock($1)", LOCK_KEY)
        assert {step.action for step in await waiting} == {"present"}
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await other.close()


async def test_a_failing_migration_leaves_nothing_behind(empty_url: str) -> None:
    broken = Migration(900, "broken", "CREATE TABLE device_console.half (a int); SELECT 1/0", ())
    wanted = [m for m in read_migrations() if m.version < 900] + [broken]
    with pytest.raises(Exception, match="division by zero"):
        await migrate(Access(empty_url), wanted, platform_tables=True)
    owner = await _connect(empty_url)
    assert await owner.fetchval("SELECT to_regclass('device_console.half')") is None
    assert await owner.fetchval("SELECT max(version) FROM device_console.migrations") == 79
    await owner.close()


def test_the_specified_sql_stands_unchanged_in_the_migration() -> None:
    assert (migrations_folder() / "079_device_commands.sql").read_text() == SPECIFIED


async def test_a_role_that_another_database_makes_at_that_moment_is_taken(server_url: str) -> None:
    """Without the second try the migration fails on a role that it did not see: roles are the cluster's."""
    owner, watcher = await asyncpg.connect(server_url), await asyncpg.connect(server_url)
    database, worker = f"late_{os.getpid()}", f"late_worker_{os.getpid()}"
    await owner.execute(f"CREATE DATABASE {database}")
    making = owner.transaction()
    await making.start()
    await owner.execute(f"CREATE ROLE {worker} NOLOGIN")  # nobody sees it before the commit
    migrating = asyncio.create_task(
        migrate(Access(with_database(server_url, database), worker_role=worker), platform_tables=True)
    )

    async def it_waits_for_us() -> bool:
        assert not migrating.done(), migrating.result()
        return bool(
            await watcher.fetchval(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid)))",
                owner.get_server_pid(),
            )
        )

    try:
        await until(it_waits_for_us)
        await making.commit()
        assert await migrating
    finally:
        migrating.cancel()
        await asyncio.gather(migrating, return_exceptions=True)
        await owner.close()
        await watcher.execute(f"DROP DATABASE {database} WITH (FORCE)")
        await watcher.execute(f"DROP ROLE IF EXISTS {worker}")
        await watcher.close()


@pytest.mark.slow
async def test_two_databases_of_one_cluster_migrate_at_once(server_url: str, empty_url: str) -> None:
    """Four at once, several times: whatever they do to the cluster's roles side by side, all of them end well."""
    owner = await asyncpg.connect(server_url)
    for attempt in range(3):
        names = [f"race_{os.getpid()}_{attempt}_{n}" for n in range(4)]
        operator, worker = f"race_operator_{attempt}", f"race_worker_{attempt}"
        for name in names:
            await owner.execute(f"CREATE DATABASE {name}")
        try:
            await asyncio.gather(
                *(
                    migrate(
                        Access(with_database(server_url, name), operator_role=operator, worker_role=worker),
                        platform_tables=True,
                    )
                    for name in names
                )
            )
        finally:
            for name in names:
                await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
            for role in (operator, worker):
                await owner.execute(f"DROP ROLE IF EXISTS {role}")
    await owner.close()


async def test_a_database_that_is_not_utf8_is_refused(server_url: str) -> None:
    """Without this, half of what devices answer could not be stored."""
    owner = await asyncpg.connect(server_url)
    name = f"ascii_{os.getpid()}"
    await owner.execute(
        f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    )
    try:
        with pytest.raises(RefusedError, match="encoded in SQL_ASCII: the console needs one in UTF8"):
            await migrate(Access(with_database(server_url, name)), platform_tables=True)
    finally:
        await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await owner.close()
