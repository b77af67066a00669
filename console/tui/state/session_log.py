"""What this console did for the tenant since it was opened: kept in memory, an entry for each thing done.

Decided in docs/decisions/0095-the-log-of-a-session.md
"""

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from console.domain.commands import Command, Draft
from console.domain.text.counts import counted
from console.domain.text.safe import safe, safe_id
from console.services.batch_send import BatchRun
from console.tui.presenters.copies import naming_filter, send_line, shell_line

MOST = 200  # entries
_TYPE, _DEVICE = 40, 60  # most characters


@dataclass(slots=True)
class Entry:
    """One thing that was done.

    `at` is the database's time, `what` is cleaned for the screen, `line` the shell line that does the same:
    empty where none does. `command` is the command as it was last read, `result` how it ended where no
    command and no bulk send say so. `sent` is whether it is a command that was sent by it.
    """

    key: str
    at: datetime
    tenant: str
    what: str
    line: str
    command_id: str = ""
    batch_id: str = ""
    result: str = ""
    sent: bool = False
    command_type: str = ""
    device_id: str = ""
    began: float = field(default_factory=time.monotonic)
    command: Command | None = None


class SessionLog:
    """The newest entries, the newest first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=MOST)
        self._made = 0

    def of(self, tenant: str) -> list[Entry]:
        """Return the entries of a tenant, newest first."""
        return [entry for entry in self._entries if entry.tenant == tenant]

    def take(self, tenant: str, commands: Iterable[Command]) -> None:
        """Take over commands as they were just read."""
        read = {command.command_id: command for command in commands}
        for entry in self.of(tenant):
            entry.command = read.get(entry.command_id, entry.command)

    def sent(self, at: datetime, tenant: str, drafts: Sequence[Draft]) -> None:
        """Record commands that are committed, each to one device."""
        for one in drafts:
            line = send_line(tenant, [one.device_id], one.command_type, one.params_json, one.ttl) or ""
            self._add_command(at, tenant, "", one, line, one.command_id)

    def retried(self, at: datetime, tenant: str, draft: Draft) -> None:
        """Record that a command was sent again under a new id."""
        line = shell_line(tenant, "retry", draft.retry_of or "", "--yes")
        self._add_command(at, tenant, "retry ", draft, line, draft.command_id)

    def cancelled(self, at: datetime, command: Command, reason: str) -> None:
        """Record that a command was cancelled."""
        why = ("--reason", reason) if reason else ()
        line = shell_line(command.tenant_id, "cancel", command.command_id, *why)
        what = f"cancel {_to(command.command_type, command.device_id)}"
        self._add(Entry(self._next(), at, command.tenant_id, what, line, command.command_id))

    def bulk(
        self, at: datetime, tenant: str, job: BatchRun, where: str = "", *, resumed: bool = False
    ) -> None:
        """Record that a bulk send was begun, or goes on; `where` is the filter that found its devices."""
        draft = job.draft
        to = f"{safe(draft.command_type, _TYPE)} to {job.total:,}"
        what, line = f"bulk send {to}", _bulk_line(tenant, job, where)
        if resumed:
            what, line = f"rest of {to}", shell_line(tenant, "resume", draft.batch_id, "--yes")
        self._add(Entry(self._next(), at, tenant, what, line, batch_id=draft.batch_id))

    def stopped(self, at: datetime, tenant: str, batch_id: str, command_type: str, taken: int) -> None:
        """Record that a bulk send was stopped, with so many commands cancelled."""
        what = f"stop bulk send {safe(command_type, _TYPE)}"
        result = f"{counted(taken, 'command')} cancelled"
        line = shell_line(tenant, "cancel", batch_id)
        self._add(Entry(self._next(), at, tenant, what, line, batch_id=batch_id, result=result))

    def exported(self, at: datetime, tenant: str, words: Sequence[str], file: str, count: int) -> None:
        """Record an export into `file`; `words` stand behind ``export``, none where no line does the same."""
        line = shell_line(tenant, "export", *words) if words else ""
        result = f"{counted(count, 'command')} written"
        self._add(Entry(self._next(), at, tenant, f"export to {safe(file, 60)}", line, result=result))

    def _add_command(
        self, at: datetime, tenant: str, how: str, draft: Draft, line: str, command_id: str
    ) -> None:
        kind, device = draft.command_type, draft.device_id
        entry = Entry(self._next(), at, tenant, f"{how}{_to(kind, device)}", line, command_id)
        entry.sent, entry.command_type, entry.device_id = True, kind, device
        self._add(entry)

    def _add(self, entry: Entry) -> None:
        self._entries.appendleft(entry)

    def _next(self) -> str:
        self._made += 1
        return str(self._made)


def _to(command_type: str, device_id: str) -> str:
    return f"{safe(command_type, _TYPE)} → {safe_id(device_id, _DEVICE)}"


def _bulk_line(tenant: str, job: BatchRun, where: str) -> str:
    draft = job.draft
    found = where or naming_filter(job.device_ids)
    return send_line(tenant, job.device_ids, draft.command_type, draft.params_json, draft.ttl, found) or ""
