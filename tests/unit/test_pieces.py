"""The pieces of a bulk send: two under way, counted in their order."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import cast

import pytest

from console.domain.batches import BatchDraft, member_id, member_ids
from console.errors import ConflictError
from console.services.batch_send import PIECE, BatchRun, BatchSend, BatchTable


class Gates:
    """Takes pieces and lets each end when the test says how."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ends: list[asyncio.Future[None]] = []

    async def insert(
        self, tenant_id: str, draft: BatchDraft, device_ids: Sequence[str], retried: Sequence[str | None]
    ) -> int:
        assert (tenant_id, len(draft.batch_id), len(retried)) == ("acme", 36, len(device_ids))
        self.begun.append(device_ids[0])
        self.ends.append(asyncio.get_running_loop().create_future())
        await self.ends[-1]
        return len(device_ids)


def started() -> tuple[Gates, BatchRun, "asyncio.Task[None]"]:
    gates = Gates()
    bulk = BatchSend(cast("BatchTable", gates), lambda _: None, 1_000)
    ids = [str(n) for n in range(3 * PIECE + 5)]
    job = bulk.job("ping", "{}", timedelta(hours=1), "alice", device_ids=ids, target="all")
    return gates, job, asyncio.create_task(bulk.run("acme", job))


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_pieces_count_in_their_order_whichever_ends_first() -> None:
    """Without the order, what is called done may have a gap, and going on from there leaves it out."""
    gates, job, running = started()
    await turns()
    assert gates.begun == ["0", "1000"]
    gates.ends[1].set_result(None)
    await turns()
    assert (job.done, job.committed, len(gates.begun)) == (0, 0, 2)
    gates.ends[0].set_result(None)
    await turns()
    assert (job.done, job.committed, gates.begun) == (2 * PIECE, 2 * PIECE, ["0", "1000", "2000", "3000"])
    job.stopping = True
    gates.ends[2].set_result(None)
    gates.ends[3].set_result(None)
    await running
    assert (job.done, job.committed, job.ended) == (job.total, job.total, True)


async def test_nothing_is_begun_behind_a_stop() -> None:
    """Without the look, a stop waits for pieces that began after it."""
    gates, job, running = started()
    await turns()
    job.stopping = True
    for end in gates.ends:
        end.set_result(None)
    await running
    assert (job.done, len(gates.begun)) == (2 * PIECE, 2)


async def test_a_piece_that_fails_ends_the_one_beside_it() -> None:
    """Without the end, it goes on committing when the operator has been told that the send is over."""
    gates, job, running = started()
    await turns()
    gates.ends[0].set_exception(ConflictError("no"))
    with pytest.raises(ConflictError):
        await running
    assert gates.ends[1].cancelled()
    assert (job.done, job.ended) == (0, True)


def test_the_ids_are_those_of_uuid5() -> None:
    """Without it, a program of another version sends the rest of a bulk send a second time."""
    batch, devices = str(uuid.uuid4()), ["pump-1", "", "ü" * 100, "a b"]
    assert member_ids(batch, devices) == [str(uuid.uuid5(uuid.UUID(batch), device)) for device in devices]
    assert member_id(batch, "pump-1") == member_ids(batch, ["pump-1"])[0]
