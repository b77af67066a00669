"""What counts as answered, progress words, later answers, and cancelling what another program wrote."""

import itertools
import json
import uuid
from datetime import timedelta
from functools import partial

import asyncpg
import pytest

from console.clock import SystemClock
from console.domain.acks import Acknowledgement, LateAck, RawAck
from console.domain.commands import Command, Phase
from console.domain.events import Problem
from console.domain.explain import cancel_reason, explain
from console.domain.history import CommandDetail
from console.errors import ConflictError
from console.runtime.program import Program
from console.services.acknowledger import Acknowledger
from console.store.outbox import OutboxStore
from console.store.pool import Database
from console.store.progress import ProgressOnly, progress_only
from console.store.settlement import BEGINNING, SettlementStore
from tests.conftest import Fleet
from tests.filters import of_commands, of_problems
from tests.platform.behaviour import platform_sweep
from tests.rows import add_command, row_of, status_of

# What the platform's API does within a second of every send: it publishes itself, then writes this without a guard.
WRITE_BACK = "UPDATE device_commands SET published_at = now(), status = 'queued' WHERE command_id = $1"


@pytest.fixture
def settlement(database: Database) -> SettlementStore:
    return SettlementStore(database)


def ack(
    command_id: str,
    status: str = "ok",
    details: object = None,
    device: str = "pump-1",
    *,
    progress: bool = False,
) -> Acknowledgement:
    message = json.dumps({"status": status, "details": details})
    return Acknowledgement("acme", device, command_id, message, is_progress=progress)


async def answer(
    settlement: SettlementStore, *acks: Acknowledgement, late: LateAck = LateAck.ACCEPT
) -> list[str]:
    return [outcome.value for outcome in await settlement.acknowledge(acks, [], late)]


async def detail_of(program: Program, command_id: str = "c1") -> CommandDetail:
    detail = await program.history.command("acme", command_id)
    assert detail is not None
    return detail


async def listed(program: Program, text: str = "") -> list[Command]:
    return list((await program.history.commands("acme", wanted=of_commands(text))).commands)


ORDERS = sorted(set(itertools.permutations(("answer", "write back", "sweep", "second"))))


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
@pytest.mark.parametrize("second", ["ok", "error"])
async def test_what_another_program_writes_back_never_unsays_an_answer(
    settlement: SettlementStore,
    owner: asyncpg.Connection,
    program: Program,
    order: tuple[str, ...],
    second: str,
) -> None:
    """Without acked_at as what counts, a row that is called queued again is missed, and a second answer wins."""
    await add_command(owner, "acme", "c1", ttl=timedelta(seconds=5))
    first: tuple[object, ...] = ()
    for act in order:
        if act == "answer":
            await answer(settlement, ack("c1", "ok" if not first else second))
        elif act == "second":
            outcome = (await answer(settlement, ack("c1", second if first else "ok")))[0]
            expected = "acked" if not first else "duplicate" if second == "ok" else "conflict"
            assert outcome == expected
        elif act == "write back":
            await owner.execute(WRITE_BACK, "c1")
        else:
            await settlement.sweep(BEGINNING, 100)  # not overdue yet: it must leave the row alone
        row = await row_of(owner, "c1")
        if row["acked_at"] is None:
            continue
        first = first or (row["acked_at"], row["ack_details"])
        assert (row["acked_at"], row["ack_details"]) == first
        (command,) = await listed(program)
        assert command.phase is Phase.OK
        assert await listed(program, "phase:ok") == [command]
        assert await listed(program, "phase:published,missed,waiting,in_progress") == []
        assert await listed(program, "ttl<1d") == []
        assert "did not answer" not in explain(await detail_of(program))
    assert first


