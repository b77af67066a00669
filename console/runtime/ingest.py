"""Which process takes which acknowledgements: slots, each an MQTT session that one process at a time leases.

With one slot, one process has a plain subscription and the others stand by. With more, the slots share one
subscription (``$share``). A broker goes on dealing to a session whose process died, so every slot has to be
held: a process without one takes what is free, a process with several gives one up to a newcomer, and what
nobody wants is taken by whoever lives. A slot that is no longer wanted is emptied, then forgotten.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from console.errors import RefusedError
from console.mqtt.ack_stream import AckStream, ack_stream, forget_session
from console.mqtt.session import BrokerAddress
from console.runtime.supervisor import end, first_to_fail
from console.services.acknowledger import Acknowledger
from console.services.health import Health
from console.store.changes import Deployment, LockKey, Locks, deployment, lock_session, slot_key
from console.store.pool import Database

LOOK_EVERY_S = 1.0
_PATIENCE = 3  # looks at a free slot before a process that has one already takes it too
_FORGOTTEN = (
    "The broker forgot our session: answers of its last moments may be missing. Let it keep sessions "
    "(mosquitto: persistence true, autosave_interval 1)."
)
_QUIET_LOOKS = 20
_QUIET_LOOK_S = 0.1


class Ingest:
    """This process's share of the acknowledgements. `sessions` are the slots that it has had before."""

    def __init__(
        self,
        database: Database,
        broker: BrokerAddress,
        health: Health,
        acknowledger: Callable[[AckStream], Acknowledger],
        sessions: set[int],
    ) -> None:
        self._database = database
        self._broker = broker
        self._health = health
        self._acknowledger = acknowledger
        self._sessions = sessions
        self._held: dict[int, asyncio.Task[None]] = {}
        self._free_looks: dict[int, int] = {}
        self._emptied: set[int] = set()
        self._asks = False

    async def run(self) -> None:
        """Hold slots until the number of slots changes.

        Raises:
            ConsoleError: a link broke; every slot was given back.
        """
        async with lock_session(self._database.access) as locks:
            plan = await deployment(self._database)
            try:
                while await deployment(self._database) == plan:
                    await self._look(locks, plan)
                    await self._wait()
            finally:
                await end(list(self._held.values()))
                self._held.clear()
                self._health.ingest = "off"

    async def _look(self, locks: Locks, plan: Deployment) -> None:
        await locks.check()
        for slot in range(plan.slots):
            if slot not in self._held and await self._may_take(locks, slot):
                self._hold(slot, self._serve(plan, slot))
        if self._held:
            await self._give_to_newcomers(locks)
            await self._empty_one(locks, plan)
        else:
            self._health.ingest = "standby"
            self._health.broker_up(part="ingest")  # others hear the answers: nothing of ours is broken
        await self._ask_for_one(locks, wanted=not self._held and plan.slots > 1)

    async def _ask_for_one(self, locks: Locks, *, wanted: bool) -> None:
        """Let the holders of several slots know that a newcomer waits, by a lock that newcomers share."""
        if wanted and not self._asks:
            self._asks = await locks.take(LockKey.WAITING_FOR_INGEST, shared=True)
        elif self._asks and not wanted:
            await locks.give(LockKey.WAITING_FOR_INGEST, shared=True)
            self._asks = False

    async def _may_take(self, locks: Locks, slot: int) -> bool:
        """Take a first slot at once, a further one when nobody else has wanted it for a while."""
        if self._held:
            held = await locks.is_held(slot_key(slot))
            self._free_looks[slot] = 0 if held else self._free_looks.get(slot, 0) + 1
            if self._free_looks[slot] < _PATIENCE:
                return False
        self._free_looks[slot] = 0
        return await locks.take(slot_key(slot))

    async def _give_to_newcomers(self, locks: Locks) -> None:
        if len(self._held) > 1 and await locks.is_held(LockKey.WAITING_FOR_INGEST):
            slot = max(self._held)
            await self._release(locks, slot)

    async def _empty_one(self, locks: Locks, plan: Deployment) -> None:
        """Empty a slot that is no longer wanted, once all that are wanted have a holder."""
        for slot in range(plan.slots, plan.slots_ever):
            if slot in self._emptied or slot in self._held:
                continue
            for other in range(plan.slots):
                if other not in self._held and not await locks.is_held(slot_key(other)):
                    return
            if await locks.take(slot_key(slot)):
                self._hold(slot, self._empty(plan, slot))
            return

    def _hold(self, slot: int, serving: Coroutine[Any, Any, None]) -> None:
        self._held[slot] = asyncio.create_task(serving, name=f"ingest slot {slot}")

    async def _release(self, locks: Locks, slot: int) -> None:
        await end([self._held.pop(slot)])
        await locks.give(slot_key(slot))

    async def _wait(self) -> None:
        """Until the next look, or until something happened to a slot."""
        if self._held:
            done, _ = await asyncio.wait(
                self._held.values(), timeout=LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
            self._held = {slot: task for slot, task in self._held.items() if not task.done()}
        else:
            await asyncio.sleep(LOOK_EVERY_S)

    async def _serve(self, plan: Deployment, slot: int) -> None:
        async with ack_stream(self._broker, plan.name, slot) as stream:
            if slot in self._sessions and not stream.session_present:
                self._health.trouble("session", _FORGOTTEN)
            self._sessions.add(slot)
            acknowledger = self._acknowledger(stream)
            await first_to_fail(acknowledger.run(), self._subscribe(stream, plan, slot))

    async def _subscribe(self, stream: AckStream, plan: Deployment, slot: int) -> None:
        shared = plan.slots > 1
        if shared and not stream.may_share:
            raise RefusedError(
                "The broker has no shared subscriptions: run `device-console ingest-slots 1`, "
                "or use mosquitto 2."
            )
        await stream.subscribe(shared=shared)
        if slot == 0 and plan.slots_ever > 1:
            await stream.unsubscribe(shared=not shared)
        self._health.ingest = "on"
        self._health.broker_up(part="ingest")
        await asyncio.Event().wait()

    async def _empty(self, plan: Deployment, slot: int) -> None:
        """Take what the broker dealt to this slot, until nothing comes any more; then let it go."""
        async with ack_stream(self._broker, plan.name, slot) as stream:
            if stream.session_present:
                await first_to_fail(self._acknowledger(stream).run(), _drained(stream))
        await forget_session(self._broker, plan.name, slot)
        self._emptied.add(slot)


async def _drained(stream: AckStream) -> None:
    await stream.unsubscribe(shared=True)
    quiet = 0
    while quiet < _QUIET_LOOKS:
        await asyncio.sleep(_QUIET_LOOK_S)
        quiet = 0 if stream.unanswered else quiet + 1
