"""The outbox on a real PostgreSQL: leases, order, parking, adoption."""

import uuid
from datetime import timedelta

import asyncpg
import pytest

from console.domain.dispatch import Confirmed, Returned
from console.domain.reasons import Outcome
from console.runtime.program import Program
from console.store.outbox import OutboxStore
from console.store.pool import Database
from tests.conftest import Fleet
from tests.rows import add_command, row_of

MAX = 65_536
LEASE_S = 15.0


@pytest.fixture
def outbox(database: Database) -> OutboxStore:
    return OutboxStore(database)


async def _send(program: Program, *devices: str, tenant: str = "acme") -> list[str]:
    drafts = [program.sender.draft(device, "ping") for device in devices]
    return list((await program.sender.send(tenant, drafts)).command_ids)


async def _claim(outbox: OutboxStore, holder: uuid.UUID | None = None, limit: int = 100) -> list[str]:
    return [c.command_id for c in await outbox.claim(holder or uuid.uuid4(), limit, LEASE_S, MAX)]


async def test_two_dispatchers_never_hold_one_command(program: Program, outbox: OutboxStore) -> None:
    """Without the lease a second claim would take the same rows."""
    sent = await _send(program, "pump-1", "pump-2", "pump-3")
    first = await _claim(outbox, limit=2)
    second = await _claim(outbox)
    assert first + second == sent
    assert await _claim(outbox) == []


async def test_commands_to_one_device_go_out_in_the_order_in_which_they_were_sent(
    program: Program, outbox: OutboxStore
) -> None:
    one, two, other = await _send(program, "pump-1", "pump-1", "pump-2")
    holder = uuid.uuid4()
    assert await _claim(outbox, holder) == [one, other]
    assert await _claim(outbox) == []
    await outbox.mark(holder, [Confirmed("acme", one)])
    assert await _claim(outbox) == [two]


async def test_a_refused_command_is_not_overtaken(program: Program, outbox: OutboxStore) -> None:
    """Without the look at the other rows of its device, the second goes out alone while the first waits."""
    one, two = await _send(program, "pump-1", "pump-1")
    holder = uuid.uuid4()
    await _claim(outbox, holder)
    await outbox.release(holder, [Returned("acme", one, Outcome.REFUSED, "quota", 30.0)])
    assert await _claim(outbox) == []
    detail = await program.history.command("acme", one)
    assert detail is not None
    assert detail.command.last_error == "the broker refused it: quota"
    assert two


