"""The leases of this process: one beat renews all of them, and a lease that was taken over ends here.

Only a live process keeps its leases: one that is stopped, asleep or cut off sends no beat, and after ten
seconds by the database's clock another takes its roles. When it wakes up, it notices by its own clock or
by the fence in its next write, whichever is first.

Decided in docs/decisions/0020-leases-instead-of-session-locks.md
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from console.clock import Clock
from console.errors import ConsoleError, LeaseLostError
from console.store.access import Access
from console.store.leases import BEAT_EVERY_S, DISPATCH, STALE_AFTER_S, Holder, Identity, LeaseStore
from console.store.pool import Database
from console.store.processes import has_ended, this_machine

_BEAT_TIMEOUT_S = 4.0
_GIVE_TIMEOUT_S = 2.0
_AGAIN_S = 0.5


@dataclass(eq=False, slots=True)
class Lease:
    """One role of this process. `link` is shown to others: the protocol of its connection to the broker.

    `was_silent`: the previous holder gave no sign of life, but may still be alive.
    """

    role: str
    token: int
    renewed_at: float
    was_silent: bool = False
    link: str = ""
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_lost(self) -> bool:
        return self._ended.is_set()

    def end(self) -> None:
        """End the lease."""
        self._ended.set()

    async def until_lost(self) -> None:
        """Wait for the end of the lease.

        Raises:
            LeaseLostError: always.
        """
        await self._ended.wait()
        raise LeaseLostError(
            f"This process was stopped, asleep or cut off from the database for {STALE_AFTER_S:g} s or more: "
            f"its role ({self.role}) is free for another process."
        )


class Leases:
    """Takes, renews and gives back the roles of one process, on connections of its own."""

    def __init__(self, access: Access, clock: Clock, program: str) -> None:
        self._access = access
        self._clock = clock
        self._identity = Identity(uuid4(), program, socket.gethostname(), os.getpid(), this_machine())
        self._database: Database | None = None
        self._opening = asyncio.Lock()
        self._held: dict[int, Lease] = {}
        self._owed: list[int] = []  # tokens that could not be given back yet

    async def run(self) -> None:
        """Send beats until cancelled; a beat that fails is tried again until the leases are stale."""
        while True:
            try:
                async with asyncio.timeout(_BEAT_TIMEOUT_S):
                    await self._beat()
                pause_s = BEAT_EVERY_S
            except (ConsoleError, TimeoutError):
                pause_s = _AGAIN_S
            ends = self._clock.monotonic() + pause_s
            while self._clock.monotonic() < ends:
                await asyncio.sleep(_AGAIN_S)
                self._end_stale()

    async def _beat(self) -> None:
        self._end_stale()
        if self._owed:
            owed, self._owed = self._owed, []
            await self._give(owed)
        asked = list(self._held.values())
        if not asked:
            return
        at = self._clock.monotonic()
        holding = await (await self._store()).beat({lease.token: lease.link for lease in asked})
        for lease in asked:
            if lease.token in holding:
                lease.renewed_at = at
            else:
                self._drop(lease)

    def _end_stale(self) -> None:
        """End stale leases by our own clock, which runs during sleep: the database may not answer."""
        now = self._clock.monotonic()
        for lease in list(self._held.values()):
            if now - lease.renewed_at >= STALE_AFTER_S:
                self._drop(lease)

    def _drop(self, lease: Lease) -> None:
        self._held.pop(lease.token, None)
        lease.end()

    async def take(self, role: str, *, shared: bool = False) -> Lease | None:
        """Take a role; return None while another live process holds it.

        Raises:
            DatabaseUnreachableError: the database does not answer.
            CopyError: this database is a copy of the one in which the workers run.
        """
        at = self._clock.monotonic()
        store = await self._store()
        taken = await store.take(role, self._identity, await self._dead(store, role), shared=shared)
        if taken is None:
            return None
        lease = Lease(role, taken.token, at, taken.was_silent)
        self._held[lease.token] = lease
        return lease

    async def _dead(self, store: LeaseStore, role: str) -> list[int]:
        """Return the leases of ended processes of this machine, which can be taken before they are stale."""
        return [owner.token for owner in await store.owners(role) if has_ended(owner.pid, owner.machine)]

    def has_others(self, holders: Sequence[Holder]) -> bool:
        """Return whether another live process does the same work."""
        ours = (self._identity.pid, self._identity.host)
        return any(h.role == DISPATCH and h.is_alive and (h.pid, h.host) != ours for h in holders)

    async def give(self, *leases: Lease) -> None:
        """Give roles back; if the database does not answer, they become stale by themselves."""
        for lease in leases:
            self._drop(lease)
        if leases:  # a repeated cancellation must not leave them behind
            await asyncio.shield(asyncio.ensure_future(self._give([lease.token for lease in leases])))

    async def _give(self, tokens: Sequence[int]) -> None:
        try:
            async with asyncio.timeout(_GIVE_TIMEOUT_S):
                await (await self._store()).give(tokens)
        except (ConsoleError, TimeoutError):
            self._owed += tokens

    @asynccontextmanager
    async def holding(self, role: str, *, shared: bool = False) -> AsyncIterator[Lease | None]:
        """Hold a role while the block runs; yields None when another process has it."""
        lease = await self.take(role, shared=shared)
        try:
            yield lease
        finally:
            if lease is not None:
                await self.give(lease)

    async def still_holds(self, lease: Lease) -> bool:
        """Ask the database now whether a role is ours."""
        await self._beat()
        return not lease.is_lost

    async def resumed(self, lease: Lease, slot: int) -> None:
        """Record that the answers of a slot are read again."""
        await (await self._store()).resumed(lease.token, slot)

    async def close(self) -> None:
        """Give the remaining roles back, and close the connections."""
        await self.give(*self._held.values())
        if self._database is not None:
            await self._database.close()
            self._database = None

    async def _store(self) -> LeaseStore:
        async with self._opening:
            if self._database is None:
                database = Database(self._access.past_pooler, max_size=2)
                await database.open()
                self._database = database
            return LeaseStore(self._database)