async def test_an_answered_row_that_was_called_queued_is_open_nowhere(
    settlement: SettlementStore, owner: asyncpg.Connection, program: Program, fleet: Fleet
) -> None:
    """Without acked_at in each count, the device is told to be busy with what it has answered."""
    await add_command(owner, fleet.acme, "c1")
    await answer(settlement, ack("c1"))
    await owner.execute(WRITE_BACK, "c1")
    (target,) = await program.sender.targets("acme", ["pump-1"])
    preview = await program.bulk.preview("acme", ["pump-1"], "ping")
    device = (await program.history.devices("acme", ["pump-1"]))["pump-1"]
    assert (target.in_flight, preview.in_flight, preview.same_in_flight, device.in_flight) == (0, 0, 0, 0)
    assert device.last_command is not None
    assert device.last_command.phase is Phase.OK
    assert [c.command_id for c in await listed(program, "status:queued")] == ["c1"]  # as stored
    receipt = await program.sender.retry("acme", "c1", "alice")  # settled, so it may be sent again
    assert receipt.command_ids
    with pytest.raises(ConflictError, match="already ok"):
        await program.sender.cancel("acme", "c1", "alice")


@pytest.mark.parametrize("status", ["queued", "missed", "expired"])
async def test_a_second_answer_heals_an_answered_row_whatever_it_is_called(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet, status: str
) -> None:
    """Without the healing, the row stays what another program called it for ever."""
    await add_command(owner, fleet.acme, "c1")
    await answer(settlement, ack("c1"))
    before = await row_of(owner, "c1")
    await owner.execute("UPDATE device_commands SET status = $1, published_at = NULL", status)
    assert await answer(settlement, ack("c1"), ack("c1", "error")) == ["duplicate", "conflict"]
    assert dict(await row_of(owner, "c1")) == dict(before)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ('{"status": null}', '{"status":"ok","details":null}'),
        ("{}", '{"status":"ok","details":null}'),
        ('{"status": 1, "details": 5}', '{"status":"1","details":{"value":5}}'),
        ('{"status": "error", "details": {"a": 1}}', '{"status":"error","details":{"a":1.0}}'),
    ],
)
async def test_an_answer_that_another_program_took_first_is_compared_by_what_it_says(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet, stored: str, message: str
) -> None:
    """Without the same form on both sides, the very same answer is told to differ."""
    await add_command(owner, fleet.acme, "c1")
    await owner.execute(
        "UPDATE device_commands SET status = 'delivered', acked_at = now(), ack_details = $1::text::jsonb",
        stored,
    )
    again, other = (
        Acknowledgement("acme", "pump-1", "c1", text) for text in (message, '{"status":"no","details":null}')
    )
    assert await answer(settlement, again) == ["duplicate"]
    assert await answer(settlement, other) == ["conflict"]


async def test_progress_proves_the_publication_and_is_not_the_end(
    settlement: SettlementStore, owner: asyncpg.Connection, program: Program, fleet: Fleet
) -> None:
    """Without progress words, "accepted" ends the command as failed and the ok is only a problem."""
    await add_command(owner, fleet.acme, "c1")
    progress = ack("c1", "downloading", {"percent": 40}, progress=True)
    assert await answer(settlement, progress) == ["progress"]
    row = await row_of(owner, "c1")
    assert (row["status"], row["acked_at"], row["ack_details"]) == ("queued", None, None)
    assert row["published_at"] is not None
    (command,) = await listed(program, "phase:in_progress")
    assert (
        [command]
        == await listed(program, '"in progress"')
        == await listed(program, 'phase:"in progress" ttl<2h')
    )
    assert (command.phase, command.progress) == (Phase.IN_PROGRESS, "downloading")
    device = (await program.history.devices("acme", ["pump-1"]))["pump-1"]
    assert device.last_command is not None
    assert device.last_command.phase is Phase.IN_PROGRESS
    message = explain(await detail_of(program))
    assert "“downloading”" in message
    assert '"percent": 40' in message
    assert cancel_reason(command) == "already published"
    with pytest.raises(ConflictError, match="still in progress"):
        await program.sender.retry("acme", "c1", "alice")
    published_at = row["published_at"]
    assert await answer(settlement, ack("c1", "ok")) == ["acked"]
    row = await row_of(owner, "c1")
    assert (row["status"], row["published_at"]) == ("delivered", published_at)
    assert [c.phase for c in await listed(program)] == [Phase.OK]


async def test_progress_and_the_end_in_one_batch_and_in_any_order(
    settlement: SettlementStore, owner: asyncpg.Connection, program: Program, fleet: Fleet
) -> None:
    """Without a statement of its own, a progress word in the same batch takes the place of the first answer."""
    for number, batch in enumerate(itertools.permutations(("accepted", "ok", "running"))):
        command_id = f"c{number}"
        await add_command(owner, fleet.acme, command_id)
        acks = [ack(command_id, word, progress=word != "ok") for word in batch]
        await answer(settlement, *acks)
        assert (await detail_of(program, command_id)).command.phase is Phase.OK
    assert await owner.fetchval("SELECT count(*) FROM device_console.problems") == 0


