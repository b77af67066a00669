"""Which process takes which acknowledgements: slots, each an MQTT session that one process at a time leases.

With one slot, one process has a plain subscription and the others stand by. With more, the slots share one
subscription (``$share``). A broker keeps distributing to a session whose process died, so every slot must be
held: a process without one takes a free one, a process with several gives one up to a newcomer, and a slot
that stays free is taken by any live process. A slot that is no longer wanted is emptied, then forgotten.

Decided in docs/decisions/0009-ingest-slots.md
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from console.concurrency import end_all, first_to_end
from console.errors import ConsoleError, CopyError, Link, RefusedError, TakenOverError
from console.mqtt.ack_stream import AckStream, ack_stream, forget_session
from console.mqtt.session import BrokerAddress
from console.runtime.contest import Contest
from console.runtime.leases import Lease, Leases
from console.runtime.silence import watch_silence
from console.services.acknowledger import Acknowledger
from console.services.health import Health
from console.store.changes import Deployment, deployment
from console.store.leases import (
    BEAT_EVERY_S,
    WAITING_FOR_INGEST,
    Holder,
    ingest_role,
    is_alive,
    lease_holders,
)
from console.store.pool import Database

LOOK_EVERY_S = 1.0
_PATIENCE = 3  # looks at a free slot before a process that already has one takes it, too
_FORGOTTEN = (
    "The broker lost our session: answers from just before may be missing. Let it keep sessions "
    "(mosquitto: persistence true, autosave_interval 1)."
)
_BEAT_MAY_TAKE_S = 2.0
_QUIET_LOOKS = 20
_QUIET_LOOK_S = 0.1


class Ingest:
    """This process's share of the acknowledgements. `sessions` are the slots that it has had before.

    Until `shy_until`, on the clock of the loop, it leaves free slots to others: its own link has just
    broken.
    """

    def __init__(
        self,
        database: Database,
        broker: BrokerAddress,
        health: Health,
        leases: Leases,
        acknowledger: Callable[[AckStream, Lease], Acknowledger],
        sessions: set[int],
        contest: Contest,
        shy_until: float = 0.0,
    ) -> None:
        self._database = database
        self._broker = broker
        self._health = health
        self._leases = leases
        self._acknowledger = acknowledger
        self._sessions = sessions
        self._contest = contest
        self._shy_until = shy_until
        self._held: dict[int, tuple[Lease, asyncio.Task[None]]] = {}
        self._free_looks: dict[int, int] = {}
        self._emptied: set[int] = set()
        self._asking: Lease | None = None

    async def run(self) -> None:
        """Hold slots until the number of slots changes.

        Raises:
            ConsoleError: a link broke, or another process took over; every slot was given back.
        """
        plan = await deployment(self._database)
        try:
            while await deployment(self._database) == plan:
                await self._look(plan)
                await self._wait()
        finally:
            await end_all([task for _, task in self._held.values()])
            leases = [lease for lease, _ in self._held.values()]
            self._held.clear()
            self._health.ingest = "off"
            await self._leases.give(*leases, *([self._asking] if self._asking else []))
            self._asking = None

    async def _look(self, plan: Deployment) -> None:
        holders = await lease_holders(self._database)
        for slot in range(plan.slots):
            if slot not in self._held and (lease := await self._taken(holders, slot)):
                self._hold(slot, lease, self._serve(plan, slot, lease))
        if self._held:
            await self._give_to_newcomers(holders)
            await self._empty_one(holders, plan)
        elif _are_read(holders, plan.slots):
            self._health.ingest = "standby"
            self._health.broker_up(part="ingest")  # others receive the answers: our link is not broken
            self._contest.held(was_silent=False)
        else:
            self._health.ingest = "off"
            self._contest.is_undecided = True
        await self._ask_for_one(wanted=not self._held and plan.slots > 1)

    async def _ask_for_one(self, *, wanted: bool) -> None:
        """Signal to holders of several slots that a newcomer waits, by a role that newcomers share."""
        if self._asking is not None and (self._asking.is_lost or not wanted):
            await self._leases.give(self._asking)
            self._asking = None
        if wanted and self._asking is None:
            self._asking = await self._leases.take(WAITING_FOR_INGEST, shared=True)

    async def _taken(self, holders: Sequence[Holder], slot: int) -> Lease | None:
        """Take a first slot at once, a further one only after it has been free for a while."""
        is_free = not is_alive(holders, ingest_role(slot))
        if asyncio.get_running_loop().time() < self._shy_until and self._leases.has_others(holders):
            return None
        if self._held:
            self._free_looks[slot] = self._free_looks.get(slot, 0) + 1 if is_free else 0
            if self._free_looks[slot] < _PATIENCE:
                return None
        self._free_looks[slot] = 0
        return await self._leases.take(ingest_role(slot)) if is_free else None

    async def _give_to_newcomers(self, holders: Sequence[Holder]) -> None:
        if len(self._held) > 1 and is_alive(holders, WAITING_FOR_INGEST):
            lease, task = self._held.pop(max(self._held))
            await end_all([task])
            await self._leases.give(lease)

    async def _empty_one(self, holders: Sequence[Holder], plan: Deployment) -> None:
        """Empty a slot that is no longer wanted, once all that are wanted have a holder."""
        for slot in range(plan.slots, plan.slots_ever):
            if slot in self._emptied or slot in self._held:
                continue
            for other in range(plan.slots):
                if other not in self._held and not is_alive(holders, ingest_role(other)):
                    return
            if lease := await self._leases.take(ingest_role(slot)):
                self._hold(slot, lease, self._empty(plan, slot, lease))
            return

    def _hold(self, slot: int, lease: Lease, serving: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(first_to_end(serving, lease.until_lost()), name=f"ingest slot {slot}")
        self._held[slot] = (lease, task)

    async def _wait(self) -> None:
        """Wait until the next look, or until a slot's task ends."""
        if not self._held:
            await asyncio.sleep(LOOK_EVERY_S)
            return
        tasks = [task for _, task in self._held.values()]
        done, _ = await asyncio.wait(tasks, timeout=LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        for slot, (lease, task) in list(self._held.items()):
            if task.done():
                del self._held[slot]
                await self._leases.give(lease)

    async def _serve(self, plan: Deployment, slot: int, lease: Lease) -> None:
        began = asyncio.get_running_loop().time()
        try:
            await self._read(plan, slot, lease)
        except TakenOverError as error:
            lived_s = asyncio.get_running_loop().time() - began
            subscribed, lease.link = bool(lease.link), ""  # some brokers disconnect when they deny something
            if (subscribed or error.is_certain) and await self._leases.still_holds(lease):
                await self._lost(error, lived_s, plan, slot)
            raise

    async def _lost(self, error: TakenOverError, lived_s: float, plan: Deployment, slot: int) -> None:
        """Count the loss. Before giving up, take the session once more, so that its holder notices, too.

        Raises:
            CopyError: a process outside of this database uses our session.
        """
        try:
            await self._contest.lost(error, lived_s)
        except CopyError:
            with suppress(ConsoleError):
                async with ack_stream(self._broker, plan.name, slot):
                    pass
            raise

    async def _read(self, plan: Deployment, slot: int, lease: Lease) -> None:
        async with ack_stream(self._broker, plan.name, slot) as stream:
            if slot in self._sessions and not stream.session_present:
                self._health.trouble("session", _FORGOTTEN)
            self._sessions.add(slot)
            acknowledger = self._acknowledger(stream, lease)
            await first_to_end(
                acknowledger.run(),
                self._subscribe(stream, plan, slot, lease),
                watch_silence(stream, self._health, "ingest"),
            )

    async def _subscribe(self, stream: AckStream, plan: Deployment, slot: int, lease: Lease) -> None:
        shared = plan.slots > 1
        if shared and not await self._may_share(stream):
            raise RefusedError(
                "The broker has no shared subscriptions: run `device-console ingest-slots 1`, "
                "or use mosquitto 2.",
                link=Link.BROKER, detail="it has no shared subscriptions",
            )  # fmt: skip
        await stream.subscribe(shared=shared)
        if slot == 0 and plan.slots_ever > 1:
            await stream.unsubscribe(shared=not shared)
        lease.link = stream.detail
        self._contest.held(was_silent=lease.was_silent)
        self._health.ingest = "on"
        self._health.broker_up(part="ingest", detail=stream.detail)
        await self._leases.resumed(lease, slot)
        await asyncio.Event().wait()

    async def _may_share(self, stream: AckStream) -> bool:
        """Return whether the slots can share a subscription: others take `$share` for a part of the topic."""
        if stream.may_share is not None:
            return stream.may_share
        from console.mqtt.survey import shares_subscriptions

        return await shares_subscriptions(self._broker)

    async def _empty(self, plan: Deployment, slot: int, lease: Lease) -> None:
        """Take what the broker has distributed to this slot, until nothing more arrives; then release it."""
        async with ack_stream(self._broker, plan.name, slot) as stream:
            if stream.session_present:
                await first_to_end(self._acknowledger(stream, lease).run(), _drained(stream))
        await forget_session(self._broker, plan.name, slot)
        self._emptied.add(slot)


def _are_read(holders: Sequence[Holder], slots: int) -> bool:
    """Return whether every slot has a holder whose last beat is on time: one that is late may be stopped."""
    in_time_s = BEAT_EVERY_S + _BEAT_MAY_TAKE_S
    fresh = {holder.role for holder in holders if holder.is_alive and holder.beat_age_s < in_time_s}
    return all(ingest_role(slot) in fresh for slot in range(slots))


async def _drained(stream: AckStream) -> None:
    await stream.unsubscribe(shared=True)
    quiet = 0
    while quiet < _QUIET_LOOKS:
        await asyncio.sleep(_QUIET_LOOK_S)
        quiet = 0 if stream.unanswered else quiet + 1
