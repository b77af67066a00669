"""Retry, cancel and copy on one command: the same on the history and on the detail screen."""

import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any, Literal, Protocol

from console.domain.acks import OK_WORDS
from console.domain.command_json import detail_json
from console.domain.commands import Command, Draft, Phase
from console.domain.explain import cancel_reason, explain, retry_reason, unknown_outcome
from console.domain.history import CommandDetail
from console.domain.link_causes import cause_words
from console.domain.text.safe import safe, safe_id
from console.domain.ttl import ttl_text, within_range
from console.errors import ConsoleError
from console.services.favourites import Saved
from console.tables.columns import Cell
from console.tui.keys.actions import ON_SCREEN_ONLY, Action
from console.tui.presenters.copies import resend_line
from console.tui.screens.actions import copy_id, copy_shell_line
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.clipboard import copy_text
from console.tui.screens.compose.review import Sending, looked_up_question
from console.tui.screens.dialogs.confirm import ConfirmAct, Question, ask
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowCompose


def _since(command: Command) -> str:
    """Return a warning that the device has answered ok since; empty where it has not."""
    is_news = command.phase is not Phase.OK and command.later in OK_WORDS
    return "! The device has answered ok since. " if is_news else ""


class CommandActions:
    """The actions on one command of a screen: the one that `chosen` returns."""

    def __init__(self, screen: ConsoleScreen, chosen: Callable[[], Command | None]) -> None:
        self._screen = screen
        self._chosen = chosen
        self._retries: dict[str, Draft] = {}  # kept until committed: a second attempt sends the same command

    # Why something cannot be done

    def no_command(self) -> str | None:
        return "there is no command here" if self._chosen() is None else None

    def no_retry(self) -> str | None:
        command = self._chosen()
        if command is None:
            return self.no_command()
        return self._database_down() or retry_reason(command)

    def no_cancel(self) -> str | None:
        command = self._chosen()
        if command is None:
            return self.no_command()
        return self._database_down() or cancel_reason(command)

    def no_answer(self) -> str | None:
        command = self._chosen()
        if command is not None and command.acked_at is None and not command.ack_status:
            return "the device has not answered"
        return self.no_command()

    def _database_down(self) -> str | None:
        return None if self._state.program.health.view().database.up else "the database is down"

    # What is done

    @property
    def _state(self) -> ConsoleState:
        return self._screen.state

    def _begin(self, work: Callable[[str], Coroutine[Any, Any, None]], group: str = "ask") -> None:
        """Begin an action that has to read the chosen command first."""
        command = self._chosen()
        if command is not None:
            start(self._screen, partial(work, command.command_id), group, exclusive=True)

    def retry(self) -> None:
        """Ask whether to send the command again."""
        self._begin(self._ask_retry)

    def explain(self) -> None:
        """Explain in one sentence why the command is in its phase."""
        self._begin(self._explain)

    def edit(self) -> None:
        """Open the compose screen, filled in with this command."""
        self._begin(self._edit)

    def cancel(self) -> None:
        """Ask whether to cancel the command."""
        self._begin(self._ask_cancel)

    def copy_id(self) -> None:
        command = self._chosen()
        if command is not None:
            copy_text(self._screen, "the id", command.command_id)

    def copy_device(self) -> None:
        command = self._chosen()
        if command is not None:
            copy_text(self._screen, "the device’s id", command.device_id)

    def copy_json(self) -> None:
        self._copy("the command as JSON", detail_json)

    def copy_shell_line(self) -> None:
        self._copy("the shell line", lambda detail: resend_line(detail.command), "params")

    def copy_answer(self) -> None:
        self._copy("the answer", lambda detail: detail.command.ack_json or "null", "answer")

    def copy_explanation(self) -> None:
        self._copy("the explanation", self._explanation)

    def _copy(
        self, what: str, text: Callable[[CommandDetail], str], made_of: Literal["params", "answer", ""] = ""
    ) -> None:
        self._begin(partial(self._copy_whole, what, text, made_of), "copy")

    async def _copy_whole(
        self, what: str, text: Callable[[CommandDetail], str], made_of: str, command_id: str
    ) -> None:
        detail = await self._detail_of(command_id)
        if detail is None:
            return
        documents = {"params": detail.command.params, "answer": detail.command.answer}
        document = documents.get(made_of)
        if document is not None and not document.complete:
            self._screen.say(f"Its {made_of} cannot be copied: too long to be read back in full.", "warn")
        else:
            copy_text(self._screen, what, text(detail))

    async def _ask_retry(self, command_id: str) -> None:
        detail = await self._detail_of(command_id)
        if detail is None:
            return
        old = detail.command
        if not old.params.complete:
            self._screen.say("Its params are too long to be read back in full: send a new command.", "warn")
            return
        sender = self._state.program.sender
        ttl = old.expires_at - old.created_at
        by = self._state.program.operator
        draft = self._retries.setdefault(
            command_id,
            replace(
                sender.draft(old.device_id, old.command_type, old.params_json, ttl, by), retry_of=command_id
            ),
        )

        tenant = self._state.tenant

        async def send(_: str) -> str:
            await sender.send(tenant, [draft])
            self._state.log.retried(self._state.clock.now(), tenant, draft)
            self._retries.pop(command_id, None)
            return f"Sent again as {draft.command_id}."

        sending = Sending(
            old.command_type, old.params_json, ttl_text(ttl), (old.device_id,),
            title="Send {kind} to {whom} of {tenant} again?",
            note=f"{_since(old)}Params and TTL stay the same.",
        )  # fmt: skip
        try:
            question = await looked_up_question(self._state, sending)
        except ConsoleError as error:
            self._screen.say(str(error), "bad")
        else:
            if self._screen.still_here():
                self._ask(question, send)

    async def _explain(self, command_id: str) -> None:
        detail = await self._detail_of(command_id)
        if detail is not None:
            self._screen.say(self._explanation(detail))

    def _explanation(self, detail: CommandDetail) -> str:
        broker = self._state.program.health.view().broker
        why = cause_words(broker.cause, broker.reason) or "it does not answer"
        return explain(detail, "" if broker.up else why)

    async def _detail_of(self, command_id: str) -> CommandDetail | None:
        """Return the whole command; None, with the error shown, when it cannot be read."""
        try:
            detail = await self._state.program.history.command(self._state.tenant, command_id)
        except ConsoleError as error:
            self._screen.say(str(error), "bad")
            return None
        if detail is None:
            self._screen.say("The command is gone.", "bad")
        return detail

    async def _edit(self, command_id: str) -> None:
        """Open the compose screen with the whole command; other drafts stay as they are."""
        detail = await self._detail_of(command_id)
        if detail is not None and not detail.command.params.complete:
            self._screen.say(
                "Its params are too long to be read back in full: they cannot be edited here.", "warn"
            )
        elif detail is not None:
            old = detail.command
            ttl = within_range(old.expires_at - old.created_at)
            content = Saved(old.command_type, old.params_json, ttl_text(ttl))
            self._screen.post_message(ShowCompose((old.device_id,), content=content, origin=command_id))

    async def _ask_cancel(self, command_id: str) -> None:
        detail = await self._detail_of(command_id)
        if detail is None or not self._screen.still_here():
            return
        program, tenant, command = self._state.program, self._state.tenant, detail.command

        async def cancel(reason: str) -> str:
            await program.sender.cancel(tenant, command_id, program.operator, reason)
            self._state.log.cancelled(self._state.clock.now(), command, reason)
            now = detail
            with contextlib.suppress(ConsoleError):  # the command may have changed since the dialog opened
                now = await program.history.command(tenant, command_id) or detail
            unsure = unknown_outcome(now)
            if unsure:
                return f"Cancelled: it will not be published again; {unsure}, so the device may have it."
            return "Cancelled: it will not be published."

        whom = f"{safe_id(command.device_id, 40)} of {safe(tenant, 40)}"
        title = f"Cancel {safe(command.command_type, 40)} to {whom}?"
        unsure = unknown_outcome(detail)
        known = Cell("It waits and has not been published.", "dim")
        if unsure:
            known = Cell(f"It is not confirmed by the broker, but {unsure}: the device may have it.", "warn")
        self._ask(Question(title, ((known,),), "cancel it", no="keep it", ask_reason=True), cancel)

    def _ask(self, question: Question, act: ConfirmAct) -> None:
        ask(self._screen, question, act, self._acted)

    def _acted(self, outcome: str) -> None:
        self._screen.say(outcome)
        self._screen.request_read()