async def test_a_word_of_progress_behind_the_end_worries_nobody(
    settlement: SettlementStore, owner: asyncpg.Connection, program: Program, fleet: Fleet
) -> None:
    """Without a rule of its own, what a bridge delivers in another order is called a conflict."""
    await add_command(owner, fleet.acme, "c1")
    await answer(settlement, ack("c1"))
    before = dict(await row_of(owner, "c1"))
    assert await answer(settlement, ack("c1", "accepted", progress=True)) == ["progress after the end"]
    assert dict(await row_of(owner, "c1")) == before
    command = (await detail_of(program)).command
    assert (command.later, command.progress, (await detail_of(program)).journal) == (None, None, ())


@pytest.mark.parametrize("swept", [False, True])
async def test_at_the_deadline_it_is_missed_and_the_last_word_is_reported(
    settlement: SettlementStore, owner: asyncpg.Connection, program: Program, *, swept: bool
) -> None:
    await add_command(owner, "acme", "c1", ttl=timedelta(seconds=-1), age=timedelta(hours=1))
    if swept:
        await owner.execute("UPDATE device_commands SET published_at = created_at")
        await settlement.sweep(BEGINNING, 10)
    words = [ack("c1", word, progress=True) for word in ("accepted", "installing")]
    assert await answer(settlement, *words) == ["late progress"] * 2
    await settlement.sweep(BEGINNING, 10)
    assert await status_of(owner, "c1") == "missed"
    message = explain(await detail_of(program))
    assert "“installing”" in message
    assert "did not answer" not in message
    assert await answer(settlement, ack("c1")) == ["late"]
    assert (await detail_of(program)).command.phase is Phase.OK


async def test_what_a_device_reports_of_a_cancelled_command_is_reported(
    settlement: SettlementStore, program: Program
) -> None:
    receipt = await program.sender.send("acme", [program.sender.draft("pump-1", "ping")])
    command_id = receipt.command_ids[0]
    await program.sender.cancel("acme", command_id, "bob")
    assert await answer(settlement, ack(command_id, "started", progress=True)) == ["late progress"]
    detail = await detail_of(program, command_id)
    assert detail.command.phase is Phase.CANCELLED
    assert "But the device has it: it reported “started”." in explain(detail)


async def test_the_journal_keeps_the_newest_twenty_of_each_kind(
    settlement: SettlementStore, owner: asyncpg.Connection, program: Program, fleet: Fleet
) -> None:
    """Without the bound, one device fills the journal."""
    for command_id in ("c1", "c2"):
        await add_command(owner, fleet.acme, command_id)
    for start in range(0, 50, 10):
        await answer(
            settlement, *(ack("c1", "running", {"n": n}, progress=True) for n in range(start, start + 10))
        )
    await answer(settlement, ack("c2", "accepted", progress=True), ack("c1"), ack("c2"))
    await answer(settlement, *(ack("c1", "error", {"n": n}) for n in range(50)))
    kinds = await owner.fetch(
        "SELECT command_id, kind, count(*) AS n FROM device_console.journal GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert [tuple(row) for row in kinds] == [
        ("c1", "conflict", 20),
        ("c1", "progress", 20),
        ("c2", "progress", 1),
    ]
    newest = [e.detail for e in (await detail_of(program)).journal if e.kind == "progress"]
    assert json.loads(newest[-1] or "")["details"] == {"n": 49}


async def test_a_later_answer_that_differs_is_shown_with_the_command(
    settlement: SettlementStore, owner: asyncpg.Connection, program: Program, fleet: Fleet
) -> None:
    """Without the entry, the ok behind a failure is only a line among the problems."""
    await add_command(owner, fleet.acme, "c1")
    assert await answer(settlement, ack("c1", "error"), ack("c1"), ack("c1")) == [
        "acked",
        "conflict",
        "conflict",
    ]
    (command,) = await listed(program)
    assert (command.phase, command.later) == (Phase.FAILED, "ok")
    assert "A later answer differs: “ok”" in explain(await detail_of(program))
    assert [e.kind for e in (await detail_of(program)).journal] == ["conflict"]  # the same again is no news


