"""From a reviewed sheet to what is committed: the ids are made once, and the outcome is never guessed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from console.domain.commands import Draft
from console.domain.text.counts import counted
from console.domain.ttl import parse_ttl
from console.errors import ConsoleError, DatabaseUnreachableError
from console.services.batch_send import BatchRun
from console.services.sender import SendReceipt
from console.tui.presenters.compose import devices_words
from console.tui.screens.compose.params import FormSheet
from console.tui.screens.device_marks import MarkingScreen
from console.tui.screens.dialogs.confirm import Question, ask
from console.tui.state.console_state import ConsoleState, Sheet


class SendingSheet(FormSheet):
    """A sheet that can be sent. `target` says in words whom it is meant for."""

    def __init__(self, state: ConsoleState, sheet: Sheet, device_ids: Sequence[str], target: str) -> None:
        super().__init__(state, sheet, device_ids)
        self._target = target or devices_words(device_ids)
        self._receipt: SendReceipt | None = None

    def question(self) -> Question:
        """What is asked before the send."""
        raise NotImplementedError

    def action_review(self) -> None:
        if self.refuse("review"):
            return
        sheet, count = self._sheet, len(self.device_ids)
        if count > 1:
            job = self._job(sheet)
            ask(self, self.question(), lambda _: self._send_bulk(sheet, job), self._done)
            return
        drafts = self._drafts(sheet)
        ask(self, self.question(), lambda _: self._send(sheet, drafts), self._done)

    def _job(self, sheet: Sheet) -> BatchRun:
        """A batch's id is made here, once; the same content keeps it while its outcome is unknown."""
        wanted = parse_ttl(self._ttl.value)
        new = self.state.program.bulk.job(
            sheet.command_type, sheet.params, wanted, self.state.program.operator,
            device_ids=self.device_ids, target=self._target,
        )  # fmt: skip
        old = sheet.batch
        if old is not None and old.device_ids == new.device_ids:
            same = replace(new.draft, batch_id=old.draft.batch_id)
            if same == old.draft:
                return old
        return new

    async def _send_bulk(self, sheet: Sheet, job: BatchRun) -> str:
        sheet.batch, tenant = job, self.state.tenant
        with self._doubting(sheet):
            await self.state.program.bulk.begin(tenant, job)
        self.state.run_job(self.app, tenant, job)
        self._receipt = SendReceipt((), batch_id=job.draft.batch_id)
        self._settle(sheet)
        return f"Sending to {devices_words(self.device_ids)}."

    async def _send(self, sheet: Sheet, drafts: tuple[Draft, ...]) -> str:
        sheet.drafts = drafts
        with self._doubting(sheet):
            receipt = await self.state.program.sender.send(self.state.tenant, drafts)
        self._receipt = receipt
        self._settle(sheet)
        return f"{counted(len(receipt.command_ids), 'command')} committed."

    def _settle(self, sheet: Sheet) -> None:
        """What is sent is no draft any more, and those who got it are not marked for the next one."""
        self.state.forget(sheet)
        for screen in self.app.screen_stack:
            if isinstance(screen, MarkingScreen):
                screen.unmark(self.device_ids)

    @contextmanager
    def _doubting(self, sheet: Sheet) -> Iterator[None]:
        """Until the outcome is known the sheet does not say that nothing was sent."""
        before, sheet.doubted = sheet.doubted, (self.device_ids, sheet.content)
        try:
            yield
        except DatabaseUnreachableError:
            raise
        except ConsoleError:
            sheet.doubted = before
            raise
        sheet.doubted = None

    def _drafts(self, sheet: Sheet) -> tuple[Draft, ...]:
        """Ids are made here, once; the same content keeps them while its outcome is unknown."""
        sender, by = self.state.program.sender, self.state.program.operator
        wanted = parse_ttl(self._ttl.value)
        same = tuple((d.device_id, d.command_type, d.params_json, d.ttl) for d in sheet.drafts)
        new = tuple((device, sheet.command_type, sheet.params, wanted) for device in self.device_ids)
        if same == new:
            return sheet.drafts
        return tuple(sender.draft(*content, by) for content in new)

    def _done(self, said: str) -> None:
        del said
        self.dismiss(self._receipt)
