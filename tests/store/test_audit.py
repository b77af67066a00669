"""Each act leaves a row in the platform's audit log, and none fails for what that table says against it."""

import asyncio
import json
from collections.abc import AsyncIterator

import asyncpg
import pytest

from console.domain.events import ProblemKind
from console.errors import RefusedError
from console.limits import DEFAULT_TTL
from console.runtime.program import Program
from console.runtime.wiring import wire_program
from console.shell.doctor.platform import audit
from console.store.access import Access
from console.store.pool import Database
from console.store.schema.migrate import migrate
from tests.platform import PlatformUrls, let_work

AGAINST = {
    "a column more": "ALTER TABLE audit_log ADD COLUMN region text NOT NULL",
    "a rule": "ALTER TABLE audit_log ADD CHECK (source_service <> 'device-console')",
    "a column less": "ALTER TABLE audit_log DROP COLUMN actor_name",
    "forced policies": "ALTER TABLE audit_log OWNER TO iot_plain; ALTER TABLE audit_log FORCE ROW LEVEL SECURITY",
    "a shorter text": "ALTER TABLE audit_log ALTER COLUMN source_service TYPE varchar(3)",
    "a rule at the commit": (
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not at the commit'; END $$;"
        "CREATE CONSTRAINT TRIGGER no AFTER INSERT ON audit_log DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        " EXECUTE FUNCTION no()"
    ),
}


