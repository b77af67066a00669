"""Bulk sends: one command to many devices, committed in pieces, with stop, resume and retry."""

import asyncio
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from console.concurrency import end_all
from console.domain.acks import OK_WORDS
from console.domain.batches import RETRIED, AnswerGroup, Batch, BatchDraft, BatchView, Preview, Unsent
from console.domain.commands import Phase
from console.domain.filters.language import EVERY_BATCH, Filter
from console.domain.ttl import TTL_RANGE, ttl_fault
from console.errors import ConflictError, InvalidInputError, NotFoundError
from console.retry import PIECES
from console.services.sender import clean_name

PIECE = 1_000
SIDE_BY_SIDE = 2  # pieces: one writes while the other waits for the disk, or for its ids


class BatchTable(Protocol):
    """What a bulk send needs of the database."""

    async def begin(
        self, tenant_id: str, draft: BatchDraft, device_ids: Sequence[str], retried: Sequence[str | None]
    ) -> None: ...
    async def rest(self, tenant_id: str, batch_id: str) -> tuple[tuple[str, str | None], ...]: ...
    async def unsent(self, tenant_id: str, batch_id: str) -> Unsent: ...
    async def outcomes(self, tenant_id: str, batch_ids: Sequence[str]) -> dict[str, dict[Phase, int]]: ...
    async def insert(
        self, tenant_id: str, draft: BatchDraft, device_ids: Sequence[str], retried: Sequence[str | None]
    ) -> int: ...
    async def stop(self, tenant_id: str, batch_id: str, by: str) -> int: ...
    async def page(
        self, tenant_id: str, wanted: Filter, limit: int, before: Batch | None
    ) -> tuple[Batch, ...]: ...
    async def view(self, tenant_id: str, batch_id: str) -> BatchView | None: ...
    async def devices(
        self, tenant_id: str, batch_id: str, phases: Sequence[Phase], answers: Sequence[str]
    ) -> tuple[tuple[str, str, str | None], ...]: ...
    async def preview(self, tenant_id: str, device_ids: Sequence[str], command_type: str) -> Preview: ...


@dataclass(slots=True)
class BatchRun:
    """A bulk send under way in this process. `done` counts the devices processed so far.

    `since_ok` counts those that a retry leaves out: they failed, and have answered ok since.
    """

    draft: BatchDraft
    device_ids: tuple[str, ...]
    retried: tuple[str | None, ...]
    done: int = 0
    committed: int = 0
    stopping: bool = False
    ended: bool = False
    error: str = ""
    since_ok: int = 0

    @property
    def total(self) -> int:
        return len(self.device_ids)


def since_ok_text(count: int) -> str:
    """Describe how many of those that a retry would repeat have answered ok since."""
    return f"{count:,} of those that failed {'has' if count == 1 else 'have'} since answered ok"


