"""A send ends at the commit: rows, ids, refusals, retry and cancel on a real PostgreSQL."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypedDict, Unpack

import asyncpg
import pytest

from console.domain.commands import Draft, Phase
from console.domain.dispatch import Confirmed, Returned
from console.domain.explain import explain
from console.domain.history import TypicalLatency
from console.domain.reasons import Outcome
from console.domain.targets import Inserted
from console.errors import ConflictError, DatabaseUnreachableError, InvalidInputError, NotFoundError
from console.runtime.program import Program
from console.runtime.wiring import wire_program
from console.services.sender import Sender
from console.store.access import Access
from console.store.commands import CommandStore
from console.store.outbox import OutboxStore
from console.store.pool import Database
from tests.addresses import as_login
from tests.conftest import Fleet
from tests.rows import row_of, status_of

MAX = 65_536


class Fields(TypedDict, total=False):
    """What a test gives a draft in place of what `_send` has."""

    command_id: str
    device_id: str
    command_type: str
    params_json: str
    ttl: timedelta


async def _send(program: Program, device: str = "pump-1", **fields: Unpack[Fields]) -> str:
    draft = program.sender.draft(device, "reboot", '{"delay_s": 5}', created_by="alice")
    receipt = await program.sender.send("acme", [replace(draft, **fields)])
    return receipt.command_ids[0]


async def test_a_send_commits_the_row_as_queued_with_its_outbox_row(
    program: Program, owner: asyncpg.Connection
) -> None:
    command_id = await _send(program, ttl=timedelta(minutes=10))
    row = await row_of(owner, command_id)
    assert (row["status"], row["device_id"], row["created_by"]) == ("queued", "pump-1", "alice")
    assert row["published_at"] is None
    assert row["expires_at"] - row["created_at"] == timedelta(minutes=10)
    assert (
        await owner.fetchval("SELECT count(*) FROM device_console.outbox WHERE command_id = $1", command_id)
        == 1
    )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"device_id": "a/b"}, "The device id 'a/b' cannot be used: it contains '/'"),
        ({"device_id": "a\nb"}, "control character U\\+000A"),
        ({"command_id": "#"}, "The command id '#' cannot be used"),
        ({"command_type": ""}, "The command type is empty"),
        ({"command_type": "x" * 101}, "has 101 characters, at most 100"),
        ({"params_json": "[1]"}, "must be a JSON object"),
        ({"params_json": '{"a": }'}, "not JSON: Expecting value at line 1, column 7"),
        ({"params_json": '{"a": NaN}'}, "hold NaN"),
        ({"params_json": '{"a": "\\u0000"}'}, "hold a NUL"),
        ({"params_json": '{"a": "' + "x" * 70_000 + '"}'}, "at most 65,536"),
        ({"ttl": timedelta(seconds=4)}, "A TTL of 4 seconds is out of range"),
        ({"ttl": timedelta(days=8)}, "5 seconds to 7 days"),
    ],
)
async def test_bad_input_is_refused_with_a_sentence_and_nothing_is_written(
    program: Program, owner: asyncpg.Connection, fields: Fields, sentence: str
) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        await _send(program, **fields)
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 0


async def test_an_unknown_device_is_named(program: Program) -> None:
    with pytest.raises(NotFoundError, match="'pump-99' is not registered"):
        await _send(program, "pump-99")


async def test_nothing_is_sent_to_any_of_several_devices_if_one_can_take_none(
    program: Program, owner: asyncpg.Connection
) -> None:
    """Without the look at all of them, half of what the operator sent is on its way beside an error."""
    sender = program.sender
    for other in ("pump-99", "pump-2"):
        await owner.execute(
            "UPDATE device_registry SET decommissioned_at = now() WHERE device_id = $1", other
        )
        with pytest.raises((NotFoundError, InvalidInputError), match=other):
            await sender.send("acme", [sender.draft(device, "ping") for device in ("pump-1", other)])
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 0
    receipt = await sender.send("acme", [sender.draft(device, "ping") for device in ("pump-3", "pump-1")])
    rows = await owner.fetch("SELECT device_id FROM device_commands ORDER BY array_position($1, command_id)",
                             list(receipt.command_ids))  # fmt: skip
    assert [row["device_id"] for row in rows] == ["pump-3", "pump-1"]


@pytest.mark.parametrize("tenant", ["ACTIVE", "SUSPENDED", None])
@pytest.mark.parametrize("decommissioned", ["- interval '1 day'", "+ interval '1 day'", None])
@pytest.mark.parametrize("registered", [True, False])
async def test_what_is_written_is_what_has_no_fault(
    program: Program,
    owner: asyncpg.Connection,
    *,
    registered: bool,
    decommissioned: str | None,
    tenant: str | None,
) -> None:
    """Without one rule in both places, a send is refused in words and written all the same."""
    if not registered:
        await owner.execute("DELETE FROM device_registry")
    if decommissioned:
        await owner.execute(f"UPDATE device_registry SET decommissioned_at = now() {decommissioned}")
    await owner.execute("UPDATE tenants SET status = $1", tenant or "ACTIVE")
    name = "acme" if tenant else "nobody"
    try:
        await program.sender.send(name, [program.sender.draft("pump-1", "ping")])
        is_sent = True
    except (NotFoundError, InvalidInputError):
        is_sent = False
    assert is_sent is (tenant == "ACTIVE" and registered and decommissioned != "- interval '1 day'")
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == is_sent


async def test_a_login_that_does_not_inherit_sends_after_set_role(
    access: Access, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the tenant session behind it, whoever has the operator's rights only after SET ROLE can send nothing."""
    await owner.execute(
        "DO $$ BEGIN CREATE ROLE reserved LOGIN NOINHERIT; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
        "GRANT pulse_app TO reserved"
    )
    database = Database(Access(as_login(access.url, "reserved")))
    await database.open()
    sender = wire_program(database, tenants=("acme",), operator="alice").sender
    for _ in range(2):
        await sender.send(fleet.acme, [sender.draft("pump-1", "ping")])
    await database.close()
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 2


