"""What an operator does: send, retry, cancel. A send ends at the commit; publishing is the dispatcher's."""

import getpass
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from console.domain.commands import Command, Draft, Phase, params_fault
from console.domain.explain import NOT_OURS
from console.domain.history import CommandDetail
from console.domain.targets import Inserted, Target
from console.domain.ttl import TTL_RANGE, ttl_fault
from console.errors import ConflictError, InvalidInputError, NotFoundError
from console.limits import DEFAULT_TTL, MAX_NAME_LENGTH
from console.retry import COMMITS


class CommandWrites(Protocol):
    """What a sender needs of the database."""

    async def insert(self, tenant_id: str, drafts: Sequence[Draft]) -> Inserted: ...
    async def same(self, tenant_id: str, draft: Draft) -> bool | None: ...
    async def targets(self, tenant_id: str, device_ids: Sequence[str]) -> tuple[Target, ...]: ...
    async def cancel(self, tenant_id: str, command_id: str, by: str, reason: str) -> bool: ...
    async def detail(self, tenant_id: str, command_id: str) -> CommandDetail | None: ...


@dataclass(frozen=True, slots=True)
class SendReceipt:
    """The result of a send: the committed ids, and what the operator should know."""

    command_ids: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    existed: bool = False
    batch_id: str = ""


class Sender:
    """Validates, makes ids, commits. `sent` is called with the tenant after each commit."""

    def __init__(self, store: CommandWrites, sent: Callable[[str], None], max_payload_bytes: int) -> None:
        self._store = store
        self._sent = sent
        self._max_payload_bytes = max_payload_bytes

    def params_fault(self, params_json: str) -> str | None:
        """Return why these params cannot be sent from here; None if they can."""
        return params_fault(params_json, self._max_payload_bytes)

    def draft(
        self,
        device_id: str,
        command_type: str,
        params_json: str = "{}",
        ttl: timedelta = DEFAULT_TTL,
        created_by: str | None = None,
        command_id: str | None = None,
    ) -> Draft:
        """Return a draft with an id of its own; nothing is written yet."""
        return Draft(
            command_id=str(uuid.uuid4()) if command_id is None else command_id,
            device_id=device_id,
            command_type=command_type,
            params_json=params_json,
            ttl=ttl,
            created_by=clean_name(created_by) if created_by else None,
            id_is_given=command_id is not None,
        )

    async def targets(self, tenant_id: str, device_ids: Sequence[str]) -> tuple[Target, ...]:
        """Return the targets: why each cannot be sent to, and what the operator should know first."""
        return await self._store.targets(tenant_id, device_ids)

    async def send(self, tenant_id: str, drafts: Sequence[Draft]) -> SendReceipt:
        """Commit these drafts as queued commands.

        Raises:
            InvalidInputError: a limit of the contract is broken; nothing was written.
            NotFoundError: an unknown device; nothing was written.
            ConflictError: a given id exists with different content.
            DatabaseUnreachableError: the outcome is unknown; sending the same drafts again is safe.
        """
        for draft in drafts:
            faults = draft.faults(self._max_payload_bytes)
            if faults:
                raise InvalidInputError(" ".join(faults))
        done = await self._insert(tenant_id, drafts)
        for recipient in done.recipients:
            if recipient.fault:
                raise (InvalidInputError if recipient.registered else NotFoundError)(recipient.fault)
        existed = await self._check_existing(
            tenant_id, [d for d in drafts if d.command_id not in done.written]
        )
        self._sent(tenant_id)
        warnings = tuple(recipient.warning for recipient in done.recipients if recipient.warning)
        return SendReceipt(tuple(draft.command_id for draft in drafts), warnings, existed)

    async def _insert(self, tenant_id: str, drafts: Sequence[Draft]) -> Inserted:
        return await COMMITS.run(lambda: self._store.insert(tenant_id, drafts))

    async def _check_existing(self, tenant_id: str, drafts: Sequence[Draft]) -> bool:
        for draft in drafts:
            same = await self._store.same(tenant_id, draft)
            if same is None:
                raise ConflictError(
                    f"The command for {draft.device_id!r} was not written: the device or the tenant changed "
                    "meanwhile. Nothing was sent to it; look at the device and send again."
                )
            if not same:
                raise ConflictError(
                    f"The id {draft.command_id!r} already belongs to another command: choose another id."
                )
        return bool(drafts)

    async def retry(self, tenant_id: str, command_id: str, by: str | None) -> SendReceipt:
        """Send an ended command again: a new row, a new id, the original TTL, linked in the journal.

        Raises:
            NotFoundError: no such command in this tenant.
            ConflictError: it has not ended yet, or its params or TTL can no longer be sent.
        """
        return await self.send(tenant_id, [await self.again(tenant_id, command_id, by)])

    async def again(self, tenant_id: str, command_id: str, by: str | None) -> Draft:
        """Return the draft that a retry sends; raises as `retry` does."""
        old = await self._existing(tenant_id, command_id)
        if not old.phase.settled:
            raise ConflictError(
                f"The command {command_id} is still {old.phase}: only an ended command can be retried."
            )
        ttl = old.expires_at - old.created_at
        if ttl_fault(ttl):
            raise ConflictError(
                f"The command {command_id} had a TTL outside {TTL_RANGE}: send a new one instead."
            )
        if not old.params.complete:
            raise ConflictError(
                f"The params of the command {command_id} are too long to be read back in full: send a new "
                "command with the same params."
            )
        draft = self.draft(old.device_id, old.command_type, old.params_json, ttl, by)
        return replace(draft, retry_of=command_id)

    async def cancel(self, tenant_id: str, command_id: str, by: str, reason: str = "") -> None:
        """Cancel an unpublished command.

        Raises:
            NotFoundError: no such command in this tenant.
            ConflictError: it is published, settled, or being published right now; nothing was changed.
        """
        if await self._store.cancel(tenant_id, command_id, clean_name(by), reason[:500]):
            self._sent(tenant_id)
            return
        command = await self._existing(tenant_id, command_id)
        if command.phase in {Phase.PUBLISHED, Phase.IN_PROGRESS}:
            why = "it is already published, and a published command cannot be recalled"
        elif command.phase is Phase.WAITING:
            why = "it is being published right now" if command.in_outbox else NOT_OURS
        else:
            why = f"it is already {command.phase}"
        raise ConflictError(f"The command {command_id} cannot be cancelled: {why}.")

    async def _existing(self, tenant_id: str, command_id: str) -> Command:
        found = await self._store.detail(tenant_id, command_id)
        if found is None:
            raise NotFoundError(f"There is no command {command_id!r} in the tenant {tenant_id!r}.")
        return found.command


def clean_name(name: str) -> str:
    """Return an operator's name without control characters and not too long; never empty."""
    cleaned = re.sub(r"\s+", " ", "".join(c for c in name if c.isprintable())).strip()[:MAX_NAME_LENGTH]
    return cleaned or "unknown"


def login_name() -> str:
    """Return the login name of the user who started the program."""
    try:
        return clean_name(getpass.getuser())
    except (OSError, KeyError):
        return "unknown"
