"""The devices of one bulk send that have no command of it: looked up when it matters, and told by name."""

import time
from dataclasses import dataclass

from console.domain.batches import BatchView, Unsent
from console.domain.text.counts import counted
from console.domain.text.safe import safe_id
from console.services.batch_send import BatchSend

_AGAIN_S = 5.0
_LISTED = 500


@dataclass(frozen=True, slots=True)
class UnsentRow:
    """Devices that got nothing for one reason: `why` in a word, `title` in a sentence."""

    why: str
    title: str
    device_ids: tuple[str, ...]
    count: int
    can_be_sent_to: bool = False

    @property
    def text(self) -> str:
        """The names, one a line."""
        more = self.count - min(len(self.device_ids), _LISTED)
        names = [safe_id(device, 128) for device in self.device_ids[:_LISTED]]
        return "\n".join([*names, *([f"… and {more:,} more"] if more else [])])


class UnsentDevices:
    """Reads them again when more was committed, and otherwise not with each hint."""

    def __init__(self, bulk: BatchSend, tenant: str, batch_id: str) -> None:
        self._bulk = bulk
        self._tenant = tenant
        self._batch_id = batch_id
        self._unsent = Unsent()
        self._looked: tuple[object, float] = (None, 0.0)

    async def read(self, view: BatchView, *, is_sending: bool) -> Unsent:
        """Return who has no command; nobody while it is being sent, since that changes with every piece.

        Raises:
            ConsoleError: the database did not answer.
        """
        if is_sending or view.committed >= view.batch.draft.wanted:
            return Unsent()
        seen = view.committed, view.batch.stopped_at
        if self._looked[0] != seen or time.monotonic() - self._looked[1] > _AGAIN_S:
            self._unsent = await self._bulk.unsent(self._tenant, self._batch_id)
            self._looked = seen, time.monotonic()
        return self._unsent


def unsent_rows(view: BatchView) -> dict[str, UnsentRow]:
    """Return a row for each reason why devices have no command, by a key that no group has."""
    unsent, stopped = view.unsent, view.batch.stopped_at is not None
    rows = []
    if unsent.waiting:
        count = len(unsent.waiting)
        title = f"{counted(count, 'device')} got nothing: " + (
            "it was stopped before their turn" if stopped else "R sends to them"
        )
        why = "stopped" if stopped else "not sent"
        rows.append(UnsentRow(why, title, unsent.waiting, count, can_be_sent_to=True))
    if unsent.refused:
        count = len(unsent.refused)
        title = f"{counted(count, 'device')} cannot be sent to: not registered, or decommissioned"
        rows.append(UnsentRow("refused", title, unsent.refused, count))
    if unsent.deleted:
        title = f"{counted(unsent.deleted, 'command')} of it deleted since"
        rows.append(UnsentRow("deleted", title, (), unsent.deleted))
    return {f"unsent\x1f{row.why}": row for row in rows}