async def test_a_lease_that_ran_out_is_claimed_again_and_the_old_holder_cannot_mark(
    program: Program, outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    (command_id,) = await _send(program, "pump-1")
    dead = uuid.uuid4()
    await _claim(outbox, dead)
    await owner.execute("UPDATE device_console.outbox SET leased_until = now()")
    assert await _claim(outbox) == [command_id]
    assert (await outbox.mark(dead, [Confirmed("acme", command_id)])).published == 0
    assert (await row_of(owner, command_id))["published_at"] is None


async def test_the_mark_never_writes_the_status(
    program: Program, outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    """Without that, an answer that came before our PUBACK is taken back."""
    for device_id, answered in (("pump-1", False), ("pump-2", True)):
        (command_id,) = await _send(program, device_id)
        holder = uuid.uuid4()
        await _claim(outbox, holder)
        if answered:
            await owner.execute(
                "UPDATE device_commands SET status = 'delivered', published_at = now(), acked_at = now()"
                " WHERE command_id = $1", command_id,
            )  # fmt: skip
        assert (await outbox.mark(holder, [Confirmed("acme", command_id)])).published == 1
        row = await row_of(owner, command_id)
        assert row["status"] == ("delivered" if answered else "queued")
        assert row["published_at"] is not None


@pytest.mark.parametrize("device", ["a\nb", "x/y", "+", "#", "d" * 129, " pump"])
async def test_an_unroutable_row_is_parked_and_blocks_nobody(
    program: Program, outbox: OutboxStore, owner: asyncpg.Connection, device: str
) -> None:
    """Without the check in the claim, a control character in a topic drops the whole connection."""
    await add_command(owner, "acme", "hostile", device, age=timedelta(minutes=1))
    await outbox.adopt(30.0, 100)
    (sent,) = await _send(program, "pump-1")
    assert await _claim(outbox) == [sent]
    assert await outbox.adopt(30.0, 100) == 0
    (problem,) = await program.history.problems("acme")
    assert (problem.kind, problem.command_id) == ("unroutable", "hostile")
    assert (await row_of(owner, "hostile"))["status"] == "queued"


@pytest.mark.parametrize(
    ("params", "reason"), [("[1]", "not an object"), ('{"a": "' + "x" * 70_000 + '"}', "too large")]
)
async def test_params_that_cannot_be_published_are_parked(
    program: Program, outbox: OutboxStore, owner: asyncpg.Connection, fleet: Fleet, params: str, reason: str
) -> None:
    await add_command(owner, fleet.acme, "odd", params=params, age=timedelta(minutes=1))
    await outbox.adopt(30.0, 100)
    assert await _claim(outbox) == []
    (problem,) = await program.history.problems(fleet.acme)
    assert reason in problem.detail


async def test_only_foreign_rows_that_waited_long_enough_are_adopted(
    outbox: OutboxStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    await add_command(owner, fleet.acme, "young", age=timedelta(seconds=20))
    await add_command(owner, fleet.acme, "published", age=timedelta(minutes=1), published=True)
    await add_command(owner, fleet.acme, "overdue", age=timedelta(minutes=1), ttl=timedelta(seconds=-1))
    await add_command(owner, fleet.acme, "left", age=timedelta(seconds=40))
    assert await outbox.adopt(30.0, 100) == 1
    assert await _claim(outbox) == ["left"]


async def test_a_suspended_tenant_and_a_decommissioned_device_wait_with_the_reason(
    program: Program, outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    (mine,), (theirs,) = await _send(program, "pump-1"), await _send(program, "pump-1", tenant="rival")
    await owner.execute("UPDATE device_registry SET decommissioned_at = now() WHERE tenant_id = 'acme'")
    await owner.execute("UPDATE tenants SET status = 'SUSPENDED' WHERE tenant_id = 'rival'")
    assert await _claim(outbox) == []
    errors = {
        r["command_id"]: (r["blocked_by"], r["last_error"])
        for r in await owner.fetch("SELECT * FROM device_console.outbox")
    }
    assert errors == {
        mine: ("device", None),
        theirs: ("tenant", "suspended"),
    }


async def test_how_an_attempt_ended_outlives_what_blocks_the_next(
    program: Program, outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    """Without a column of its own, "the device may have it" is written over by "the tenant is suspended"."""
    (one,) = await _send(program, "pump-1")
    holder = uuid.uuid4()
    await _claim(outbox, holder)
    await outbox.release(holder, [Returned("acme", one, Outcome.UNKNOWN, "no PUBACK", 0.0)])
    await owner.execute("UPDATE tenants SET status = 'SUSPENDED'")
    assert await _claim(outbox) == []
    row = await owner.fetchrow("SELECT outcome, blocked_by, last_error FROM device_console.outbox")
    assert tuple(row) == ("unknown", "tenant", "suspended")
    await owner.execute(
        "UPDATE tenants SET status = 'ACTIVE'; UPDATE device_console.outbox SET due_at = now()"
    )
    assert await _claim(outbox) == [one]
    row = await owner.fetchrow("SELECT outcome, blocked_by, last_error FROM device_console.outbox")
    assert tuple(row) == ("unknown", None, None)


@pytest.mark.parametrize(
    "words", ["outcome = 'the outcome is unknown'", "outcome = 'confirmed'", "blocked_by = 'blocked: x'"]
)
async def test_the_outbox_takes_no_other_words(
    program: Program, owner: asyncpg.Connection, words: str
) -> None:
    """Without the check, a row holds a word that nobody understands."""
    await _send(program, "pump-1")
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute(f"UPDATE device_console.outbox SET {words}")


async def test_less_than_a_second_of_ttl_is_never_claimed(
    outbox: OutboxStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the look at the deadline in the claim, what is nearly over goes out too late."""
    await add_command(owner, fleet.acme, "soon", age=timedelta(minutes=1), ttl=timedelta(seconds=5))
    await outbox.adopt(30.0, 100)
    await owner.execute("UPDATE device_commands SET expires_at = now() + interval '0.9 seconds'")
    assert await _claim(outbox) == []


async def test_params_leave_as_the_databases_own_text(
    outbox: OutboxStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    await add_command(
        owner, fleet.acme, "exact", age=timedelta(minutes=1), params='{"a": 1.10, "b": 12345678901234567890}'
    )
    await outbox.adopt(30.0, 100)
    (claimed,) = await outbox.claim(uuid.uuid4(), 1, LEASE_S, MAX)
    assert claimed.params_json == '{"a": 1.10, "b": 12345678901234567890}'
