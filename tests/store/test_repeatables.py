"""Functions, triggers and policies: replaced whole where their file changed, never put back by an older program."""

from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from console.errors import RefusedError, UnfinishedError
from console.store.access import Access
from console.store.pool import Database
from console.store.schema import repeatables
from console.store.schema.checks import check_start
from console.store.schema.migrate import migrate, pending
from console.store.schema.migration_files import (
    Repeatable,
    migrations_folder,
    read_migrations,
    read_repeatables,
)
from tests.platform import PlatformUrls
from tests.platform.walk import walk
from tests.schema_page import PAGE, schema_page

SOURCE = "SELECT prosrc FROM pg_proc WHERE proname = 'trim_ended'"
LEDGER = "SELECT checksum, program FROM device_console.repeatables WHERE name = '70_sweep'"
FIRST = "SELECT applied_at FROM device_console.repeatables WHERE name = '60_dispatch'"


def edited(text: str) -> tuple[Repeatable, ...]:
    """The program's own, with one more line in a function of the sweep."""
    anchor = "SELECT e.event_id FROM device_console.ended_events e"
    return tuple(
        replace(file, sql=file.sql.replace(anchor, f"{anchor} -- {text}"))
        if file.name == "70_sweep"
        else file
        for file in read_repeatables()
    )


async def test_the_page_of_the_schema_is_what_the_migrations_build(owner: asyncpg.Connection) -> None:
    """Without it, a reader of the page believes in columns and rights that are not there: make it anew."""
    assert await schema_page(owner) == PAGE.read_text("utf-8")


async def test_each_function_stands_once() -> None:
    """Without this, a successor changes the text that is replaced by another one a file later."""
    texts = [file.sql for file in read_repeatables()]
    texts += [m.sql for m in read_migrations() if m.version >= 900]
    names = [
        line.split("(")[0].split(".")[1]
        for text in texts
        for line in text.splitlines()
        if line.startswith("CREATE OR REPLACE FUNCTION")
    ]
    assert len(names) == len(set(names)) > 50
    assert not any("pg_get_functiondef" in text or "CREATE FUNCTION device_console" in text for text in texts)


async def test_a_changed_file_is_run_again_and_only_that_one(
    database_url: str, owner: asyncpg.Connection
) -> None:
    """Without the checksum, a function that was mended never reaches a database that is there already."""
    first = await owner.fetchval(FIRST)
    steps = await migrate(Access(database_url), read_migrations(), edited("mended"))
    assert [step.migration.label for step in steps if step.action == "applied"] == ["repeatable/70_sweep"]
    assert "-- mended" in await owner.fetchval(SOURCE)
    assert await owner.fetchval(FIRST) == first
    again = await migrate(Access(database_url), read_migrations(), edited("mended"))
    assert {step.action for step in again} == {"present"}


async def test_workers_of_the_version_before_go_on_while_functions_are_replaced(
    database_url: str, access: Access, fleet: object
) -> None:
    """Without one transaction for all of them, running workers call a mixture of old functions and new ones."""
    del fleet
    database = Database(access)
    await database.open()
    try:
        async with database.fleet_session() as worker:
            await worker.fetchval("SELECT device_console.trim_ended(10, 60.0)")
            await migrate(Access(database_url), read_migrations(), edited("newer"))
            await worker.fetchval("SELECT device_console.trim_ended(10, 60.0)")
            await worker.fetch("SELECT missed FROM device_console.sweep('-infinity', 'infinity', NULL, 10)")
    finally:
        await database.close()


async def test_a_database_that_waits_for_new_functions_is_named_at_start(
    access: Access, owner: asyncpg.Connection
) -> None:
    """Without the look at the checksums, a program works with the functions of the version before."""
    await owner.execute(
        "UPDATE device_console.repeatables SET checksum = 'of before' WHERE name = '70_sweep'"
    )
    assert await pending(owner) == ("repeatable/70_sweep",)
    database = Database(access)
    await database.open()
    try:
        with pytest.raises(UnfinishedError, match=r"lacks 1 migrations \(first repeatable/70_sweep\)"):
            await check_start(database)
    finally:
        await database.close()


