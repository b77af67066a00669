"""Every start check by its own fault: refused in one sentence, or warned about."""

import os
from dataclasses import replace

import asyncpg
import pytest

from console.errors import RefusedError
from console.store.access import Access
from console.store.pool import Database
from console.store.schema.checks import check_start
from console.store.sql import query

REFUSED = {
    "no policies": ("ALTER TABLE device_commands DISABLE ROW LEVEL SECURITY", "Row level security is off"),
    "an owner": ("ALTER TABLE device_commands OWNER TO pulse_app", "is not bound by row level security"),
    "a column": (
        "ALTER TABLE device_commands RENAME acked_at TO answered",
        "device_commands lacks the column acked_at (timestamp with time zone), which is needed to record answers",
    ),
    "no policies on the outbox": (
        "ALTER TABLE device_console.outbox DISABLE ROW LEVEL SECURITY",
        "off on device_console.outbox",
    ),
    "a column of the registry": (
        "ALTER TABLE device_registry RENAME fw_version TO firmware",
        "device_registry lacks the column fw_version (text), which is needed to list and filter devices",
    ),
    "a column of ours": (
        "ALTER TABLE device_console.problems DROP detail",
        "lacks device_console.problems.detail",
    ),
    "the journal": ("DROP TABLE device_console.journal CASCADE", "device_console.journal: restore"),
    "the tags": ("DROP TABLE device_tags", "lacks public.device_tags"),
    "the states": ("DROP TABLE device_state", "lacks public.device_state"),
    "a function": ("DROP FUNCTION device_console.sweep", "lacks device_console.sweep"),
    "the leases": ("DROP TABLE device_console.leases", "lacks device_console.leases: restore"),
    "a column of the leases": (
        "ALTER TABLE device_console.leases DROP beat_at",
        "lacks device_console.leases.beat_at",
    ),
    "the gaps": ("DROP TABLE device_console.ingest_gaps", "lacks device_console.ingest_gaps: restore"),
    "the taking of a lease": (
        "DROP FUNCTION device_console.take_lease",
        "lacks device_console.take_lease: restore",
    ),
    "an inner function": ("DROP FUNCTION device_console.settle_each", "lacks device_console.settle_each"),
    "no policies on the leases": (
        "ALTER TABLE device_console.leases DISABLE ROW LEVEL SECURITY",
        "off on device_console.leases",
    ),
    "a migration": ("DELETE FROM device_console.migrations WHERE version = 904", "lacks 1 migrations"),
    "our tables": ("DROP SCHEMA device_console CASCADE", "The console's tables are missing"),
    "commands": ("REVOKE SELECT ON device_commands FROM pulse_app", "run GRANT SELECT ON device_commands"),
    "devices": ("REVOKE SELECT ON device_registry FROM pulse_app", "run GRANT SELECT ON device_registry"),
    "states": ("REVOKE SELECT ON device_state FROM pulse_app", "run GRANT SELECT ON device_state"),
    "tenants": ("REVOKE SELECT ON tenants FROM pulse_app", "run GRANT SELECT ON tenants"),
}
WARNED = {
    "deletes": ("GRANT DELETE ON device_commands TO pulse_app", "can delete commands"),
    "truncates": ("GRANT TRUNCATE ON device_commands TO pulse_app", "can delete commands"),
    "a column that must be filled": (
        "ALTER TABLE device_commands ADD COLUMN region text NOT NULL",
        "must be filled and that the console does not know (region): nothing can be sent",
    ),
    "cannot send": ("REVOKE INSERT ON device_commands FROM pulse_app", "may not send"),
    "cannot cancel": ("REVOKE UPDATE (status) ON device_commands FROM pulse_app", "may not cancel"),
    "no index": (
        "DROP INDEX idx_device_commands_expires",
        "The index idx_device_commands_expires is missing",
    ),
    "a registry without policies": (
        "ALTER TABLE device_registry DISABLE ROW LEVEL SECURITY",
        "Row level security is off on device_registry",
    ),
    "read-only": (
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$",
        "The database is read-only",
    ),
}


async def opened(access: Access) -> Database:
    database = Database(access)
    await database.open()
    return database


async def refusal(access: Access) -> str:
    database = await opened(access)
    try:
        with pytest.raises(RefusedError) as refused:
            await check_start(database)
    finally:
        await database.close()
    return str(refused.value)


async def warnings(access: Access) -> str:
    database = await opened(access)
    try:
        return "\n".join((await check_start(database)).warnings)
    finally:
        await database.close()


@pytest.mark.parametrize(("change", "sentence"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_cannot_work_or_is_dangerous_is_refused_in_one_sentence(
    access: Access, owner: asyncpg.Connection, change: str, sentence: str
) -> None:
    """Without the check it starts, and shows one tenant's rows to another or fails in the middle."""
    await owner.execute(change)
    message = await refusal(access)
    assert sentence in message
    assert message.count(". ") == 0


async def test_an_operator_role_that_is_not_there_or_not_ours_to_assume_is_refused(
    access: Access, owner: asyncpg.Connection
) -> None:
    """Without the look at the roles, each screen would fail with the database's own words."""
    assert "does not exist: create it or set" in await refusal(replace(access, operator_role="nobody_is"))
    role = f"not_ours_{os.getpid()}"
    await owner.execute(f"CREATE ROLE {role} NOLOGIN")
    try:
        assert f"run GRANT {role} TO console_login" in await refusal(replace(access, operator_role=role))
    finally:
        await owner.execute(f"DROP ROLE {role}")


@pytest.mark.parametrize(
    ("fact", "instead", "sentence"),
    [
        (
            "current_setting('server_encoding')",
            "'LATIN1'",
            "encoded in LATIN1: the console needs one in UTF8",
        ),
        ("current_setting('server_version_num')::integer", "140000", "needs 15 or newer"),
    ],
)
async def test_a_server_that_cannot_do_is_refused(
    access: Access, monkeypatch: pytest.MonkeyPatch, fact: str, instead: str, sentence: str
) -> None:
    """Without the look at the server, it fails at the first answer or function that it cannot hold."""
    assert fact in query("start_login")
    monkeypatch.setattr("console.store.schema.checks.query", lambda name: query(name).replace(fact, instead))
    assert sentence in await refusal(access)


@pytest.mark.parametrize(("change", "sentence"), WARNED.values(), ids=WARNED.keys())
async def test_what_is_unwise_or_missing_is_warned_about(
    access: Access, owner: asyncpg.Connection, change: str, sentence: str
) -> None:
    """Without the warning, nobody knows before the day on which it hurts."""
    assert await warnings(access) == ""
    await owner.execute(change)
    assert sentence in await warnings(access)


async def test_a_login_that_may_do_all_and_one_that_may_not_work_are_warned_about(
    access: Access, database_url: str
) -> None:
    """Without the warnings, a superuser passes every policy and a mere reader waits for workers in vain."""
    assert "is a superuser" in await warnings(Access(database_url))
    assert "may not assume nobody_is: no workers run here" in await warnings(
        replace(access, worker_role="nobody_is")
    )


async def test_every_function_of_ours_is_looked_for(owner: asyncpg.Connection) -> None:
    """Without this, what a migration adds is found missing by the first worker that calls it."""
    rows = await owner.fetch(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'device_console'::regnamespace ORDER BY 1"
    )
    assert [row["proname"] for row in rows if f"('{row['proname']}')" not in query("start_columns")] == []