async def test_a_decommissioned_device_is_refused_and_a_future_date_is_not_yet(
    program: Program, owner: asyncpg.Connection
) -> None:
    await owner.execute("UPDATE device_registry SET decommissioned_at = now() + interval '1 day'")
    assert await _send(program)
    await owner.execute("UPDATE device_registry SET decommissioned_at = now() - interval '1 day'")
    with pytest.raises(InvalidInputError, match="'pump-1' is decommissioned"):
        await _send(program)


async def test_a_suspended_tenant_is_refused(program: Program, owner: asyncpg.Connection) -> None:
    await owner.execute("UPDATE tenants SET status = 'SUSPENDED'")
    with pytest.raises(InvalidInputError, match="tenant is SUSPENDED"):
        await _send(program)


async def test_an_inactive_device_is_sent_to_with_a_warning(
    program: Program, owner: asyncpg.Connection
) -> None:
    await owner.execute("UPDATE device_registry SET status = 'INACTIVE'")
    receipt = await program.sender.send("acme", [program.sender.draft("pump-1", "ping")])
    assert receipt.warnings == ("pump-1 is INACTIVE in the registry.",)


async def test_the_same_id_with_the_same_content_is_the_same_command(
    program: Program, owner: asyncpg.Connection
) -> None:
    await _send(program, command_id="mine")
    draft = replace(program.sender.draft("pump-1", "reboot", '{"delay_s":5}'), command_id="mine")
    assert (await program.sender.send("acme", [draft])).existed
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 1


async def test_the_same_id_with_other_content_is_refused(program: Program) -> None:
    await _send(program, command_id="mine")
    with pytest.raises(ConflictError, match="'mine' already belongs to another command"):
        await _send(program, command_id="mine", params_json='{"delay_s": 6}')


class CutAfterCommit(CommandStore):
    """A link that breaks after the commit and before the reply, once."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._cut = False

    async def insert(self, tenant_id: str, drafts: Sequence[Draft]) -> Inserted:
        done = await super().insert(tenant_id, drafts)
        if not self._cut:
            self._cut = True
            raise DatabaseUnreachableError("cut")
        return done


async def test_a_send_of_unknown_outcome_never_makes_a_second_command(
    database: Database, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without ids made before the INSERT, the second try would be a second command."""
    sender = Sender(CutAfterCommit(database), lambda _: None, MAX)
    await sender.send(fleet.acme, [sender.draft("pump-1", "reboot")])
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 1


async def test_a_waiting_command_can_be_cancelled_by_name(
    program: Program, owner: asyncpg.Connection
) -> None:
    command_id = await _send(program)
    await program.sender.cancel("acme", command_id, "bob", "typo")
    detail = await program.history.command("acme", command_id)
    assert detail is not None
    assert detail.command.phase is Phase.CANCELLED
    assert [(e.kind, e.by, e.detail) for e in detail.journal] == [("cancelled", "bob", "typo")]
    assert await status_of(owner, command_id) == "expired"
    assert await owner.fetchval("SELECT count(*) FROM device_console.outbox") == 0


