"""Sending a reviewed command: its ids are made once, and the outcome is never guessed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from console.domain.commands import Draft
from console.domain.text.counts import counted
from console.errors import ConsoleError, DatabaseUnreachableError
from console.services.batch_send import BatchRun, BatchSend
from console.services.sender import Sender, SendReceipt
from console.tui.presenters.compose import devices_words
from console.tui.screens.dialogs.confirm import ConfirmAct
from console.tui.state.console_state import UnsentCommand


@dataclass(slots=True)
class SendFlow:
    """Send an unsent command to its devices. `target` describes them in words.

    `on_begun` continues a batch that is recorded for a tenant; `on_sent` is called when all is committed.
    """

    sender: Sender
    batches: BatchSend
    tenant: str
    operator: str | None
    device_ids: tuple[str, ...]
    target: str
    unsent: UnsentCommand
    on_begun: Callable[[str, BatchRun], object]
    on_sent: Callable[[], object]
    receipt: SendReceipt | None = None

    def prepare(self, ttl: timedelta) -> ConfirmAct:
        """Make the ids and return the function that sends under them, however often it is called."""
        if len(self.device_ids) > 1:
            batch = self._batch(ttl)
            return lambda _: self._send_batch(batch)
        drafts = self._drafts(ttl)
        return lambda _: self._send(drafts)

    def _batch(self, ttl: timedelta) -> BatchRun:
        """Make the batch; the same content keeps its id while its outcome is unknown."""
        unsent = self.unsent
        new = self.batches.job(
            unsent.command_type, unsent.params, ttl, self.operator,
            device_ids=self.device_ids, target=self.target,
        )  # fmt: skip
        old = unsent.batch
        if old is not None and old.device_ids == new.device_ids:
            same = replace(new.draft, batch_id=old.draft.batch_id)
            if same == old.draft:
                return old
        return new

    def _drafts(self, ttl: timedelta) -> tuple[Draft, ...]:
        """Make the drafts; the same content keeps their ids while its outcome is unknown."""
        unsent = self.unsent
        same = tuple((d.device_id, d.command_type, d.params_json, d.ttl) for d in unsent.drafts)
        new = tuple((device, unsent.command_type, unsent.params, ttl) for device in self.device_ids)
        if same == new:
            return unsent.drafts
        return tuple(self.sender.draft(*content, self.operator) for content in new)

    async def _send_batch(self, batch: BatchRun) -> str:
        self.unsent.batch = batch
        with self._unknown_outcome():
            await self.batches.begin(self.tenant, batch)
        self.on_begun(self.tenant, batch)
        self.receipt = SendReceipt((), batch_id=batch.draft.batch_id)
        self.on_sent()
        return f"Sending to {devices_words(self.device_ids)}."

    async def _send(self, drafts: tuple[Draft, ...]) -> str:
        self.unsent.drafts = drafts
        with self._unknown_outcome():
            self.receipt = receipt = await self.sender.send(self.tenant, drafts)
        self.on_sent()
        return f"{counted(len(receipt.command_ids), 'command')} committed."

    @contextmanager
    def _unknown_outcome(self) -> Iterator[None]:
        """Mark the outcome as unknown until the database has confirmed or refused."""
        unsent = self.unsent
        before, unsent.unknown_outcome = unsent.unknown_outcome, (self.device_ids, unsent.content)
        try:
            yield
        except DatabaseUnreachableError:
            raise
        except ConsoleError:
            unsent.unknown_outcome = before
            raise
        unsent.unknown_outcome = None
