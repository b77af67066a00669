"""The commands on which a dispatcher holds leases: each is marked, given back, or kept until its lease ends.

Decided in docs/decisions/0019-no-row-stops-anothers.md
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol
from uuid import UUID, uuid4

from console.clock import Clock
from console.domain.dispatch import Claimed, Confirmed, Marked, Returned
from console.domain.reasons import Outcome
from console.errors import ConsoleError
from console.retry import MARKS

_MARK_AGAIN_S = 0.25
_GIVE_BACK_S = 2.0
_STOPPED = "the worker was stopped"


class OutboxStore(Protocol):
    """What the dispatcher needs of the database."""

    async def claim(
        self, holder: UUID, limit: int, lease_s: float, max_bytes: int, chain: int, after: str
    ) -> tuple[Claimed, ...]: ...
    async def mark(self, holder: UUID, confirmed: Sequence[Confirmed]) -> Marked: ...
    async def release(self, holder: UUID, returned: Sequence[Returned]) -> None: ...
    async def adopt(self, age_s: float, limit: int) -> int: ...
    async def next_due(self) -> float | None: ...


class HeldCommands:
    """One dispatcher's leases. `give_back` gives all of them back, however the dispatcher ends."""

    def __init__(self, outbox: OutboxStore, clock: Clock, lease_s: float, puback_timeout_s: float) -> None:
        self._outbox = outbox
        self._clock = clock
        self._lease_s = lease_s
        self._spare_s = lease_s - puback_timeout_s
        self._holder = uuid4()
        self._held: dict[tuple[str, str], Outcome | None] = {}
        self._locked: dict[Confirmed, float] = {}
        self._mark_at = 0.0
        self._served = ""

    async def claim(self, limit: int, max_bytes: int, chain: int) -> tuple[Claimed, ...]:
        """Lease what is due, of one device at most `chain`. The tenant that comes next has the first turn."""
        claimed = await self._outbox.claim(self._holder, limit, self._lease_s, max_bytes, chain, self._served)
        self._served = claimed[-1].tenant_id if claimed else ""
        self._held |= {(c.tenant_id, c.command_id): None for c in claimed}
        return claimed

    def tried(self, command: Claimed) -> None:
        """Note that from now on the broker may have this command."""
        self._held[command.tenant_id, command.command_id] = Outcome.UNKNOWN

    async def mark(self, confirmed: Sequence[Confirmed]) -> int:
        """Record what the broker took, and keep trying while the leases last.

        Rows that another session has locked are left to `mark_again`, so that they do not delay the others.
        """
        until = self._clock.monotonic() + self._spare_s
        marked = await MARKS.run(
            lambda: self._outbox.mark(self._holder, confirmed),
            gives_up=lambda _: self._clock.monotonic() > until,
        )
        for done in set(confirmed).difference(marked.locked) if marked.locked else confirmed:
            self._forget(done.tenant_id, done.command_id)
        self._locked |= {c: self._locked.get(c, until) for c in marked.locked}
        return marked.published

    async def mark_again(self) -> int:
        """Try the locked rows again, at intervals while their leases last; return how many were marked."""
        now = self._clock.monotonic()
        if not self._locked or now < self._mark_at:
            return 0
        self._mark_at = now + _MARK_AGAIN_S
        waiting = [confirmed for confirmed, until in self._locked.items() if now < until]
        for over in set(self._locked) - set(waiting):
            del self._locked[over]
            self._forget(over.tenant_id, over.command_id)
        if not waiting:
            return 0
        return await self.mark(waiting)

    async def release(self, returned: Sequence[Returned]) -> None:
        """Give leases back with the reason and the delay before the next attempt."""
        if returned:
            await self._outbox.release(self._holder, returned)
        for back in returned:
            self._forget(back.tenant_id, back.command_id)

    async def give_back(self) -> None:
        """Give all leases back, also while being cancelled; first try to mark the locked rows once more."""
        if not self._held:
            return
        going = asyncio.create_task(self._let_go())
        while not going.done():  # a second cancellation waits for it, too, two seconds at most
            with suppress(asyncio.CancelledError):
                await asyncio.shield(going)

    async def _let_go(self) -> None:
        locked = {(c.tenant_id, c.command_id) for c in self._locked}
        returned = [
            Returned(tenant_id, command_id, outcome, _STOPPED, 0.0)
            for (tenant_id, command_id), outcome in self._held.items()
            if (tenant_id, command_id) not in locked
        ]
        with suppress(ConsoleError, TimeoutError):
            async with asyncio.timeout(_GIVE_BACK_S):
                if self._locked:
                    await self._outbox.mark(self._holder, list(self._locked))
                await self.release(returned)

    def _forget(self, tenant_id: str, command_id: str) -> None:
        self._held.pop((tenant_id, command_id), None)
        if self._locked:
            self._locked = {
                c: until
                for c, until in self._locked.items()
                if (c.tenant_id, c.command_id) != (tenant_id, command_id)
            }
