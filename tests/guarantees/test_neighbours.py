"""No value in one tenant's rows stops another tenant's commands: every column, as an operator and as another program."""

import time
import uuid
from datetime import timedelta

import asyncpg
import pytest

from console.clock import SystemClock
from console.domain.acks import Acknowledgement, LateAck, Outcome
from console.domain.dispatch import Confirmed
from console.runtime.program import Program
from console.services.sweeper import Sweeper
from console.store.access import Access
from console.store.outbox import OutboxStore
from console.store.pool import Database
from console.store.settlement import BEGINNING, SettlementStore
from tests.conftest import Fleet
from tests.hostile_rows import OURS, columns_of, sql_client, statements, write_all
from tests.rows import add_command, row_of
from tests.waiting import LONG_S

LEASE_S, MAX, WINDOW = 15.0, 65_536, 64
OK = '{"status":"ok","details":null}'


async def add_plain(connection: asyncpg.Connection) -> None:
    """Commands that the hostile rows can belong to."""
    await connection.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type)"
        " SELECT 'acme', h || n, 'pump-1', 'ping' FROM generate_series(1, 100) n,"
        " unnest(ARRAY['houtbox', 'hournal', 'hatches', 'hembers', 'hargets', 'hmmands', 'hoblems']) h"
    )


async def rival_is_served(
    program: Program, database: Database, owner: asyncpg.Connection, *, rounds: int = 3
) -> None:
    """A command of the rival is taken over, claimed, marked, answered and swept, each in the first batch."""
    outbox, settlement, holder = OutboxStore(database), SettlementStore(database), uuid.uuid4()
    for number in range(rounds):
        began = time.monotonic()
        left, over = f"left{number}", f"over{number}"
        await add_command(owner, "rival", left, "pump-2", age=timedelta(minutes=1))
        await add_command(owner, "rival", over, "pump-3", ttl=timedelta(seconds=-1), published=True)
        ours = (await program.sender.send("rival", [program.sender.draft("pump-1", "ping")])).command_ids[0]
        await outbox.adopt(30.0, 1_000)
        claimed = await outbox.claim(holder, WINDOW, LEASE_S, MAX)
        theirs = [c for c in claimed if c.tenant_id == "rival"]
        assert {c.command_id for c in theirs} == {ours, left}
        marked = await outbox.mark(holder, [Confirmed(c.tenant_id, c.command_id) for c in claimed])
        assert not {c.command_id for c in marked.locked} & {ours, left}
        acks = [Acknowledgement(c.tenant_id, c.device_id, c.command_id, OK) for c in claimed]
        kept = await settlement.keep_locked(acks)
        acks = [ack for place, ack in enumerate(acks) if place not in kept]
        outcomes = await settlement.acknowledge(acks, [], LateAck.ACCEPT)
        message = {ack.command_id: outcome for ack, outcome in zip(acks, outcomes, strict=True)}
        assert (message[ours], message[left]) == (Outcome.ACKED, Outcome.ACKED)
        await outbox.next_due()
        await Sweeper(settlement, BEGINNING, lambda _sweep: None, SystemClock()).run_once()
        assert (await row_of(owner, over))["status"] == "missed"
        assert time.monotonic() - began < LONG_S  # two seconds on a machine that does nothing else


@pytest.mark.slow
@pytest.mark.parametrize("table", [*OURS, "public.device_commands"])
async def test_nothing_that_an_operator_writes_stops_a_neighbour(
    program: Program, database: Database, access: Access, owner: asyncpg.Connection, fleet: Fleet, table: str
) -> None:
    """Without rights by the column and rules for each, one attempt of 2147483647 ends every claim."""
    columns = await columns_of(owner, table)
    async with sql_client(access, fleet.acme) as operator:
        await add_plain(operator)
        await write_all(operator, statements(table, columns, 2))
    await rival_is_served(program, database, owner)


@pytest.mark.slow
@pytest.mark.parametrize("table", OURS)
async def test_nor_what_was_in_them_before_the_rules(
    program: Program, database: Database, owner: asyncpg.Connection, table: str
) -> None:
    """Without the rules of the tables and guards in the statements, what was written before there were rights stops everybody."""
    await add_plain(owner)
    await write_all(owner, statements(table, await columns_of(owner, table), 3))
    await rival_is_served(program, database, owner)


@pytest.mark.slow
async def test_nothing_that_another_program_writes_stops_a_neighbour(
    program: Program, database: Database, owner: asyncpg.Connection
) -> None:
    """Without a bound before anything becomes text, and a look at each row by itself, one row ends every worker."""
    columns = await columns_of(owner, "public.device_commands")
    assert await write_all(owner, statements("public.device_commands", columns, 4)) > 80
    await rival_is_served(program, database, owner, rounds=6)
    named = await owner.fetch("SELECT DISTINCT tenant_id FROM device_console.problems")
    assert [row["tenant_id"] for row in named] == ["acme"]


async def test_a_trigger_that_raises_for_one_row_is_that_rows_own_trouble(
    program: Program, database: Database, owner: asyncpg.Connection
) -> None:
    """Without the halving, whatever the platform's trigger refuses stops the sweep of everybody."""
    await owner.execute(
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'not this one'; END $$;"
        "CREATE TRIGGER refuse BEFORE UPDATE ON device_commands FOR EACH ROW"
        " WHEN (OLD.command_id = 'bad7') EXECUTE FUNCTION public.refuse()"
    )
    for number in range(20):
        await add_command(owner, "acme", f"bad{number}", ttl=timedelta(seconds=-5))
    await rival_is_served(program, database, owner, rounds=1)
    left = await owner.fetch(
        "SELECT command_id FROM device_commands WHERE tenant_id = 'acme' AND status = 'queued'"
    )
    assert [row["command_id"] for row in left] == ["bad7"]
    (problem,) = await program.history.problems("acme")
    assert (problem.command_id, problem.detail) == ("bad7", "it cannot be settled: not this one")


async def test_a_row_that_breaks_the_claim_is_put_off_and_named(
    program: Program, database: Database, owner: asyncpg.Connection
) -> None:
    """Without the claim of each by itself, a row that no statement can handle stops everybody's dispatch."""
    await owner.execute(
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.holder IS NOT NULL THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$;"
        "CREATE TRIGGER refuse BEFORE UPDATE ON device_console.outbox FOR EACH ROW"
        " WHEN (OLD.tenant_id = 'acme') EXECUTE FUNCTION public.refuse()"
    )
    ours = (await program.sender.send("acme", [program.sender.draft("pump-1", "ping")])).command_ids[0]
    await rival_is_served(program, database, owner, rounds=1)
    (problem,) = await program.history.problems("acme")
    assert (problem.command_id, problem.detail) == (ours, "it cannot be handled: not this one")
