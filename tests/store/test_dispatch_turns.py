"""Whose turn it is: what is answered, settled or published blocks nobody, and tenants take turns."""

import uuid
from datetime import timedelta

import asyncpg
import pytest

from console.domain.dispatch import Confirmed
from console.runtime.program import Program
from console.store.outbox import OutboxStore
from console.store.pool import Database
from console.store.settlement import BEGINNING, SettlementStore
from tests.conftest import Fleet
from tests.rows import add_command, row_of

LEASE_S, MAX = 15.0, 65_536


@pytest.fixture
def outbox(database: Database) -> OutboxStore:
    return OutboxStore(database)


async def _claim(outbox: OutboxStore, limit: int = 100, holder: uuid.UUID | None = None) -> list[str]:
    return [c.command_id for c in await outbox.claim(holder or uuid.uuid4(), limit, LEASE_S, MAX)]


async def _send(program: Program, *devices: str, tenant: str = "acme") -> list[str]:
    drafts = [program.sender.draft(device, "ping") for device in devices]
    return list((await program.sender.send(tenant, drafts)).command_ids)


LEFT_BEHIND = {
    "answered": "status = 'delivered', acked_at = now(), published_at = now()",
    "answered, and written back": "acked_at = now(), published_at = now()",
    "published by its writer": "published_at = now()",
    "missed": "status = 'missed', published_at = now()",
    "overdue": "expires_at = now() - interval '1 s'",
}


@pytest.mark.parametrize("change", LEFT_BEHIND.values(), ids=LEFT_BEHIND.keys())
@pytest.mark.parametrize("leased", [True, False])
async def test_what_is_done_with_blocks_nobody_whoever_left_its_outbox_row_behind(
    program: Program, outbox: OutboxStore, owner: asyncpg.Connection, change: str, leased: bool
) -> None:
    """Without the look at the command of an earlier row, its lease holds up the next one to its end."""
    done, following = await _send(program, "pump-1", "pump-1")
    if leased:
        assert await _claim(outbox) == [done]
    await owner.execute(f"UPDATE device_commands SET {change} WHERE command_id = $1", done)
    assert await _claim(outbox) == [following]


async def test_what_waits_for_an_earlier_one_is_not_due(program: Program, outbox: OutboxStore) -> None:
    """Without that, the dispatcher turns without a pause as long as somebody else's lease lasts."""
    await _send(program, "pump-1", "pump-1")
    assert len(await _claim(outbox)) == 1
    due = await outbox.next_due()
    assert due is not None
    assert 5.0 < due <= LEASE_S


async def test_an_answered_command_is_never_published_nor_taken_over(
    program: Program, outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    """Without the look at acked_at, what another program wrote back after the answer goes out again."""
    (sent,) = await _send(program, "pump-1")
    await add_command(owner, "acme", "theirs", "pump-2", age=timedelta(minutes=1))
    await owner.execute("UPDATE device_commands SET acked_at = now(), ack_details = '{}'")
    assert (
        await owner.fetchval("SELECT device_console.adopt('30 s', 100)") == 0
    )  # alone: before it, they are healed
    assert await _claim(outbox) == []
    assert await owner.fetchval("SELECT count(*) FROM device_console.outbox") == 0
    assert sent


async def test_the_sweep_heals_what_was_answered_and_counts_it_apart(
    database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the look at acked_at, the sweep writes missed over an answer."""
    for command_id, published in (("a", True), ("b", False), ("c", True)):
        await add_command(owner, fleet.acme, command_id, ttl=timedelta(seconds=-1), published=published)
    await owner.execute(
        "UPDATE device_commands SET acked_at = now() - interval '2 s', ack_details = '{\"status\": \"ok\"}'"
        " WHERE command_id <> 'c'"
    )
    swept = await SettlementStore(database).sweep(BEGINNING, 100)
    assert (swept.missed, swept.expired, swept.healed) == (1, 0, 2)
    assert [(await row_of(owner, c))["status"] for c in "abc"] == ["delivered", "delivered", "missed"]
    healed = await row_of(owner, "b")
    assert healed["published_at"] == healed["acked_at"]


async def test_each_tenant_has_its_share_of_a_window(program: Program, outbox: OutboxStore) -> None:
    """Without turns, whoever was there first has all of it."""
    mine = await _send(program, *(f"pump-{n}" for n in range(1, 6)))
    theirs = await _send(program, *(f"pump-{n}" for n in range(1, 4)), tenant="rival")
    assert await _claim(outbox, 4) == [mine[0], theirs[0], mine[1], theirs[1]]


async def test_the_turns_begin_behind_the_tenant_that_was_last(program: Program, outbox: OutboxStore) -> None:
    """Without that, a claim of one command serves the first tenant for as long as it has any."""
    mine = await _send(program, "pump-1", "pump-2")
    theirs = await _send(program, "pump-1", "pump-2", tenant="rival")
    after, got = "", []
    for _ in range(4):
        (claimed,) = await outbox.claim(uuid.uuid4(), 1, LEASE_S, MAX, after=after)
        after = claimed.tenant_id
        got.append(claimed.command_id)
    assert got == [mine[0], theirs[0], mine[1], theirs[1]]


async def test_a_long_queue_of_one_device_hides_no_other_and_goes_on_at_once(
    program: Program, outbox: OutboxStore, owner: asyncpg.Connection
) -> None:
    """Without putting off what waits, a full window of one device's commands hides all others of its tenant."""
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type)"
        " SELECT 'acme', 'q' || lpad(n::text, 4, '0'), 'pump-1', 'ping' FROM generate_series(0, 199) n;"
        "INSERT INTO device_console.outbox (tenant_id, command_id, device_id)"
        " SELECT tenant_id, command_id, device_id FROM device_commands ORDER BY command_id"
    )
    (other,) = await _send(program, "pump-2")
    found: list[str] = []
    holder = uuid.uuid4()
    for _ in range(40):
        found += await _claim(outbox, 2, holder)
        if other in found:
            break
    assert found == ["q0000", other]
    for number in range(1, 5):  # each at once, though it had been put off
        await outbox.mark(holder, [Confirmed("acme", f"q{number - 1:04}")])
        assert await _claim(outbox, 2, holder) == [f"q{number:04}"]


@pytest.mark.parametrize(
    ("age_s", "left_s", "taken"),
    [(12, 21, 1), (7, 26, 0), (6, 9, 1), (3, 6, 0), (20, 3600, 0), (31, 3600, 1), (31, 31, 1)],
)
async def test_a_row_of_another_program_is_taken_over_at_a_third_of_its_time(
    outbox: OutboxStore, owner: asyncpg.Connection, fleet: Fleet, age_s: float, left_s: float, taken: int
) -> None:
    """Without the third, a command with half a minute to live is taken over when it is over."""
    await add_command(
        owner, fleet.acme, "theirs", age=timedelta(seconds=age_s), ttl=timedelta(seconds=left_s)
    )
    assert await outbox.adopt(30.0, 100) == taken


async def test_taking_over_has_a_share_for_each_tenant(
    outbox: OutboxStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without shares, a thousand rows of one tenant come before another's."""
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, created_at)"
        " SELECT 'acme', 'c' || n, 'pump-1', 'ping', now() - interval '1 hour' FROM generate_series(1, 500) n"
    )
    await add_command(owner, fleet.rival, "theirs", age=timedelta(minutes=1))
    await outbox.adopt(30.0, 100)
    taken = await owner.fetch("SELECT tenant_id, count(*) FROM device_console.outbox GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in taken] == [("acme", 50), ("rival", 1)]
