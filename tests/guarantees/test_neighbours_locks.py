"""An open transaction of one tenant's operator holds up nobody else: psql, BEGIN, and home for the weekend."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from console.clock import SystemClock
from console.domain.acks import RawAck
from console.domain.dispatch import Confirmed
from console.runtime.program import Program
from console.services.acknowledger import Acknowledger
from console.services.held_commands import HeldCommands
from console.services.kept_answers import KeptAnswers
from console.store.access import Access
from console.store.outbox import OutboxStore
from console.store.pool import Database
from console.store.settlement import BEGINNING, SettlementStore
from tests.conftest import Fleet
from tests.guarantees.test_neighbours import rival_is_served
from tests.hostile_rows import sql_client
from tests.rows import add_command, row_of
from tests.waiting import until

HELD = {
    "commands that wait": "UPDATE device_commands SET status = status",
    "an insert into the outbox": (
        "INSERT INTO device_console.outbox (tenant_id, command_id, device_id) VALUES ('acme', 'foreign', 'pump-1')"
    ),
    "what is taken out of the outbox": "SELECT device_console.take_back(array_agg(command_id)) FROM device_commands",
    "all of it, and its batches": (
        "UPDATE device_commands SET status = status; UPDATE device_console.batches SET stopped_at = now();"
        "SELECT device_console.take_back(array_agg(command_id)) FROM device_commands"
    ),
}


@pytest.fixture
async def psql(
    access: Access, program: Program, owner: asyncpg.Connection
) -> AsyncIterator[asyncpg.Connection]:
    """An operator of acme, in a transaction; commands of every kind are there for it to hold."""
    await program.sender.send("acme", [program.sender.draft(f"pump-{n}", "ping") for n in (1, 2, 3)])
    for n in range(5):
        await add_command(owner, "acme", f"overdue{n}", "pump-4", ttl=timedelta(seconds=-5))
    await add_command(owner, "acme", "foreign", "pump-5", age=timedelta(minutes=1))
    async with sql_client(access, "acme") as connection:
        undo = connection.transaction()
        await undo.start()
        yield connection
        await undo.rollback()


@pytest.mark.parametrize("statement", HELD.values(), ids=HELD.keys())
async def test_what_an_operator_has_locked_is_its_own_trouble(
    program: Program, database: Database, owner: asyncpg.Connection, psql: asyncpg.Connection, statement: str
) -> None:
    """Without SKIP LOCKED and limits, claim, mark and sweep of everybody wait for one forgotten transaction."""
    await psql.execute(statement)
    await rival_is_served(program, database, owner, rounds=1)


@pytest.mark.parametrize("table", ["device_commands", "device_console.outbox", "device_console.journal"])
async def test_an_operator_cannot_lock_a_table_against_the_workers(
    psql: asyncpg.Connection, table: str
) -> None:
    """Without its lack of DELETE on whole tables, an operator locks the outbox of all tenants."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await psql.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")


def taker(settlement: SettlementStore) -> KeptAnswers:
    return KeptAnswers(settlement, lambda _tenant: None)


class Messages:
    """Some messages, once; afterwards nothing."""

    def __init__(self, *messages: tuple[str, str]) -> None:
        self.waiting = tuple(
            RawAck(
                f"tenant/{tenant}/device/pump-1/commands/ack".encode(),
                b'{"command_id": "%s"}' % command.encode(),
                n,
                1,
            )
            for n, (tenant, command) in enumerate(messages)
        )
        self.acknowledged: list[int] = []

    async def batch(self, _limit: int) -> tuple[RawAck, ...]:
        return self.waiting

    async def acknowledge(self, messages: Sequence[RawAck]) -> None:
        self.acknowledged += [message.mid for message in messages]


async def test_answers_of_others_go_on_and_none_is_lost(
    database: Database, owner: asyncpg.Connection, access: Access, fleet: Fleet
) -> None:
    """Without keeping them, every answer of every tenant waits behind one that cannot be written."""
    settlement = SettlementStore(database)
    await add_command(owner, fleet.acme, "held", ttl=timedelta(seconds=-1), published=True)
    await add_command(owner, fleet.rival, "free")
    stream = Messages((fleet.acme, "held"), (fleet.rival, "free"), (fleet.acme, "held"))
    async with sql_client(access, fleet.acme) as psql, psql.transaction():
        await psql.execute("UPDATE device_commands SET status = status")
        async with asyncio.timeout(20):
            await Acknowledger(stream, settlement, lambda _tenant: None, SystemClock()).run_once()
        assert stream.acknowledged == [0, 1, 2]
        assert (await row_of(owner, "free"))["status"] == "delivered"
        assert await taker(settlement).run_once() == 0  # not while it is locked
    assert (await settlement.sweep(BEGINNING, 100)).missed == 0  # it has been answered
    assert await taker(settlement).run_once() == 2
    assert (await row_of(owner, "held"))["status"] == "delivered"
    assert await owner.fetchval("SELECT count(*) FROM device_console.kept_answers") == 0
    kinds = await owner.fetch("SELECT DISTINCT kind FROM device_console.problems")
    assert {row["kind"] for row in kinds} == {"late ack", "duplicate ack"}


