"""Bulk sends on a real database: exact previews, harmless repeats, a stop that keeps its word, linked retries."""

from collections.abc import Sequence

import asyncpg
import pytest

from console.domain.batches import BatchDraft
from console.domain.commands import Phase
from console.errors import ConflictError, DatabaseUnreachableError, InvalidInputError, NotFoundError
from console.limits import DEFAULT_TTL
from console.retry import Retry
from console.runtime.program import Program
from console.services.batch_send import BatchRun
from tests.conftest import Fleet
from tests.filters import of_commands
from tests.rows import add_command, add_devices

PUMPS = tuple(f"pump-{n}" for n in range(1, 6))


def job_of(program: Program, *devices: str, kind: str = "ping") -> BatchRun:
    return program.bulk.job(kind, "{}", DEFAULT_TTL, "alice", device_ids=devices or PUMPS, target="all pumps")


async def send(program: Program, *devices: str, kind: str = "ping") -> BatchRun:
    job = job_of(program, *devices, kind=kind)
    await program.bulk.begin("acme", job)
    await program.bulk.run("acme", job)
    return job


async def answer(owner: asyncpg.Connection, status: str, details: str, *devices: str) -> None:
    await owner.execute(
        "UPDATE device_commands SET status = 'delivered', published_at = now(), acked_at = now(),"
        " ack_details = jsonb_build_object('status', $1::text, 'details', $2::text::jsonb) WHERE device_id = ANY ($3)",
        status, details, list(devices),
    )  # fmt: skip


