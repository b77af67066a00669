"""Retry, cancel and copy on one command: the same on the history and on the detail screen."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from console.domain.acks import OK_WORDS
from console.domain.command_json import detail_json
from console.domain.commands import Command, Draft, Phase
from console.domain.explain import cancel_reason, doubt, explain, retry_reason
from console.domain.history import CommandDetail
from console.domain.link_causes import cause_words
from console.domain.text.safe import safe, safe_id
from console.domain.ttl import ttl_text, within_range
from console.errors import ConsoleError
from console.services.favourites import Saved
from console.tui.presenters.cells import Cell
from console.tui.presenters.copies import resend_line
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.clipboard import copy_text
from console.tui.screens.compose.review import Sending, looked_up_question
from console.tui.screens.dialogs.confirm import ConfirmAct, Question, ask
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowCompose

COPIES = frozenset({"copy_id", "copy_target", "copy_answer", "copy_sentence", "copy_json", "copy_cli"})


def _since(command: Command) -> str:
    """What an operator should know who sends it again: the device has answered ok since."""
    is_news = command.phase is not Phase.OK and command.later in OK_WORDS
    return "! The device has answered ok since. " if is_news else ""


class CommandActs(ConsoleScreen):
    """A screen with one command under the cursor."""

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self._retries: dict[str, Draft] = {}  # kept until committed: a second try is the same command

    @property
    def chosen(self) -> Command | None:
        """The command that an action would act on."""
        raise NotImplementedError

    def reason(self, action_id: str) -> str | None:
        command = self.chosen
        if (
            action_id in {"retry", "cancel", "open", "edit", "explain", "compose"} | COPIES
            and command is None
        ):
            return "there is no command here"
        if command is None:
            return None
        if action_id in {"retry", "cancel"} and not self.state.program.health.view().database.up:
            return "the database is down"
        if action_id == "copy_answer" and command.acked_at is None and not command.ack_status:
            return "the device has not answered"
        if action_id == "retry":
            return retry_reason(command)
        return cancel_reason(command) if action_id == "cancel" else None

    def action_retry(self) -> None:
        command = self.chosen
        if not self.refuse("retry") and command is not None:
            start(self, partial(self._ask_retry, command.command_id), "ask", exclusive=True)

    async def _ask_retry(self, command_id: str) -> None:
        detail = await self._detail_of(command_id)
        if detail is None:
            return
        old = detail.command
        sender = self.state.program.sender
        ttl = old.expires_at - old.created_at
        by = self.state.program.operator
        draft = self._retries.setdefault(
            command_id,
            replace(
                sender.draft(old.device_id, old.command_type, old.params_json, ttl, by), retry_of=command_id
            ),
        )

        tenant = self.state.tenant

        async def send(_: str) -> str:
            await sender.send(tenant, [draft])
            self._retries.pop(command_id, None)
            return f"Sent again as {draft.command_id}."

        sending = Sending(
            old.command_type, old.params_json, ttl_text(ttl), (old.device_id,),
            title="Send {kind} to {whom} of {tenant} again?",
            note=f"{_since(old)}Params and ttl are as they were.",
        )  # fmt: skip
        try:
            question = await looked_up_question(self.state, sending)
        except ConsoleError as error:
            self.say(str(error), "bad")
        else:
            if self.still_here():
                self._ask(question, send)

    def action_explain(self) -> None:
        command = self.chosen
        if not self.refuse("explain") and command is not None:
            start(self, partial(self._explain, command.command_id), "ask", exclusive=True)

    async def _explain(self, command_id: str) -> None:
        detail = await self._detail_of(command_id)
        if detail is not None:
            self.say(self._sentence(detail))

    def _sentence(self, detail: CommandDetail) -> str:
        broker = self.state.program.health.view().broker
        why = cause_words(broker.cause, broker.reason) or "it does not answer"
        return explain(detail, "" if broker.up else why)

    async def _detail_of(self, command_id: str) -> CommandDetail | None:
        """The whole command; when it cannot be had, that is said."""
        try:
            detail = await self.state.program.history.command(self.state.tenant, command_id)
        except ConsoleError as error:
            self.say(str(error), "bad")
            return None
        if detail is None:
            self.say("The command is gone.", "bad")
        return detail

    def action_edit(self) -> None:
        command = self.chosen
        if not self.refuse("edit") and command is not None:
            start(self, partial(self._edit, command.command_id), "ask", exclusive=True)

    async def _edit(self, command_id: str) -> None:
        """Begin a sheet with the whole command; the draft of the other sheet stays as it is."""
        detail = await self._detail_of(command_id)
        if detail is not None and not detail.command.params.complete:
            self.say("Its params are too long to be read back whole: they cannot be edited here.", "warn")
        elif detail is not None:
            old = detail.command
            ttl = within_range(old.expires_at - old.created_at)
            content = Saved(old.command_type, old.params_json, ttl_text(ttl))
            self.post_message(ShowCompose((old.device_id,), content=content, origin=command_id))

    def action_cancel(self) -> None:
        command = self.chosen
        if not self.refuse("cancel") and command is not None:
            start(self, partial(self._ask_cancel, command.command_id), "ask", exclusive=True)

    async def _ask_cancel(self, command_id: str) -> None:
        detail = await self._detail_of(command_id)
        if detail is None or not self.still_here():
            return
        program, tenant, command = self.state.program, self.state.tenant, detail.command

        async def cancel(reason: str) -> str:
            await program.sender.cancel(tenant, command_id, program.operator, reason)
            now = detail
            with contextlib.suppress(ConsoleError):  # much may have happened since the question
                now = await program.history.command(tenant, command_id) or detail
            unsure = doubt(now)
            if unsure:
                return f"Cancelled: it will not be published again; {unsure}, so the device may have it."
            return "Cancelled: it will not be published."

        whom = f"{safe_id(command.device_id, 40)} of {safe(tenant, 40)}"
        title = f"Cancel {safe(command.command_type, 40)} to {whom}?"
        unsure = doubt(detail)
        told = Cell("It waits and has not been published.", "dim")
        if unsure:
            told = Cell(f"It is not confirmed by the broker, but {unsure}: the device may have it.", "warn")
        self._ask(Question(title, ((told,),), "cancel it", no="keep it", ask_reason=True), cancel)

    def _ask(self, question: Question, act: ConfirmAct) -> None:
        ask(self, question, act, self._acted)

    def _acted(self, said: str) -> None:
        self.say(said)
        self.request_read()

    def action_copy_id(self) -> None:
        command = self.chosen
        if not self.refuse("copy_id") and command is not None:
            copy_text(self, "the id", command.command_id)

    def action_copy_target(self) -> None:
        command = self.chosen
        if not self.refuse("copy_target") and command is not None:
            copy_text(self, "the device’s id", command.device_id)

    def action_copy_json(self) -> None:
        self._copy("copy_json", "the command as JSON", detail_json)

    def action_copy_cli(self) -> None:
        self._copy("copy_cli", "the shell line", lambda detail: resend_line(detail.command))

    def action_copy_answer(self) -> None:
        self._copy("copy_answer", "the answer", lambda detail: detail.command.ack_json or "null")

    def action_copy_sentence(self) -> None:
        self._copy("copy_sentence", "the explanation", self._sentence)

    def _copy(self, action_id: str, what: str, text: Callable[[CommandDetail], str]) -> None:
        command = self.chosen
        if not self.refuse(action_id) and command is not None:
            start(self, partial(self._copy_whole, command.command_id, what, text), "copy", exclusive=True)

    async def _copy_whole(self, command_id: str, what: str, text: Callable[[CommandDetail], str]) -> None:
        detail = await self._detail_of(command_id)
        if detail is not None:
            copy_text(self, what, text(detail))