@pytest.fixture
async def sql(plain_platform: PlatformUrls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(plain_platform.superuser)
    yield connection
    await connection.close()


@pytest.fixture
async def person(plain_platform: PlatformUrls) -> AsyncIterator[Database]:
    """A login that is only a member of pulse_app."""
    await let_work(plain_platform)
    await migrate(Access(plain_platform.owner))
    database = Database(Access(plain_platform.person))
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def beside(person: Database) -> Program:
    return wire_program(person, tenants=("acme",), operator="alice")


async def rows_of(sql: asyncpg.Connection) -> list[asyncpg.Record]:
    return list(await sql.fetch("SELECT * FROM audit_log ORDER BY timestamp, event_type"))


async def send(program: Program, device_id: str = "pump-1") -> str:
    draft = program.sender.draft(device_id, "reboot", created_by="alice")
    return (await program.sender.send("acme", [draft])).command_ids[0]


async def test_each_act_leaves_one_row(beside: Program, sql: asyncpg.Connection) -> None:
    """Without the rows, the platform's people find no trace of who rebooted what."""
    command_id = await send(beside)
    await beside.sender.cancel("acme", command_id, "bruno")
    await beside.sender.retry("acme", command_id, "alice")
    job = beside.bulk.job("ping", "{}", DEFAULT_TTL, "alice", device_ids=["pump-1", "pump-2"], target="all")
    await beside.bulk.begin("acme", job)
    await beside.bulk.begin("acme", job)
    await beside.bulk.run("acme", job)
    await beside.bulk.stop("acme", job.draft.batch_id, "bruno")
    await beside.bulk.stop("acme", job.draft.batch_id, "bruno")
    found = await rows_of(sql)
    assert [(row["event_type"], row["action"], row["actor_name"], row["message"]) for row in found] == [
        ("command_sent", "send", "alice", "alice sent reboot to pump-1"),
        ("command_cancelled", "cancel", "bruno", "bruno cancelled reboot to pump-1"),
        ("command_retried", "retry", "alice", "alice sent again reboot to pump-1"),
        ("command_batch_sent", "send", "alice", "alice sent ping to 2 devices"),
        ("command_batch_stopped", "cancel", "bruno", "bruno stopped ping to 2 devices"),
    ]
    for row in found:
        assert (row["tenant_id"], row["category"], row["severity"]) == ("acme", "device", "info")
        assert (row["source_service"], row["actor_type"]) == ("device-console", "user")
    assert (found[0]["entity_type"], found[0]["entity_id"]) == ("device", "pump-1")
    assert json.loads(found[0]["details"])["command_id"] == command_id
    assert json.loads(found[2]["details"])["retry_of"] == command_id
    assert (found[3]["entity_type"], found[3]["entity_id"]) == ("command_batch", job.draft.batch_id)


async def test_the_same_id_again_leaves_no_second_row(beside: Program, sql: asyncpg.Connection) -> None:
    draft = beside.sender.draft("pump-1", "ping", created_by="alice", command_id="mine")
    for _ in range(2):
        await beside.sender.send("acme", [draft])
    assert len(await rows_of(sql)) == 1


async def test_off_it_leaves_none(person: Database, sql: asyncpg.Connection) -> None:
    """Without the setting, whoever keeps that table for other things cannot keep the console out of it."""
    quiet = wire_program(person, tenants=("acme",), operator="alice", audit=False)
    await send(quiet)
    assert await rows_of(sql) == []


@pytest.mark.parametrize("change", AGAINST.values(), ids=AGAINST.keys())
async def test_whatever_the_table_says_against_it_the_command_is_sent_and_a_problem_says_so(
    beside: Program, person: Database, sql: asyncpg.Connection, change: str
) -> None:
    """Without the look at its own failure, a column that the platform adds one day ends every send."""
    assert await audit(person, "acme", on=True) == (
        "ok",
        "each send, bulk send, cancel and retry leaves a row in audit_log",
    )
    assert await rows_of(sql) == []
    await sql.execute(change)
    command_id = await send(beside)
    assert await sql.fetchval("SELECT count(*) FROM device_commands WHERE command_id = $1", command_id) == 1
    assert await sql.fetchval("SELECT count(*) FROM device_console.outbox") == 1
    await beside.sender.cancel("acme", command_id, "alice")
    (problem,) = await beside.history.problems("acme")
    assert (problem.kind, problem.count) == (ProblemKind.AUDIT, 2)
    assert problem.detail.startswith("audit_log took no row: ")
    level, text = await audit(person, "acme", on=True)
    assert level == "warning"
    assert "CONSOLE_AUDIT=off" in text


async def test_a_table_that_somebody_keeps_locked_holds_a_send_up_for_a_second_only(
    beside: Program, plain_platform: PlatformUrls
) -> None:
    """Without a limit of its own, a send waits for the platform's maintenance of a table that it does not need."""
    other = await asyncpg.connect(plain_platform.superuser)
    async with other.transaction():
        await other.execute("LOCK TABLE audit_log IN ACCESS EXCLUSIVE MODE")
        await asyncio.wait_for(send(beside), 20)
    await other.close()
    (problem,) = await beside.history.problems("acme")
    assert "lock timeout" in problem.detail


async def test_without_such_a_table_it_is_not_asked_again(
    beside: Program, person: Database, sql: asyncpg.Connection
) -> None:
    await sql.execute("DROP TABLE audit_log")
    await send(beside)
    await sql.execute("DROP FUNCTION device_console.audit_commands")
    await send(beside)
    assert (await audit(person, "acme", on=True))[0] == "note"


async def test_no_row_about_what_is_not_there_or_not_ones_own(
    person: Database, sql: asyncpg.Connection
) -> None:
    """Without the look at the command itself, an operator with psql writes what it likes into another's log."""
    async with person.tenant_session("acme") as connection:
        now = await connection.fetchval("SELECT now()")  # theirs was sent at the very same instant
        await sql.execute(
            "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, created_at)"
            " VALUES ('rival', 'theirs', 'pump-1', 'x', $1)", now,
        )  # fmt: skip
        await sql.execute(
            "INSERT INTO device_console.outbox (tenant_id, command_id, device_id, created_at)"
            " VALUES ('rival', 'theirs', 'pump-1', $1)", now,
        )  # fmt: skip
        for command in ("theirs", "nothing"):
            await connection.fetchval("SELECT device_console.audit_commands(ARRAY[$1], false)", command)
        await connection.fetchval("SELECT device_console.audit_batch('nothing')")
    assert await rows_of(sql) == []
    with pytest.raises(RefusedError, match="permission denied for function write_audit"):
        async with person.tenant_session("acme") as connection:
            await connection.execute(
                "SELECT device_console.write_audit('rival', 'x', 'x', 'x', 'x', 'x', '{}', 'x')"
            )


async def test_no_row_about_an_act_of_another_moment_or_another_name(
    beside: Program, person: Database, sql: asyncpg.Connection
) -> None:
    """Without the look at when, an operator with psql repeats each act of others, and cancels in their names."""
    waiting, taken_back = await send(beside), await send(beside)
    await beside.sender.cancel("acme", taken_back, "bruno")
    job = beside.bulk.job("ping", "{}", DEFAULT_TTL, "alice", device_ids=["pump-1", "pump-2"], target="all")
    await beside.bulk.begin("acme", job)
    await beside.bulk.stop("acme", job.draft.batch_id, "bruno")
    await sql.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, status)"
        " VALUES ('acme', 'swept', 'pump-1', 'x', 'expired'), ('acme', 'old', 'pump-1', 'x', 'queued');"
        "UPDATE device_commands SET created_at = now() - interval '1 hour' WHERE command_id = 'old';"
        "UPDATE device_commands SET created_at = now() + interval '1 hour' WHERE command_id <> 'old'"
    )
    before = await rows_of(sql)
    for cancelled in (False, True):
        async with person.tenant_session("acme") as connection:
            await connection.execute("UPDATE device_commands SET status = status")
            await connection.execute(
                "INSERT INTO device_console.outbox (tenant_id, command_id, device_id)"
                " VALUES ('acme', 'old', 'pump-1') ON CONFLICT DO NOTHING"
            )
            await connection.execute(
                "SELECT device_console.audit_commands($1::text[], $2)",
                [waiting, taken_back, "swept", "old"],
                cancelled,
            )
            await connection.execute("SELECT device_console.audit_batch($1)", job.draft.batch_id)
    assert await rows_of(sql) == before