class BatchSend:
    """Validates, records the batch, commits in pieces. `sent` is called with the tenant after each piece."""

    def __init__(self, table: BatchTable, sent: Callable[[str], None], max_payload_bytes: int) -> None:
        self._table = table
        self._sent = sent
        self._max_payload_bytes = max_payload_bytes

    async def preview(self, tenant_id: str, device_ids: Sequence[str], command_type: str) -> Preview:
        """Return whom a send would reach, in exact numbers."""
        return await self._table.preview(tenant_id, device_ids, command_type)

    def job(
        self,
        command_type: str,
        params_json: str,
        ttl: timedelta,
        by: str | None,
        *,
        device_ids: Sequence[str],
        target: str,
        batch_id: str | None = None,
    ) -> BatchRun:
        """Return a bulk send with an id of its own; nothing is written yet."""
        draft = BatchDraft(
            batch_id or str(uuid.uuid4()), command_type, params_json, ttl, target[:500], len(device_ids),
            clean_name(by) if by else None,
        )  # fmt: skip
        return BatchRun(draft, tuple(device_ids), (None,) * len(device_ids))

    def check(self, job: BatchRun) -> None:
        """Check the command, before the operator is asked to confirm.

        Raises:
            InvalidInputError: a limit of the contract is broken.
        """
        faults = job.draft.faults(self._max_payload_bytes)
        if faults:
            raise InvalidInputError(" ".join(faults))

    async def begin(self, tenant_id: str, job: BatchRun) -> None:
        """Record the batch.

        Raises:
            InvalidInputError: a limit of the contract is broken, or there is no device to send to.
            DatabaseUnreachableError: unknown whether it was recorded; calling `begin` again is harmless.
        """
        self.check(job)
        if not job.device_ids:
            raise InvalidInputError("No device matches: nothing was sent.")
        await self._table.begin(tenant_id, job.draft, job.device_ids, job.retried)

    async def run(self, tenant_id: str, job: BatchRun) -> None:
        """Commit pieces, two at a time, until all is done or it is stopped; a broken link is tried again.

        They count as done in their order. What is under way when one fails may be committed, too.

        Raises:
            DatabaseUnreachableError: it stayed broken. What was committed is kept; running again continues.
        """
        under_way: deque[asyncio.Task[int]] = deque()
        begun = job.done
        try:
            while under_way or (begun < job.total and not job.stopping):
                while len(under_way) < SIDE_BY_SIDE and begun < job.total and not job.stopping:
                    piece = slice(begun, begun + PIECE)
                    under_way.append(asyncio.create_task(self._insert(tenant_id, job, piece)))
                    begun += PIECE
                job.committed += await under_way[0]
                under_way.popleft()
                job.done = min(job.total, job.done + PIECE)
                self._sent(tenant_id)
        finally:
            await end_all(under_way)
            job.ended = True

    async def _insert(self, tenant_id: str, job: BatchRun, piece: slice) -> int:
        return await PIECES.run(
            lambda: self._table.insert(tenant_id, job.draft, job.device_ids[piece], job.retried[piece])
        )

    async def stop(self, tenant_id: str, batch_id: str, by: str) -> int:
        """Stop the bulk send and cancel the unpublished commands; return how many were cancelled.

        Raises:
            NotFoundError: no such bulk send in this tenant.
        """
        if await self._table.view(tenant_id, batch_id) is None:
            raise NotFoundError(f"There is no bulk send {batch_id!r} in the tenant {tenant_id!r}.")
        taken = await self._table.stop(tenant_id, batch_id, clean_name(by))
        self._sent(tenant_id)
        return taken

    async def resume(self, tenant_id: str, batch_id: str, by: str | None) -> BatchRun:
        """Prepare the rest of an interrupted bulk send. Pass it to `run`: it is recorded already.

        The commands get the TTL of the bulk send, counted from now, and the name of who resumes it.

        Raises:
            NotFoundError: no such bulk send in this tenant.
            ConflictError: it was stopped, nothing of it is left, or its TTL can no longer be sent.
        """
        batch = await self._sendable(tenant_id, batch_id)
        if batch.stopped_at is not None:
            raise ConflictError(
                f"The bulk send {batch_id} was stopped by {batch.stopped_by}: send a new one."
            )
        rest = await self._table.rest(tenant_id, batch_id)
        if not rest:
            raise ConflictError(f"Nothing is left to send of the bulk send {batch_id}.")
        draft = replace(batch.draft, created_by=clean_name(by) if by else None)
        return BatchRun(draft, tuple(device for device, _ in rest), tuple(repeated for _, repeated in rest))

    async def _sendable(self, tenant_id: str, batch_id: str) -> Batch:
        view = await self._table.view(tenant_id, batch_id)
        if view is None:
            raise NotFoundError(f"There is no bulk send {batch_id!r} in the tenant {tenant_id!r}.")
        if ttl_fault(view.batch.draft.ttl):
            raise ConflictError(
                f"The bulk send {batch_id} has a TTL outside {TTL_RANGE}: send a new one instead."
            )
        return view.batch

    async def retry(self, tenant_id: str, batch_id: str, by: str | None) -> BatchRun:
        """Prepare a bulk send to those that failed, were missed or expired, linked to the old one.

        Those that have answered ok since, with an answer that does not count, are left out and counted.

        Raises:
            NotFoundError: no such bulk send in this tenant.
            ConflictError: nothing of it failed, or all that did have answered ok since, or its TTL can no
                longer be sent.
        """
        old = (await self._sendable(tenant_id, batch_id)).draft
        failed = await self._table.devices(tenant_id, batch_id, RETRIED, ())
        members = [(device, command) for device, command, later in failed if later not in OK_WORDS]
        if not failed:
            raise ConflictError(f"No command of the bulk send {batch_id} failed, was missed or expired.")
        if not members:
            raise ConflictError(
                f"Nothing is sent again: every device of the bulk send {batch_id} whose command failed, was "
                "missed or expired has answered ok since. Send a new command to reach them."
            )
        draft = BatchDraft(
            str(uuid.uuid4()), old.command_type, old.params_json, old.ttl, f"retry of {batch_id}",
            len(members), clean_name(by) if by else None, batch_id,
        )  # fmt: skip
        return BatchRun(
            draft, tuple(device for device, _ in members), tuple(command for _, command in members),
            since_ok=len(failed) - len(members),
        )  # fmt: skip

    async def batches(
        self, tenant_id: str, limit: int = 200, before: Batch | None = None, wanted: Filter = EVERY_BATCH
    ) -> tuple[Batch, ...]:
        """Return the newest bulk sends that match, or those after the last one of a page."""
        return await self._table.page(tenant_id, wanted, limit, before)

    async def batch(self, tenant_id: str, batch_id: str) -> BatchView | None:
        """Return one bulk send and its progress; None if this tenant does not have it."""
        return await self._table.view(tenant_id, batch_id)

    async def unsent(self, tenant_id: str, batch_id: str) -> Unsent:
        """Return its devices that got no command."""
        return await self._table.unsent(tenant_id, batch_id)

    async def outcomes(self, tenant_id: str, batch_ids: Sequence[str]) -> dict[str, dict[Phase, int]]:
        """Count the commands of some bulk sends by phase; it takes as long as they have commands."""
        return await self._table.outcomes(tenant_id, batch_ids)

    async def group(self, tenant_id: str, batch_id: str, group: AnswerGroup) -> tuple[str, ...]:
        """Return the devices of one group of equal answers."""
        found = await self._table.devices(tenant_id, batch_id, (group.phase,), group.answers)
        return tuple(device for device, _, _ in found)