async def test_what_another_program_wrote_and_nobody_took_over_is_not_called_cancelled(
    database: Database, owner: asyncpg.Connection, program: Program, fleet: Fleet
) -> None:
    """Without the look at the outbox, a command that the API is publishing is called cancelled, and runs."""
    await add_command(owner, fleet.acme, "c1", age=timedelta(seconds=1))
    detail = await detail_of(program)
    assert "Another program wrote it" in explain(detail)
    with pytest.raises(
        ConflictError, match="another program wrote it and may be publishing it right now; try again"
    ):
        await program.sender.cancel("acme", "c1", "alice")
    assert await status_of(owner, "c1") == "queued"
    assert await OutboxStore(database).adopt(0, 10) == 1
    await program.sender.cancel("acme", "c1", "alice")
    assert (await detail_of(program)).command.phase is Phase.CANCELLED


class OneBatch:
    """A stream with these messages in it."""

    def __init__(self, *payloads: bytes) -> None:
        self._messages = tuple(
            RawAck(b"tenant/acme/device/pump-1/commands/ack", payload, n, 1)
            for n, payload in enumerate(payloads)
        )

    async def batch(self, _limit: int) -> tuple[RawAck, ...]:
        return self._messages

    async def acknowledge(self, _messages: object) -> None: ...


@pytest.mark.parametrize(
    ("words", "word", "phase"),
    [
        (None, "In-Progress", Phase.IN_PROGRESS),
        (None, "in progress", Phase.IN_PROGRESS),
        (None, "DOWNLOADING", Phase.IN_PROGRESS),
        (None, "flashing", Phase.FAILED),
        (frozenset({"flashing"}), "Flashing", Phase.IN_PROGRESS),
        (frozenset({"flashing"}), "queued", Phase.FAILED),
        (None, "success", Phase.OK),
        (None, "completed", Phase.OK),
        (None, "OK", Phase.FAILED),
    ],
)
async def test_a_word_is_an_end_or_progress(
    settlement: SettlementStore,
    owner: asyncpg.Connection,
    program: Program,
    words: frozenset[str] | None,
    word: str,
    phase: Phase,
) -> None:
    """Without the list of words, a device that says "accepted" first has failed."""
    await add_command(owner, "acme", "c1", published=True)
    stream = OneBatch(json.dumps({"command_id": "c1", "status": word}).encode())
    reader = partial(Acknowledger, stream, settlement, lambda _tenant: None, SystemClock())
    await (reader() if words is None else reader(progress=words)).run_once()
    (command,) = await listed(program)
    assert command.phase is phase
    if phase is Phase.OK:
        assert json.loads(command.ack_json or "")["status"] == word


async def test_a_retry_of_what_failed_leaves_out_who_has_answered_ok_since(
    settlement: SettlementStore, program: Program, fleet: Fleet
) -> None:
    """Without the look at later answers, who has said ok gets the command again, unasked."""
    job = program.bulk.job(
        "reboot", "{}", timedelta(minutes=1), "alice", device_ids=["pump-1", "pump-2", "pump-3"], target="all"
    )
    await program.bulk.begin("acme", job)
    await program.bulk.run("acme", job)
    ids = {device: job.draft.command_id(device) for device in job.device_ids}
    await answer(settlement, *(ack(ids[device], "error", device=device) for device in job.device_ids))
    await answer(
        settlement, ack(ids["pump-1"], device="pump-1"), ack(ids["pump-2"], "worse", device="pump-2")
    )
    again = await program.bulk.retry("acme", job.draft.batch_id, "alice")
    assert (again.device_ids, again.since_ok) == (("pump-2", "pump-3"), 1)
    await answer(settlement, *(ack(ids[device], "done", device=device) for device in ("pump-2", "pump-3")))
    with pytest.raises(ConflictError, match="every device of the bulk send .* has answered ok since"):
        await program.bulk.retry("acme", job.draft.batch_id, "alice")