class HasCommand(Protocol):
    """A screen with one command under the cursor."""

    @property
    def on_command(self) -> CommandActions: ...


ON_COMMAND: tuple[Action[HasCommand], ...] = (
    Action(
        "retry", "r", "retry", "Send an ended command again, as a new one with the same TTL",
        "device-console retry ID", lambda s: s.on_command.retry(), lambda s: s.on_command.no_retry(),
        act=True, footer=12,
    ),
    Action(
        "explain", "e", "explain", "Explain why the command is in its phase, and what holds it up",
        "device-console show ID", lambda s: s.on_command.explain(), lambda s: s.on_command.no_command(),
        footer=14,
    ),
    Action(
        "edit", "E", "edit and send", "Copy a command into a new form, to change and send it",
        "device-console send DEVICE TYPE --params JSON",
        lambda s: s.on_command.edit(), lambda s: s.on_command.no_command(), act=True, footer=17,
    ),
    Action(
        "cancel", "x", "cancel", "Cancel a waiting command before it is published",
        "device-console cancel ID", lambda s: s.on_command.cancel(), lambda s: s.on_command.no_cancel(),
        act=True, footer=13,
    ),
)  # fmt: skip
COPIES: tuple[Action[HasCommand], ...] = (
    copy_id(lambda s: s.on_command.copy_id(), lambda s: s.on_command.no_command()),
    Action(
        "copy_target", "D", "copy device id", "Copy the id of the device that it is for", ON_SCREEN_ONLY,
        lambda s: s.on_command.copy_device(), lambda s: s.on_command.no_command(),
    ),
    Action(
        "copy_answer", "A", "copy answer", "Copy the device's answer as it was stored", ON_SCREEN_ONLY,
        lambda s: s.on_command.copy_answer(), lambda s: s.on_command.no_answer(),
    ),
    Action(
        "copy_sentence", "S", "copy explanation", "Copy the explanation of its phase",
        ON_SCREEN_ONLY, lambda s: s.on_command.copy_explanation(), lambda s: s.on_command.no_command(),
    ),
    Action(
        "copy_json", "Y", "copy json", "Copy the command as JSON", "device-console show ID --json",
        lambda s: s.on_command.copy_json(), lambda s: s.on_command.no_command(), footer=24,
    ),
    copy_shell_line(lambda s: s.on_command.copy_shell_line(), lambda s: s.on_command.no_command()),
)  # fmt: skip
