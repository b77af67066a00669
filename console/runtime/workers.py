"""The background workers of one process: dispatch, acknowledge, sweep, listen. Any number of processes.

What a job alone needs is imported when it begins: most shell commands only listen.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from console.clock import Clock
from console.concurrency import first_to_end
from console.domain.acks import PROGRESS_WORDS, LateAck
from console.domain.events import Problem, ProblemKind
from console.domain.pace import Pace
from console.errors import BrokerUnreachableError, CopyError, DatabaseUnreachableError, PooledError
from console.limits import MAX_ACK_BYTES
from console.runtime.contest import Contest
from console.runtime.leases import Leases
from console.runtime.relaying import relay
from console.runtime.silent_jobs import silent_jobs
from console.services.dispatcher import Dispatcher, DispatchSettings
from console.store.changes import COMMANDS_CHANNEL, deployment, digests, listen, ping
from console.store.leases import DISPATCH, SWEEP, ingest_role, is_alive, lease_holders

if TYPE_CHECKING:
    from console.mqtt.ack_stream import AckStream
    from console.mqtt.address import BrokerAddress
    from console.mqtt.publisher import Publisher
    from console.runtime.leases import Lease
    from console.services.acknowledger import Acknowledger
    from console.services.feed import Feed
    from console.services.health import Health
    from console.services.sweeper import Sweep, Sweeper
    from console.store.pool import Database
    from console.store.settlement import SettlementStore

PROBE_EVERY_S = 2.0
HEAR_FIRST_S = 8.0
LOOK_EVERY_S = 2.0  # where notifications cannot be received
_LOOKS = 150  # before listening is tried again
_SHY_S = 3.0  # standbys look every second
_log = logging.getLogger("console.workers")


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What the operator may set about the workers."""

    dispatch: DispatchSettings = field(default_factory=DispatchSettings)
    late_ack: LateAck = LateAck.ACCEPT
    max_ack_bytes: int = MAX_ACK_BYTES
    progress: frozenset[str] = PROGRESS_WORDS
    publish_rate: float | None = None  # commands a second


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
        program: str = "worker",
        tenants: tuple[str, ...] = (),
    ) -> None:
        self._database, self._broker = database, broker
        self._feed, self._health = feed, health
        self._clock = clock
        self._settings = settings or WorkerSettings()
        rate = self._settings.publish_rate
        # it outlives a link: a new one begins no burst
        self._pace = None if rate is None else Pace(rate, clock.monotonic)
        self._leases = Leases(database.access, clock, program)
        self._dispatcher: Dispatcher | None = None
        self._uncounted = asyncio.Event()
        self._sweeper: Sweeper | None = None
        self._sessions: set[int] = set()
        self._contest = Contest(clock, lambda: health.publishes_since)
        self._shy_until, self._looks = 0.0, False
        self.stopped = asyncio.Event()
        self._tenants = tenants
        self._names: dict[str, str] = {}
        self._began_at = clock.monotonic()

    async def also_for(self, tenants: tuple[str, ...]) -> None:
        """Pass on what is reported about these tenants, too."""
        new = tuple(tenant_id for tenant_id in tenants if tenant_id not in self._tenants)
        if new:
            self._tenants += new
            self._names |= await digests(self._database, new)

    def wake(self, tenant_id: str | None) -> None:
        """Notify the screens and the dispatcher that a command of this tenant was sent or changed."""
        self._feed.tell(tenant_id)
        if self._dispatcher is not None:
            self._dispatcher.wake()
        self._uncounted.set()

    @cached_property
    def _settlement(self) -> SettlementStore:
        from console.store.settlement import SettlementStore

        return SettlementStore(self._database)

    async def keep_leases(self) -> None:
        """Keep sending this process's signs of life."""
        await self._leases.run()

    async def give_all_back(self) -> None:
        """Release all roles after the last job, so that others take over at once."""
        await self._leases.close()

    async def others_work(self) -> bool:
        """Return whether live processes run dispatch and hold every ingest slot."""
        slots = (await deployment(self._database)).slots
        holders = await lease_holders(self._database)
        return all(is_alive(holders, role) for role in (DISPATCH, *map(ingest_role, range(slots))))

    async def dispatch(self) -> None:
        """Take the dispatcher's role, open a link, and relay until it breaks."""
        from console.mqtt.publisher import publisher
        from console.runtime.silence import watch_silence

        async with (
            self._leases.holding(DISPATCH, shared=True) as lease,
            publisher(self._broker) as link,
        ):
            lost = "" if link.enforces_expiry else " no expiry, no refusals"
            self._health.broker_up(detail=link.detail, lacks=lost)
            watch = [watch_silence(link, self._health, "dispatch")]
            if lease is not None:
                lease.link = link.detail
                watch.append(lease.until_lost())
            await first_to_end(self._relay_while_ours(link), *watch)

    async def _relay_while_ours(self, link: Publisher) -> None:
        """Relay on this link, except while another database may be using the ingest session."""
        from console.store.outbox import OutboxStore

        limits = self._settings.dispatch
        while True:
            await first_to_end(self._hear_first(), link.until_lost())
            self._health.dispatch = "on"
            self._dispatcher = Dispatcher(
                OutboxStore(self._database), link, self._settlement, self._feed.tell, self._clock,
                replace(limits, window=min(limits.window, link.receive_maximum)), self._health.counts,
                self._pace,
            )  # fmt: skip
            try:
                await relay(self._dispatcher, link, self._contest)
            finally:
                self._dispatcher = None
                self._health.dispatch = "off"

    async def _hear_first(self) -> None:
        """Let the ingest session subscribe before anything is published, but don't wait long for it.

        A broker that has no session of ours yet, or has lost it, drops answers that nobody subscribes to.
        While another database may be using the session, nothing is published: this one may be a copy.
        """
        for patience_s in (HEAR_FIRST_S, HEAR_FIRST_S, HEAR_FIRST_S):
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await self._health.until_ingest()
            if not self._contest.is_undecided:
                break
        await self._contest.until_quiet()

    def stop(self, error: CopyError) -> None:
        """End the jobs of this process for good."""
        self._health.workers_stopped(str(error))
        self.stopped.set()

    async def acknowledge(self) -> None:
        """Hold this process's share of the ingest slots; stand by while others hold them all."""
        from console.runtime.ingest import Ingest

        ingest = Ingest(
            self._database, self._broker, self._health, self._leases, self._acknowledger,
            self._sessions, self._contest, self._shy_until,
        )  # fmt: skip
        try:
            await ingest.run()
        except BrokerUnreachableError:
            self._shy_until = asyncio.get_running_loop().time() + _SHY_S
            raise

    def _acknowledger(self, stream: AckStream, lease: Lease) -> Acknowledger:
        from console.services.acknowledger import Acknowledger
        from console.store.settlement import SettlementStore

        return Acknowledger(
            stream, SettlementStore(self._database, lease.token), self._feed.tell, self._clock,
            late_ack=self._settings.late_ack, max_ack_bytes=self._settings.max_ack_bytes,
            progress=self._settings.progress, counts=self._health.counts,
        )  # fmt: skip

    async def sweep(self) -> None:
        """Settle what is overdue, for ever."""
        from console.services.folder import Folder
        from console.services.kept_answers import KeptAnswers
        from console.services.sweeper import Sweeper
        from console.store.figures import FoldStore
        from console.store.settlement import BEGINNING

        async with self._leases.holding(SWEEP, shared=True) as lease:
            self._health.sweep = "on"
            try:
                watch, settings = [lease.until_lost()] if lease else [], self._settings
                kept = KeptAnswers(
                    self._settlement, self._feed.tell, late_ack=settings.late_ack, progress=settings.progress
                )
                sweeper = Sweeper(self._settlement, BEGINNING, self._on_swept, self._clock)
                folder = Folder(
                    FoldStore(self._database), self._uncounted, lambda: sweeper.is_behind,
                    self._health.counts, self._clock,
                )  # fmt: skip
                self._sweeper = sweeper
                await first_to_end(sweeper.run(), kept.run(), folder.run(), *watch)
            finally:
                self._sweeper, self._health.sweep = None, "off"

    async def prune(self) -> None:
        """Delete old commands if the owner wants that, in one process at a time."""
        from console.runtime.retention import prune_if_wanted

        is_behind = lambda: self._sweeper is None or self._sweeper.is_behind  # noqa: E731
        await prune_if_wanted(self._database, self._leases, is_behind, self._health.counts, self._clock)

    def _on_swept(self, sweep: Sweep) -> None:
        self._health.counts.swept(sweep.missed, sweep.expired)
        self._health.swept_at = now = self._clock.monotonic()
        if sweep.settled and now - self._began_at > sweep.lateness_s:
            self._health.lateness.add(sweep.lateness_s, sweep.settled)  # not those overdue before our start
        if sweep.settled or sweep.healed:
            self.wake(None)  # what waited for a command that ended may go

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
        """Receive what other processes changed; look at intervals if a pooler passes no notifications on."""
        self._names = await digests(self._database, self._tenants)
        try:
            await listen(self._database.access, self._on_hint, lambda: self.wake(None))
        except PooledError as error:
            if not self._looks:
                _log.info("%s Until then this process looks for changes every %g s.", error, LOOK_EVERY_S)
            self._looks = True
            for _ in range(_LOOKS):
                self.wake(None)
                await asyncio.sleep(LOOK_EVERY_S)

    def _on_hint(self, channel: str, payload: str, sender: int) -> None:
        """Notify the screens of changes in their tenants, and the dispatcher of a command of any tenant.

        What its own workers changed does not wake its dispatcher, which knows of its own marks and is
        told of a sweep. What an answer frees is looked for within a second.
        """
        tenant_id = self._names.get(payload, payload)
        if channel != COMMANDS_CHANNEL or tenant_id in self._tenants:
            self._feed.tell(tenant_id)
        if channel == COMMANDS_CHANNEL:
            self._uncounted.set()
        if channel == COMMANDS_CHANNEL and self._dispatcher is not None and not self._database.owns(sender):
            self._dispatcher.wake()

    async def probe(self) -> None:
        """Measure the database link."""
        latency_s = await ping(self._database)
        self._health.database_up(latency_s=latency_s)
        self._health.jobs_seen(*silent_jobs(await lease_holders(self._database)))
        await asyncio.sleep(PROBE_EVERY_S)