async def test_a_late_ok_that_is_only_on_record_counts_when_what_failed_is_sent_again(
    settlement: SettlementStore, owner: asyncpg.Connection, program: Program, fleet: Fleet
) -> None:
    """Without it, the setting that only records late answers makes every retry a second command."""
    job = program.bulk.job(
        "ping", "{}", timedelta(minutes=1), None, device_ids=["pump-1", "pump-2"], target="all"
    )
    await program.bulk.begin("acme", job)
    await program.bulk.run("acme", job)
    await owner.execute("UPDATE device_commands SET status = 'missed', published_at = now()")
    await answer(settlement, ack(job.draft.command_id("pump-1")), late=LateAck.RECORD_ONLY)
    again = await program.bulk.retry("acme", job.draft.batch_id, None)
    assert (again.device_ids, again.since_ok) == (("pump-2",), 1)
    command = (await detail_of(program, job.draft.command_id("pump-1"))).command
    assert (command.phase, command.later) == (Phase.MISSED, "ok")


async def test_types_that_report_progress_and_never_an_end_are_found(
    settlement: SettlementStore, owner: asyncpg.Connection, database: Database, fleet: Fleet
) -> None:
    for command_id, kind in (
        ("c1", "flash"),
        ("c2", "flash"),
        ("c3", "ping"),
        ("c4", "ping"),
        ("c5", "reboot"),
    ):
        await add_command(owner, fleet.acme, command_id, published=True, age=timedelta(hours=1))
        await owner.execute(
            "UPDATE device_commands SET command_type = $2 WHERE command_id = $1", command_id, kind
        )
        await answer(settlement, ack(command_id, "accepted", progress=True))
    await answer(settlement, ack("c3"))
    await owner.execute("UPDATE device_commands SET status = 'missed' WHERE command_id IN ('c1', 'c4')")
    assert await progress_only(database, fleet.acme) == (ProgressOnly("flash", 2, "accepted"),)
    assert await progress_only(database, fleet.rival) == ()


async def test_each_reason_why_answers_of_a_device_are_malformed_is_a_row(
    settlement: SettlementStore, owner: asyncpg.Connection, program: Program, fleet: Fleet
) -> None:
    """Without the reason in the key, the last one hides the others."""
    payloads = (b"[]", b"{}", b"\xff", b'{"command_id": 5}', b"{", b"{}", b"x" * 70_000)
    reader = Acknowledger(OneBatch(*payloads), settlement, lambda _tenant: None, SystemClock())
    await reader.run_once()
    found = await program.history.problems("acme")
    assert {(p.kind, p.device_id, p.command_id) for p in found} == {("malformed ack", "pump-1", "")}
    reasons = {p.reason: p.count for p in found}
    assert reasons == {
        "not an object": 1, "no command_id": 2, "not UTF-8": 1, "command_id is not a string": 1, "not JSON": 1,
        "too large": 1,
    }  # fmt: skip
    pages: list[Problem] = []
    before: Problem | None = None
    while page := await program.history.problems("acme", of_problems("kind:malformed*"), 2, before):
        pages += page
        before = page[-1]
    assert sorted(p.reason for p in pages) == sorted(reasons)