async def test_an_older_program_puts_no_function_back(
    database_url: str, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the version in the ledger, two programs of different versions replace each other's functions in turn."""
    monkeypatch.setattr(repeatables, "__version__", "12.0.3")
    await migrate(Access(database_url), read_migrations(), edited("of 12"))
    monkeypatch.setattr(repeatables, "__version__", "9.1.0")
    with pytest.raises(RefusedError, match=r"repeatable/70_sweep\) come from device-console 12\.0\.3, which is newer than this program \(9\.1\.0\): update"):  # fmt: skip
        await migrate(Access(database_url))
    assert await pending(owner) == ()  # and it may run: functions keep their names, arguments and results
    assert "-- of 12" in await owner.fetchval(SOURCE)
    monkeypatch.setattr(repeatables, "__version__", "12.0.10rc1")
    await migrate(Access(database_url))
    assert "-- of 12" not in await owner.fetchval(SOURCE)
    assert (await owner.fetchrow(LEDGER))["program"] == "12.0.10rc1"


async def test_a_broken_file_leaves_the_functions_as_they_were(
    database_url: str, owner: asyncpg.Connection
) -> None:
    broken = [*edited("half"), Repeatable("99_z", "SELECT 1/0")]
    with pytest.raises(Exception, match="division by zero"):
        await migrate(Access(database_url), read_migrations(), broken)
    assert "-- half" not in await owner.fetchval(SOURCE)
    assert await pending(owner) == ()


async def test_a_file_with_another_kind_of_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "repeatable").mkdir()
    (tmp_path / "repeatable" / "sweep.sql").write_text("SELECT 1")
    with pytest.raises(RefusedError, match=r"The repeatable file sweep\.sql is not named NN_words\.sql"):
        read_repeatables(tmp_path)
    assert all(file.sql for file in read_repeatables(migrations_folder()))


async def test_tables_of_before_the_first_release_are_named_and_the_way_on_ends_well(
    platform: PlatformUrls,
) -> None:
    """Without the look at the ledger, such a database is "newer than this program", and no update ends that."""
    await migrate(Access(platform.owner))
    owner = await asyncpg.connect(platform.superuser)
    try:
        await _as_before_the_release(owner)
        rows = "SELECT count(*), min(created_at) FROM device_commands"
        before = await owner.fetchrow(rows)
        assert before["count"] == 1
        for message in (await _refused_migration(platform.owner), await _refused_start(platform.superuser)):
            assert "made by a version before the first release, and no migration leads on" in message
            assert "`device-console demo reset`" in message
            assert "run DROP SCHEMA device_console CASCADE; and then `device-console migrate`" in message
        await owner.execute("DROP SCHEMA device_console CASCADE")
        await migrate(Access(platform.owner))
        assert await owner.fetchrow(rows) == before
        await walk(Access(platform.owner))
    finally:
        await owner.close()


async def _as_before_the_release(owner: asyncpg.Connection) -> None:
    """The ledger as the chain of before left it, with a view and a function that no file of today makes."""
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, device_id, command_type) SELECT tenant_id, 'old-1', 'ping' FROM tenants LIMIT 1;"
        "DROP TABLE device_console.repeatables; DELETE FROM device_console.migrations WHERE version >= 900;"
        "INSERT INTO device_console.migrations (version, name, checksum, origin) VALUES"
        " (900, 'console_tables', 'x', 'applied'), (901, 'dispatch_functions', 'x', 'applied'),"
        " (959, 'found_by_their_key', 'x', 'applied');"
        "CREATE VIEW device_console.command_view AS SELECT command_id FROM device_commands"
    )


async def _refused_migration(url: str) -> str:
    with pytest.raises(RefusedError) as refused:
        await migrate(Access(url))
    return str(refused.value)


async def _refused_start(url: str) -> str:
    database = Database(Access(url))
    await database.open()
    try:
        with pytest.raises(RefusedError) as refused:
            await check_start(database)
    finally:
        await database.close()
    return str(refused.value)
