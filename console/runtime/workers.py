"""The background workers of one process: dispatch, acknowledge, sweep, listen. Any number of processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

from console.clock import Clock
from console.domain.acks import MAX_ACK_BYTES, PROGRESS_WORDS, LateAck
from console.domain.events import Problem, ProblemKind
from console.errors import DatabaseUnreachableError
from console.mqtt.ack_stream import AckStream
from console.mqtt.publisher import Publisher, publisher
from console.mqtt.session import BrokerAddress
from console.runtime.ingest import Ingest
from console.runtime.supervisor import Supervisor, end, first_to_fail
from console.services.acknowledger import Acknowledger
from console.services.dispatcher import Dispatcher, DispatchSettings
from console.services.feed import Feed
from console.services.health import Health
from console.services.sweeper import Sweep, Sweeper
from console.store.changes import (
    COMMANDS_CHANNEL,
    LockKey,
    advisory_lock,
    deployment,
    listen,
    lock_is_held,
    ping,
    slot_key,
)
from console.store.outbox import OutboxStore
from console.store.pool import Database
from console.store.settlement import SettlementStore

PROBE_EVERY_S = 2.0
HEAR_FIRST_S = 8.0


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What the operator may set about the workers."""

    dispatch: DispatchSettings = field(default_factory=DispatchSettings)
    late_ack: LateAck = LateAck.ACCEPT
    max_ack_bytes: int = MAX_ACK_BYTES
    progress: frozenset[str] = PROGRESS_WORDS


class Workers:
    """The three jobs and the listening, each restarted when its link breaks."""

    def __init__(
        self,
        database: Database,
        broker: BrokerAddress,
        feed: Feed,
        health: Health,
        clock: Clock,
        settings: WorkerSettings | None = None,
    ) -> None:
        self._database = database
        self._broker = broker
        self._feed = feed
        self._health = health
        self._clock = clock
        self._settings = settings or WorkerSettings()
        self._settlement = SettlementStore(database)
        self._dispatcher: Dispatcher | None = None
        self._sessions: set[int] = set()
        self.sweeps = 0
        self.last_sweep_at: float | None = None
        self._began_at = clock.monotonic()

    def wake(self, tenant_id: str | None) -> None:
        """A command of this tenant was sent or changed: tell the screens and the dispatcher."""
        self._feed.tell(tenant_id)
        if self._dispatcher is not None:
            self._dispatcher.wake()

    async def others_work(self) -> bool:
        """Whether live processes run dispatch and hold every ingest slot."""
        slots = (await deployment(self._database)).slots
        keys = [LockKey.DISPATCH, *map(slot_key, range(slots))]
        return all([await lock_is_held(self._database, key) for key in keys])

    async def dispatch(self) -> None:
        """Hold a shared lock that says "a dispatcher lives", open a link, relay until it breaks."""
        async with (
            advisory_lock(self._database.access, LockKey.DISPATCH, shared=True) as held,
            publisher(self._broker) as link,
        ):
            lost = "" if link.enforces_expiry else " no expiry, no refusals"
            self._health.broker_up(detail=f"{link.detail}{lost}")
            await self._hear_first()
            self._health.dispatch = "on"
            limits = self._settings.dispatch
            self._dispatcher = Dispatcher(
                OutboxStore(self._database), link, self._settlement, self._feed.tell, self._clock,
                replace(limits, window=min(limits.window, link.receive_maximum)),
            )  # fmt: skip
            try:
                watch = [held.until_lost()] if held else []
                await first_to_fail(_relay(self._dispatcher, link), *watch)
            finally:
                self._dispatcher = None
                self._health.dispatch = "off"

    async def _hear_first(self) -> None:
        """Let the ingest session subscribe before anything is published, but don't wait long for it.

        A broker that has no session of ours yet, or has lost it, drops answers that nobody subscribes to.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(HEAR_FIRST_S):
                await self._health.until_ingest()

    async def acknowledge(self) -> None:
        """Hold this process's share of the ingest slots; stand by while others hold them all."""
        await Ingest(self._database, self._broker, self._health, self._acknowledger, self._sessions).run()

    def _acknowledger(self, stream: AckStream) -> Acknowledger:
        return Acknowledger(
            stream, self._settlement, self._feed.tell, self._clock,
            late_ack=self._settings.late_ack, max_ack_bytes=self._settings.max_ack_bytes,
            progress=self._settings.progress,
        )  # fmt: skip

    async def sweep(self) -> None:
        """Settle what is overdue, for ever."""
        self._health.sweep = "on"
        try:
            await Sweeper(self._settlement, self._swept, self._clock).run()
        finally:
            self._health.sweep = "off"

    def _swept(self, sweep: Sweep) -> None:
        self.sweeps += 1
        self.last_sweep_at = self._clock.monotonic()
        if sweep.settled:
            if self.last_sweep_at - self._began_at > sweep.lateness_s:  # not what was overdue before we came
                self._health.lateness.add(sweep.lateness_s, sweep.settled)
            self._feed.tell(None)

    async def tell_troubles(self) -> None:
        """Record what happened to the links, as soon as the database can take it."""
        found = [Problem("", ProblemKind.LINK, link, "", text) for link, text in self._health.take_troubles()]
        try:
            await self._settlement.record(found)
        except DatabaseUnreachableError:
            for problem in found:
                self._health.trouble(problem.device_id, problem.detail)
            raise
        if found:
            self._feed.tell(None)
        await asyncio.sleep(PROBE_EVERY_S)

    async def listen(self) -> None:
        """Hear what other processes changed."""
        await listen(self._database.access, self._heard, lambda: self.wake(None))

    def _heard(self, channel: str, tenant_id: str) -> None:
        if channel == COMMANDS_CHANNEL:
            self.wake(tenant_id)
        else:
            self._feed.tell(tenant_id)

    async def probe(self) -> None:
        """Measure the database link."""
        latency_s = await ping(self._database)
        self._health.database_up(latency_s=latency_s)
        await asyncio.sleep(PROBE_EVERY_S)


async def _relay(dispatcher: Dispatcher, link: Publisher) -> None:
    """Relay until the link breaks; then every wait for a PUBACK ends, and what is known gets recorded.

    Some brokers answer a publication that they deny and hang up in the same breath: cancelled when the link
    ends, the dispatcher would never tell the refusal and try again for ever.
    """
    relaying = asyncio.create_task(dispatcher.run())
    watching = asyncio.create_task(link.until_lost())
    try:
        await asyncio.wait((relaying, watching), return_when=asyncio.FIRST_COMPLETED)
        dispatcher.end()
        await relaying
        await watching
    finally:
        await end([relaying, watching])


@asynccontextmanager
async def running(
    workers: Workers, supervisor: Supervisor, *, jobs: bool, links: bool = True
) -> AsyncIterator[None]:
    """Run the probe and the listening (`links`) and the three jobs (`jobs`) around a front end."""
    bodies = {"database": workers.probe, "notifications": workers.listen} if links else {}
    if jobs:
        bodies |= {
            "dispatch": workers.dispatch,
            "ingest": workers.acknowledge,
            "sweep": workers.sweep,
            "troubles": workers.tell_troubles,
        }
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(supervisor.forever(name, body), name=name) for name, body in bodies.items()
            ]
            try:
                yield
            finally:
                await end(tasks)
    except BaseExceptionGroup as several:
        raise _sole(several) from None


def _sole(error: BaseException) -> BaseException:
    """What the front end raised, out of the group that the TaskGroup wraps around it."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
