"""Sending of a bulk send again or on: a retry of what failed, and the rest of one that was interrupted."""

from collections.abc import Awaitable, Callable

from console.domain.text.counts import counted
from console.domain.ttl import ttl_text
from console.errors import ConsoleError
from console.services.batch_send import BatchRun, since_ok_text
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.compose.review import Sending, looked_up_question
from console.tui.screens.dialogs.confirm import ConfirmAct, Question
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowBatch


class BatchSends:
    """Both ask first; `ask` shows a question and runs what is confirmed."""

    def __init__(
        self, screen: ConsoleScreen, batch_id: str, ask: Callable[[Question, ConfirmAct], None]
    ) -> None:
        self._screen = screen
        self._batch_id = batch_id
        self._ask = ask
        self._unsure: BatchRun | None = None

    @property
    def _state(self) -> ConsoleState:
        return self._screen.state

    def retry(self) -> None:
        """Ask whether to repeat what failed, was missed or expired, as a new bulk send."""
        start(self._screen, self._ask_retry, "ask", exclusive=True)

    async def _ask_retry(self) -> None:
        program, tenant = self._state.program, self._state.tenant

        async def prepare(tenant_id: str, batch_id: str, by: str | None) -> BatchRun:
            """Return the same bulk send while its outcome is unknown: a new one would send again."""
            job, before = await program.bulk.retry(tenant_id, batch_id, by), self._unsure
            same = before is not None and (before.device_ids, before.retried) == (job.device_ids, job.retried)
            return before if before is not None and same else job

        async def send(job: BatchRun) -> str:
            self._unsure = job
            await program.bulk.begin(tenant, job)
            self._unsure = None
            self._state.run_job(self._screen.app, tenant, job)
            self._screen.post_message(ShowBatch(job.draft.batch_id))
            return f"Sending again to {counted(job.total, 'device')}."

        def with_what(job: BatchRun) -> str:
            left_out = f" {since_ok_text(job.since_ok)}: nothing is sent to them." if job.since_ok else ""
            return f"Only to those that failed, were missed or expired, as a new bulk send.{left_out}"

        await self._ask_send(prepare, "Send {kind} again to {whom} of {tenant}?", with_what, send)

    def resume(self) -> None:
        """Ask whether to send the rest of an interrupted bulk send."""
        start(self._screen, self._ask_resume, "ask", exclusive=True)

    async def _ask_resume(self) -> None:
        tenant = self._state.tenant

        async def send(job: BatchRun) -> str:
            self._state.run_job(self._screen.app, tenant, job, resumed=True)
            return f"Sending to {counted(job.total, 'device')} that got nothing."

        with_what = "Only to devices without a command so far; their TTL starts now."
        title = "Send the rest: {kind} to {whom} of {tenant}?"
        await self._ask_send(self._state.program.bulk.resume, title, lambda _: with_what, send)

    async def _ask_send(
        self,
        prepare: Callable[[str, str, str | None], Awaitable[BatchRun]],
        title: str,
        hint: Callable[[BatchRun], str],
        send: Callable[[BatchRun], Awaitable[str]],
    ) -> None:
        program, tenant = self._state.program, self._state.tenant
        try:
            job = await prepare(tenant, self._batch_id, program.operator)
            draft = job.draft
            sending = Sending(
                draft.command_type, draft.params_json, ttl_text(draft.ttl), job.device_ids, title, hint(job)
            )
            question = await looked_up_question(self._state, sending)
        except ConsoleError as error:
            self._screen.say(str(error), "bad")
            return
        if self._screen.still_here():
            self._ask(question, lambda _: send(job))