async def test_a_device_that_sends_every_kind_of_nonsense_ends_on_a_few_rows(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without reasons that are ours, a device makes a row with each byte that it changes."""
    nonsense = [f'{{"command_id": "{n}/"}}'.encode() for n in range(60)]
    nonsense += [f'{{"a{n}": }}'.encode() for n in range(60)] + [bytes([n % 256]) * n for n in range(60)]
    reader = Acknowledger(OneBatch(*nonsense), settlement, lambda _tenant: None, SystemClock())
    for _ in range(3):
        await reader.run_once()
    rows = await owner.fetch("SELECT device_id, command_id, count FROM device_console.problems")
    assert sum(row["count"] for row in rows) == 3 * len(nonsense)
    assert len(rows) < 10
    assert ("pump-1", "") in {
        (row["device_id"], row["command_id"]) for row in rows
    }  # beyond its rate: one row


async def test_an_answer_to_a_status_that_is_huge_as_text_is_a_conflict(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the bound, thirty kilobytes of another program become 393 MB of text, and no answer is compared with it."""
    await add_command(owner, fleet.acme, "c1", status="delivered", published=True)
    await owner.execute(
        "UPDATE device_commands SET acked_at = now(), ack_details = (SELECT jsonb_build_object('status',"
        " jsonb_agg(1e131000::numeric)) FROM generate_series(1, 3000) n)"
    )
    stored = await owner.fetchval("SELECT pg_column_size(ack_details) FROM device_commands")
    assert stored < 100_000
    assert await answer(settlement, ack("c1"), ack("c1", "null")) == ["conflict", "conflict"]
    assert await answer(settlement, ack("c1")) == ["conflict"]


async def test_a_short_status_that_is_no_text_is_compared_as_its_text(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    await add_command(owner, fleet.acme, "c1", status="delivered", published=True)
    await owner.execute(
        """UPDATE device_commands SET acked_at = now(), ack_details = '{"status": [1, true]}'"""
    )
    assert await answer(settlement, ack("c1", "[1, true]"), ack("c1")) == ["duplicate", "conflict"]


async def test_an_answered_command_is_not_left_queued_until_its_deadline(
    settlement: SettlementStore, database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the healing until then the platform's own sweep may call it missed, and whoever looks at the row believes it waits."""
    await add_command(owner, "acme", "c1")
    await answer(settlement, ack("c1"))
    before = await row_of(owner, "c1")
    await owner.execute(WRITE_BACK, "c1")
    await OutboxStore(database).adopt(30.0, 100)
    after = await row_of(owner, "c1")
    assert after["status"] == "delivered"
    assert (after["acked_at"], after["ack_details"]) == (before["acked_at"], before["ack_details"])


async def test_what_another_program_settled_leaves_nothing_in_the_outbox(
    program: Program, database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the clearing a parked row stays: it is not claimed again, and our sweep meets queued commands only."""
    outbox, holder = OutboxStore(database), uuid.uuid4()
    (command_id,) = (await program.sender.send("acme", [program.sender.draft("pump-1", "ping")])).command_ids
    await owner.execute("UPDATE device_commands SET expires_at = now()")
    assert await outbox.claim(holder, 10, 30.0, 65_536) == ()
    assert await owner.fetchval("SELECT due_at = 'infinity' FROM device_console.outbox")
    await outbox.adopt(30.0, 100)
    assert await owner.fetchval("SELECT count(*) FROM device_console.outbox") == 1
    await platform_sweep(owner)
    await outbox.adopt(30.0, 100)
    assert await owner.fetchval("SELECT count(*) FROM device_console.outbox") == 0
    assert "after 0 attempts: no connection to the broker" in explain(await detail_of(program, command_id))


async def test_a_row_that_cannot_be_healed_or_cleared_holds_up_no_other(
    program: Program, settlement: SettlementStore, database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the look at each by itself nothing is taken over or published any more, for any tenant."""
    outbox = OutboxStore(database)
    for command_id in ("bad", "good"):
        await add_command(owner, "acme", command_id)
        await answer(settlement, ack(command_id))
        await owner.execute(WRITE_BACK, command_id)
    for device in ("pump-2", "pump-3"):
        await program.sender.send("acme", [program.sender.draft(device, "ping")])
    await owner.execute("UPDATE device_console.outbox SET due_at = 'infinity'")
    await owner.execute("UPDATE device_commands SET status = 'expired' WHERE device_id <> 'pump-1'")
    bad = await owner.fetchval("SELECT command_id FROM device_commands WHERE device_id = 'pump-2'")
    await owner.execute(
        "ALTER TABLE device_commands ADD CONSTRAINT theirs CHECK (command_id <> 'bad' OR status <> 'delivered') NOT VALID;"
        f"ALTER TABLE device_console.journal ADD CONSTRAINT ours CHECK (command_id <> '{bad}') NOT VALID"
    )
    await add_command(owner, "rival", "found", age=timedelta(minutes=2))
    assert await outbox.adopt(30.0, 100) == 1
    assert (await status_of(owner, "bad"), await status_of(owner, "good")) == ("queued", "delivered")
    left = await owner.fetch("SELECT command_id FROM device_console.outbox WHERE tenant_id = 'acme'")
    assert [row["command_id"] for row in left] == [bad]
    problems = await owner.fetch(
        "SELECT command_id, detail FROM device_console.problems WHERE kind = 'unroutable'"
    )
    assert {row["command_id"] for row in problems} == {"bad", bad}