async def test_a_rule_of_another_table_waits_for_the_commit(
    person: Database, sql: asyncpg.Connection
) -> None:
    """Without the choice, the platform's own deferred triggers fire before their transaction is complete."""
    await sql.execute(
        "CREATE TABLE fired (command_id text);"
        "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO public.fired VALUES (NEW.command_id); RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON device_commands DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION look()"
    )
    async with sql.transaction():
        await sql.execute("SELECT set_config('app.tenant_id', 'acme', true)")
        await sql.execute(
            "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type)"
            " VALUES ('acme', 'mine', 'pump-1', 'x')"
        )
        await sql.execute(
            "INSERT INTO device_console.outbox (tenant_id, command_id, device_id) VALUES ('acme', 'mine', 'pump-1')"
        )
        await sql.execute("SELECT device_console.audit_commands(ARRAY['mine'], false)")
        assert await sql.fetchval("SELECT count(*) FROM fired") == 0
    assert await sql.fetchval("SELECT count(*) FROM fired") == 1
    assert len(await rows_of(sql)) == 1


async def test_an_act_goes_on_where_not_even_the_problem_can_be_written(
    beside: Program, sql: asyncpg.Connection
) -> None:
    """Without a savepoint of its own, the record of the failure ends the act that was to go on."""
    await sql.execute(
        "ALTER TABLE audit_log ADD CHECK (false); ALTER TABLE device_console.problems ADD CHECK (false)"
    )
    command_id = await send(beside)
    assert await sql.fetchval("SELECT count(*) FROM device_commands WHERE command_id = $1", command_id) == 1


async def test_doctor_blames_no_table_for_a_session_that_may_write_nothing(
    person: Database, plain_platform: PlatformUrls
) -> None:
    """Without the look, a table that takes every row is called the one that takes none."""
    sign = "&" if "?" in plain_platform.person else "?"
    reader = Database(Access(f"{plain_platform.person}{sign}options=-c%20default_transaction_read_only%3Don"))
    await reader.open()
    level, text = await audit(reader, "acme", on=True)
    await reader.close()
    assert (level, text.partition(",")[0]) == ("note", "this session is read-only")


async def test_doctor_asks_nothing_where_the_audit_is_off(person: Database, sql: asyncpg.Connection) -> None:
    await sql.execute("DROP FUNCTION device_console.audit_fault")
    assert (await audit(person, "acme", on=False))[0] == "note"