async def test_a_command_under_a_live_lease_cannot_be_cancelled(program: Program, database: Database) -> None:
    """Without the lease in the cancel's rule, a command in flight would be called cancelled."""
    command_id = await _send(program)
    outbox, holder = OutboxStore(database), uuid.uuid4()
    await outbox.claim(holder, 10, 15, MAX)
    with pytest.raises(ConflictError, match="being published right now"):
        await program.sender.cancel("acme", command_id, "bob")
    await outbox.mark(holder, [Confirmed("acme", command_id)])
    with pytest.raises(ConflictError, match="already published, and a published command cannot be recalled"):
        await program.sender.cancel("acme", command_id, "bob")


@pytest.mark.parametrize("how", ["one", "batch"])
@pytest.mark.parametrize("ended", ["unseen", "refused"])
async def test_an_attempt_without_an_outcome_is_on_record_when_it_is_cancelled(
    program: Program, database: Database, owner: asyncpg.Connection, how: str, ended: str
) -> None:
    """Without it a worker that dies after its PUBLISH leaves a cancelled command that was "never published"."""
    if how == "one":
        batch_id, command_id = "", await _send(program)
    else:
        job = program.bulk.job("ping", "{}", timedelta(hours=1), "alice", device_ids=["pump-1"], target="all")
        await program.bulk.begin("acme", job)
        await program.bulk.run("acme", job)
        batch_id, command_id = job.draft.batch_id, job.draft.command_id("pump-1")
    outbox, holder = OutboxStore(database), uuid.uuid4()
    assert len(await outbox.claim(holder, 10, 15, MAX)) == 1
    if ended == "unseen":  # the worker is gone, its lease has run out
        await owner.execute("UPDATE device_console.outbox SET leased_until = now() - interval '1 s'")
    else:
        await outbox.release(holder, [Returned("acme", command_id, Outcome.REFUSED, "quota exceeded", 0.0)])
    if how == "one":
        await program.sender.cancel("acme", command_id, "bob")
    else:
        assert await program.bulk.stop("acme", batch_id, "bob") == 1
    detail = await program.history.command("acme", command_id)
    assert detail is not None
    assert detail.command.phase is Phase.CANCELLED
    message = explain(detail)
    if ended == "unseen":
        assert "the broker did not answer one attempt, so the device may have it" in message
        assert [e.kind for e in detail.journal] == ["attempt", "cancelled"]
    else:
        assert "bob cancelled it before it was published" in message
        assert [e.words for e in detail.journal if e.kind == "attempt"] == [
            "attempt 1: the broker refused it: quota exceeded"
        ]


async def test_a_retry_is_a_new_row_with_the_same_ttl_linked_to_the_old(
    program: Program, owner: asyncpg.Connection
) -> None:
    old = await _send(program, ttl=timedelta(minutes=7))
    with pytest.raises(ConflictError, match="is still waiting: only an ended"):
        await program.sender.retry("acme", old, "carol")
    await program.sender.cancel("acme", old, "bob")
    before = dict(await row_of(owner, old))
    (new,) = (await program.sender.retry("acme", old, "carol")).command_ids
    row = await row_of(owner, new)
    assert row["expires_at"] - row["created_at"] == timedelta(minutes=7)
    assert (row["command_params"], row["created_by"]) == (before["command_params"], "carol")
    assert dict(await row_of(owner, old)) == before
    detail = await program.history.command("acme", new)
    assert detail is not None
    assert [(e.kind, e.detail) for e in detail.journal] == [("retry_of", old)]


async def test_what_a_device_usually_takes_is_read_while_its_answer_is_waited_for(
    program: Program, owner: asyncpg.Connection
) -> None:
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, status, created_at, published_at, acked_at)"
        " SELECT 'acme', 'c' || n, 'pump-1', 'ping', 'delivered', now() - n * interval '1 minute',"
        " now() - n * interval '1 minute', now() - n * interval '1 minute' + n * interval '0.1 second'"
        " FROM generate_series(1, 100) n"
    )
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, published_at) VALUES"
        " ('acme', 'open', 'pump-1', 'ping', now()), ('acme', 'first', 'pump-1', 'reboot', now())"
    )
    known, unknown = [await program.history.command("acme", name) for name in ("open", "first")]
    assert known is not None
    assert unknown is not None
    assert known.usual == TypicalLatency(50, timedelta(seconds=4.8))  # of the newest fifty, 0.1 to 5 s
    assert unknown.usual is None