async def test_a_batch_is_committed_with_its_members_and_outbox_rows(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    job = await send(program)
    assert (job.done, job.committed, job.ended) == (5, 5, True)
    assert await owner.fetchval("SELECT count(*) FROM device_console.outbox") == 5
    view = await program.bulk.batch("acme", job.draft.batch_id)
    assert view is not None
    assert (view.phases, view.committed, view.batch.draft.target) == ({Phase.WAITING: 5}, 5, "all pumps")
    listed = await program.history.commands("acme", wanted=of_commands(f"batch:{job.draft.batch_id}"))
    assert {c.device_id for c in listed.commands} == set(PUMPS)


async def test_sending_a_piece_again_changes_nothing(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without ids that follow from batch and device, an unknown outcome would be sent twice."""
    job = await send(program)
    again = BatchRun(job.draft, job.device_ids, job.retried)
    await program.bulk.begin("acme", again)
    await program.bulk.run("acme", again)
    assert again.committed == 5  # what a lost reply had committed counts as well
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 5


async def test_a_broken_link_is_tried_again_and_nothing_is_lost_or_doubled(
    program: Program, owner: asyncpg.Connection, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = program.bulk._table
    insert, broken = table.insert, [True, True, False]

    async def flaky(
        tenant_id: str, draft: BatchDraft, device_ids: Sequence[str], retried: Sequence[str | None]
    ) -> int:
        written = await insert(tenant_id, draft, device_ids, retried)
        if broken.pop(0):
            raise DatabaseUnreachableError("gone")
        return written

    monkeypatch.setattr(table, "insert", flaky)
    monkeypatch.setattr("console.services.batch_send.PIECES", Retry(0.0, 0.0, attempts=4))
    await send(program)
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 5


async def test_an_id_that_exists_already_is_passed_by(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the second try, two that go on with one bulk send at the same moment end with an error."""
    job = program.bulk.job("ping", "{}", DEFAULT_TTL, "alice", device_ids=PUMPS, target="all pumps")
    await add_command(owner, "acme", job.draft.command_id("pump-2"), "pump-2")
    await program.bulk.begin("acme", job)
    await program.bulk.run("acme", job)
    assert (job.done, job.committed) == (5, 4)
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 5
    assert await owner.fetchval("SELECT count(*) FROM device_console.outbox") == 4


async def test_devices_that_must_not_be_sent_to_are_counted_before_and_skipped(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    await owner.execute("UPDATE device_registry SET decommissioned_at = now() WHERE device_id = 'pump-2'")
    await add_devices(owner, "acme", ["a/b"])
    await send(program, "pump-1", kind="reboot")
    preview = await program.bulk.preview("acme", [*PUMPS, "a/b", "nobody"], "reboot")
    assert (preview.total, preview.forbidden, preview.links) == (7, 3, {"unknown": 4})
    assert (preview.in_flight, preview.same_in_flight) == (1, 1)
    assert preview.newest is not None
    assert (preview.newest.device_id, preview.newest.by) == ("pump-1", "alice")
    job = await send(program, *PUMPS, "a/b", "nobody")
    assert (job.done, job.committed) == (7, 4)


async def test_what_of_the_type_ended_badly_lately_is_counted_before(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the look at the recent ends, what failed a minute ago is sent again to the same devices."""
    await owner.execute("UPDATE device_registry SET model = 'PX' WHERE device_id IN ('pump-1', 'pump-2')")
    await owner.executemany(
        "INSERT INTO device_console.recent_ends VALUES"
        " ('acme', $1, now() - $2 * interval '1 minute', $3, $4, '', '', '', $5, '', NULL, '')",
        [
            ("e-1", 5, "missed", "pump-1", "reboot"), ("e-2", 9, "missed", "pump-1", "reboot"),
            ("e-3", 2, "missed", "pump-2", "reboot"), ("e-4", 1, "failed", "pump-2", "reboot"),
            ("e-5", 1, "expired", "pump-2", "ping"), ("e-6", 61, "expired", "pump-2", "reboot"),
            ("e-7", 1, "expired", "another", "reboot"),
        ],
    )  # fmt: skip
    preview = await program.bulk.preview("acme", PUMPS, "reboot")
    assert list(preview.bad.items()) == [(Phase.MISSED, 2), (Phase.FAILED, 1)]
    assert preview.bad_since is not None
    assert preview.read_at is not None
    assert round((preview.read_at - preview.bad_since).total_seconds() / 60) == 9
    assert preview.models == {"PX", "PX-200"}
    none = await program.bulk.preview("acme", ["pump-3"], "reboot")
    assert (none.bad, none.bad_since) == ({}, None)


async def test_a_stop_lets_nothing_more_in_and_takes_back_what_waits(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the look at stopped_at another process would go on committing."""
    job = await send(program)
    await owner.execute(
        "UPDATE device_console.outbox SET holder = gen_random_uuid(), leased_until = now() + interval '1 minute'"
        " WHERE device_id = 'pump-1'"
    )
    assert await program.bulk.stop("acme", job.draft.batch_id, "bob") == 4
    more = BatchRun(job.draft, ("pump-1",), (None,))
    await owner.execute("DELETE FROM device_commands WHERE device_id = 'pump-1'")
    await program.bulk.run("acme", more)
    assert more.committed == 0
    view = await program.bulk.batch("acme", job.draft.batch_id)
    assert view is not None
    assert (view.phases, view.batch.stopped_by) == ({Phase.CANCELLED: 4}, "bob")
    assert await owner.fetchval("SELECT count(*) FROM device_console.journal WHERE kind = 'cancelled'") == 4


async def test_results_are_grouped_by_identical_answer_and_a_group_is_a_target(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    job = await send(program)
    await answer(owner, "ok", '{"fw": "1.4.2", "up": 3}', "pump-1", "pump-2")
    await answer(owner, "ok", '{"up": 3, "fw": "1.4.2"}', "pump-3")
    await answer(owner, "error", '{"code": "busy"}', "pump-4")
    view = await program.bulk.batch("acme", job.draft.batch_id)
    assert view is not None
    assert [(g.phase, g.count) for g in view.groups] == [(Phase.OK, 3), (Phase.FAILED, 1), (Phase.WAITING, 1)]
    first = view.groups[0]
    assert first.fields == {"status": "ok", "fw": "1.4.2", "up": "3"}
    assert await program.bulk.group("acme", job.draft.batch_id, first) == PUMPS[:3]


async def test_many_answers_that_differ_in_numbers_become_one_group_with_ranges(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    names = [f"unit-{n:02}" for n in range(40)]
    await add_devices(owner, "acme", names)
    job = await send(program, *names)
    for n, name in enumerate(names):
        await answer(owner, "ok" if n else "error", f'{{"rtt_ms": {n + 0.5}, "fw": "1.4"}}', name)
    view = await program.bulk.batch("acme", job.draft.batch_id)
    assert view is not None
    ok, failed = view.groups
    assert (ok.phase, ok.count, ok.fields) == (
        Phase.OK, 39, {"status": "ok", "fw": "1.4", "rtt_ms": "1.5 to 39.5"},
    )  # fmt: skip
    assert (failed.count, failed.fields["rtt_ms"]) == (1, "0.5")
    assert await program.bulk.group("acme", job.draft.batch_id, ok) == tuple(names[1:])


async def test_only_what_failed_is_retried_as_a_linked_batch(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    job = await send(program)
    with pytest.raises(ConflictError, match="No command of the bulk send"):
        await program.bulk.retry("acme", job.draft.batch_id, "bob")
    await answer(owner, "ok", "{}", "pump-1")
    await answer(owner, "error", "{}", "pump-2")
    await owner.execute("UPDATE device_commands SET status = 'missed' WHERE device_id = 'pump-3'")
    again = await program.bulk.retry("acme", job.draft.batch_id, "bob")
    assert again.device_ids == ("pump-2", "pump-3")
    await program.bulk.begin("acme", again)
    await program.bulk.run("acme", again)
    view = await program.bulk.batch("acme", again.draft.batch_id)
    assert view is not None
    assert view.batch.draft.retry_of == job.draft.batch_id
    links = dict(
        await owner.fetch("SELECT command_id, detail FROM device_console.journal WHERE kind = 'retry_of'")
    )
    assert links == {again.draft.command_id(d): job.draft.command_id(d) for d in again.device_ids}


async def test_what_a_process_left_half_done_is_gone_on_with_and_nothing_goes_twice(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the targets in the database, nobody would know who is left."""
    first = await send(program)
    await owner.execute("UPDATE device_commands SET status = 'missed'")
    again = await program.bulk.retry("acme", first.draft.batch_id, "bob")
    await program.bulk.begin("acme", again)
    table, batch_id = program.bulk._table, again.draft.batch_id
    await table.insert(
        "acme", again.draft, again.device_ids[:2], again.retried[:2]
    )  # and here its process dies
    rest = await program.bulk.resume("acme", batch_id, "carol")
    assert rest.device_ids == PUMPS[2:]
    await program.bulk.run("acme", rest)
    await program.bulk.run(
        "acme", BatchRun(rest.draft, rest.device_ids, rest.retried)
    )  # two at once are harmless
    view = await program.bulk.batch("acme", batch_id)
    assert view is not None
    assert (view.committed, rest.committed) == (5, 3)
    links = dict(
        await owner.fetch("SELECT command_id, detail FROM device_console.journal WHERE kind = 'retry_of'")
    )
    assert links == {again.draft.command_id(d): first.draft.command_id(d) for d in PUMPS}
    by = await owner.fetch(
        "SELECT device_id FROM device_commands WHERE created_by = 'carol' ORDER BY device_id"
    )
    assert [row["device_id"] for row in by] == list(PUMPS[2:])
    with pytest.raises(ConflictError, match="is left to send"):
        await program.bulk.resume("acme", batch_id, "carol")


async def test_what_was_sent_and_deleted_since_is_not_sent_again(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the look at the members, `resume` sends a deleted command once more, or fails on their key."""
    job = job_of(program)
    await program.bulk.begin("acme", job)
    table, batch_id = program.bulk._table, job.draft.batch_id
    await table.insert("acme", job.draft, job.device_ids[:2], job.retried[:2])
    await owner.execute("DELETE FROM device_commands WHERE device_id = 'pump-1'")
    rest = await program.bulk.resume("acme", batch_id, "carol")
    assert rest.device_ids == PUMPS[2:]
    await program.bulk.run(
        "acme", BatchRun(job.draft, job.device_ids, job.retried)
    )  # the first process goes on
    sent = await owner.fetch("SELECT device_id FROM device_commands ORDER BY 1")
    assert [row["device_id"] for row in sent] == list(PUMPS[1:])
    await owner.execute("UPDATE device_registry SET decommissioned_at = now() WHERE device_id = 'pump-1'")
    unsent = await table.unsent("acme", batch_id)
    assert (unsent.refused, unsent.deleted) == ((), 1)  # it had its command: nothing is left to offer
    with pytest.raises(ConflictError, match="is left to send"):
        await program.bulk.resume("acme", batch_id, "carol")


async def test_a_stopped_or_unknown_batch_is_not_gone_on_with(program: Program, fleet: Fleet) -> None:
    job = job_of(program)
    await program.bulk.begin("acme", job)
    await program.bulk.stop("acme", job.draft.batch_id, "bob")
    with pytest.raises(ConflictError, match="was stopped by bob: send a new one"):
        await program.bulk.resume("acme", job.draft.batch_id, "alice")
    with pytest.raises(NotFoundError):
        await program.bulk.resume("acme", "none", "alice")


async def test_another_tenant_sees_and_stops_nothing(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without row-level security on the batches a rival could stop them."""
    job = await send(program)
    assert await program.bulk.batches("rival") == ()
    assert await program.bulk.batch("rival", job.draft.batch_id) is None
    with pytest.raises(NotFoundError):
        await program.bulk.stop("rival", job.draft.batch_id, "eve")
    assert await program.bulk._table.stop("rival", job.draft.batch_id, "eve") == 0
    assert await program.bulk._table.rest("rival", job.draft.batch_id) == ()
    assert await owner.fetchval("SELECT stopped_at FROM device_console.batches") is None
    mine = await program.bulk.batch("acme", job.draft.batch_id)
    assert mine is not None
    assert await program.bulk.group("rival", job.draft.batch_id, mine.groups[0]) == ()


async def test_what_breaks_a_limit_is_refused_before_anything_is_written(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    for bad in (job_of(program, kind=" "), BatchRun(job_of(program).draft, (), ())):
        with pytest.raises(InvalidInputError):
            await program.bulk.begin("acme", bad)
    assert await owner.fetchval("SELECT count(*) FROM device_console.batches") == 0