async def test_a_kept_answer_whose_command_is_locked_again_waits_again(
    database: Database, owner: asyncpg.Connection, access: Access, fleet: Fleet
) -> None:
    """Without taking it under the lock that found it free, it is kept once more, for ever."""
    settlement = SettlementStore(database)
    await add_command(owner, fleet.acme, "held", published=True)
    stream = Messages((fleet.acme, "held"))
    for _ in range(2):
        async with sql_client(access, fleet.acme) as psql, psql.transaction():
            await psql.execute("UPDATE device_commands SET status = status")
            await Acknowledger(stream, settlement, lambda _tenant: None, SystemClock()).run_once()
            assert await taker(settlement).run_once() == 0
    assert await owner.fetchval("SELECT count(*) FROM device_console.kept_answers") == 2
    taken = await asyncio.gather(taker(settlement).run_once(), taker(settlement).run_once())
    assert sum(taken) == 2  # each by one of them
    assert (await row_of(owner, "held"))["status"] == "delivered"
    found = await owner.fetch("SELECT kind, count FROM device_console.problems")
    assert [tuple(row) for row in found] == [("duplicate ack", 1)]


async def test_no_answer_overtakes_one_that_is_kept(
    database: Database, owner: asyncpg.Connection, access: Access, fleet: Fleet
) -> None:
    """Without the look at what is kept, the second answer counts and the first is the conflict."""
    settlement = SettlementStore(database)
    await add_command(owner, fleet.acme, "held", published=True)
    first, second = Messages((fleet.acme, "held")), Messages((fleet.acme, "held"))
    first.waiting = (replace(first.waiting[0], payload=b'{"command_id": "held", "status": "error"}'),)
    async with sql_client(access, fleet.acme) as psql, psql.transaction():
        await psql.execute("UPDATE device_commands SET status = status")
        await Acknowledger(first, settlement, lambda _tenant: None, SystemClock()).run_once()
    await Acknowledger(second, settlement, lambda _tenant: None, SystemClock()).run_once()
    assert (await row_of(owner, "held"))["status"] == "queued"
    assert await taker(settlement).run_once() == 2
    assert json.loads((await row_of(owner, "held"))["ack_details"])["status"] == "error"


async def test_a_lock_that_no_command_has_is_waited_for(
    database: Database, owner: asyncpg.Connection, fleet: Fleet, database_url: str
) -> None:
    """Without the pause, a table that its owner has locked is asked for again and again until the program ends."""
    settlement = SettlementStore(database)
    await add_command(owner, fleet.acme, "c1", published=True)
    stream = Messages((fleet.acme, "c1"))
    other = await asyncpg.connect(database_url)
    async with other.transaction():
        await other.execute("LOCK TABLE device_commands IN SHARE MODE")  # as CREATE INDEX does
        acknowledger = Acknowledger(stream, settlement, lambda _tenant: None, SystemClock())
        taking = asyncio.create_task(acknowledger.run_once())
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'device_commands'::regclass"

        async def waits_for_the_table() -> bool:
            return bool(await owner.fetchval(waits))

        await until(waits_for_the_table)

        async def gave_up() -> bool:
            return not await owner.fetchval(waits)

        await until(gave_up)
        assert not taking.done()
    await taking
    await other.close()
    assert (await row_of(owner, "c1"))["status"] == "delivered"


async def test_a_confirmation_that_cannot_be_written_is_written_later(
    program: Program, database: Database, owner: asyncpg.Connection, access: Access
) -> None:
    """Without trying again, a command whose row was locked at that moment is sent a second time."""

    (sent,) = (await program.sender.send("acme", [program.sender.draft("pump-1", "ping")])).command_ids
    held = HeldCommands(OutboxStore(database), SystemClock(), 60.0, 1.0)
    assert [c.command_id for c in await held.claim(10, 65_536, 1)] == [sent]
    async with sql_client(access, "acme") as psql, psql.transaction():
        await psql.execute("UPDATE device_commands SET status = status")
        assert await held.mark([Confirmed("acme", sent)]) == 0
    assert await held.mark_again() == 1
    assert (await row_of(owner, sent))["published_at"] is not None
