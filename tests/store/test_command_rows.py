"""One reading of a command: how often it was tried, and that it pins no column of the table."""

import uuid
from datetime import timedelta

import asyncpg
import pytest

from console.domain.acks import Acknowledgement, LateAck
from console.domain.commands import Phase
from console.domain.dispatch import Confirmed, Returned
from console.domain.reasons import Outcome
from console.runtime.program import Program
from console.runtime.wiring import wire_program
from console.store.access import Access
from console.store.outbox import OutboxStore
from console.store.pool import Database
from console.store.settlement import BEGINNING, SettlementStore
from tests.conftest import Fleet
from tests.rows import add_command


@pytest.mark.parametrize("refused", [0, 1, 3])
@pytest.mark.parametrize("end", ["confirmed", "no subscriber", "overdue", "cancelled"])
async def test_attempts_are_counted_also_after_the_outbox_row_is_gone(
    program: Program, database: Database, owner: asyncpg.Connection, refused: int, end: str
) -> None:
    """Only the outbox counts them, and a publication, a sweep and a cancel take its row away."""
    outbox, holder = OutboxStore(database), uuid.uuid4()
    (command_id,) = (await program.sender.send("acme", [program.sender.draft("pump-1", "ping")])).command_ids
    for _ in range(refused):
        assert await outbox.claim(holder, 10, 30.0, 65_536)
        await outbox.release(holder, [Returned("acme", command_id, Outcome.REFUSED, "quota", 0.0)])
    if end == "cancelled":
        await program.sender.cancel("acme", command_id, "alice")
    elif end == "overdue":
        await owner.execute("UPDATE device_commands SET expires_at = now() - interval '1 second'")
        await SettlementStore(database).sweep(BEGINNING, 100)
    else:
        assert await outbox.claim(holder, 10, 30.0, 65_536)
        await outbox.mark(holder, [Confirmed("acme", command_id, end == "no subscriber")])
    assert await owner.fetchval("SELECT count(*) FROM device_console.outbox") == 0
    detail = await program.history.command("acme", command_id)
    (listed,) = (await program.history.commands("acme")).commands
    assert detail is not None
    wanted = refused + (end in {"confirmed", "no subscriber"})
    assert (detail.command.attempts, listed.attempts) == (wanted, wanted)


async def test_what_another_program_published_was_tried_at_least_once(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    await add_command(owner, fleet.acme, "c1", published=True)
    await add_command(owner, fleet.acme, "c2")
    commands = (await program.history.commands(fleet.acme)).commands
    assert {c.command_id: c.attempts for c in commands} == {"c1": 1, "c2": 0}


@pytest.mark.parametrize("column", ["device_id", "command_type", "created_by", "command_id", "status"])
async def test_the_owner_of_the_table_may_change_the_type_of_a_column(
    owner: asyncpg.Connection, access: Access, fleet: Fleet, column: str
) -> None:
    """A view that uses a column forbids it, and a function that returns one as another type fails afterwards."""
    await owner.execute(f"ALTER TABLE device_commands ALTER COLUMN {column} TYPE varchar(300)")
    await add_command(owner, fleet.acme, "found", ttl=timedelta(minutes=5), age=timedelta(minutes=4))
    database = Database(access)
    await database.open()
    program = wire_program(database, tenants=(fleet.acme,), operator="alice")
    outbox, settlement, holder = OutboxStore(database), SettlementStore(database), uuid.uuid4()
    try:
        for device in ("pump-2", "pump-3"):
            await program.sender.send(fleet.acme, [program.sender.draft(device, "ping")])
        assert await outbox.adopt(30.0, 10) == 1
        claimed = {c.device_id: c.command_id for c in await outbox.claim(holder, 10, 30.0, 65_536)}
        assert set(claimed) == {"pump-1", "pump-2", "pump-3"}
        await outbox.mark(holder, [Confirmed(fleet.acme, claimed["pump-2"])])
        await outbox.release(holder, [Returned(fleet.acme, claimed["pump-3"], Outcome.REFUSED, "quota", 0.0)])
        message = Acknowledgement(
            fleet.acme, "pump-2", claimed["pump-2"], '{"status": "ok", "details": null}'
        )
        assert [o.value for o in await settlement.acknowledge([message], [], LateAck.ACCEPT)] == ["acked"]
        await program.sender.cancel(fleet.acme, claimed["pump-3"], "alice")
        await owner.execute("UPDATE device_commands SET expires_at = created_at WHERE device_id = 'pump-1'")
        await owner.execute("UPDATE device_console.outbox SET leased_until = now() WHERE holder IS NOT NULL")
        assert (await settlement.sweep(BEGINNING, 100)).expired == 1
        page = await program.history.commands(fleet.acme)
        assert {c.device_id: c.phase for c in page.commands} == {
            "pump-1": Phase.EXPIRED, "pump-2": Phase.OK, "pump-3": Phase.CANCELLED,
        }  # fmt: skip
    finally:
        await database.close()
