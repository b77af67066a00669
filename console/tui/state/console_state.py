"""State that all screens share: program, tenant, drafts, and the last known state of the links."""

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo

from textual.dom import DOMNode

from console.clock import Clock, SystemClock
from console.domain.commands import Draft
from console.domain.device_groups import GroupBy
from console.domain.devices import Sort
from console.domain.filters.language import Scope
from console.domain.headline import Headline
from console.domain.ttl import ttl_text
from console.domain.views import View
from console.errors import ConsoleError
from console.limits import DEFAULT_TTL
from console.runtime.program import Program
from console.services.batch_send import BatchRun
from console.services.favourites import Saved
from console.tui.presenters.compose import Sent
from console.tui.presenters.header import HeaderIdentity, OutboxDepth
from console.tui.state.background import start
from console.tui.state.choices import Choice
from console.tui.state.outage import BrokerOutage
from console.tui.state.receipts import Receipts
from console.tui.state.session_log import SessionLog
from console.tui.state.tour import Tour, tour_of

_JITTER_S = 0.3
_OUTBOX_EVERY_S = 0.3
_MOST_CHOSEN = 30


class DatabaseClock:
    """The database's time, advanced by the monotonic clock between two reads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._zero: datetime | None = None

    def observe(self, read_at: datetime) -> None:
        """Take over a time that the database has just reported; ignore small differences (network delay)."""
        zero = read_at - timedelta(seconds=self._clock.monotonic())
        if self._zero is None or abs((zero - self._zero).total_seconds()) > _JITTER_S:
            self._zero = zero

    def now(self) -> datetime:
        if self._zero is None:
            return datetime.now(UTC)
        return self._zero + timedelta(seconds=self._clock.monotonic())


@dataclass(slots=True)
class UnsentCommand:
    """An unsent command as it was typed, for the devices that it was begun for.

    `drafts` and `batch` keep their ids while a send's outcome is unknown; `unknown_outcome` is what was
    then sent.
    """

    command_type: str = ""
    params: str = "{}"
    ttl: str = ttl_text(DEFAULT_TTL)
    drafts: tuple[Draft, ...] = ()
    batch: BatchRun | None = None
    unknown_outcome: Sent | None = None
    device_ids: tuple[str, ...] = ()

    @property
    def content(self) -> tuple[str, str, str]:
        return self.command_type, self.params, self.ttl

    @property
    def is_worth_keeping(self) -> bool:
        """Whether something was typed, or it is unknown whether it was sent."""
        return bool(self.command_type) or self.params.strip() != "{}" or self.unknown_outcome is not None


@dataclass(slots=True)
class ConsoleState:
    """The state that all screens of one console share."""

    program: Program
    tenant: str
    clock: DatabaseClock = field(default_factory=lambda: DatabaseClock(SystemClock()))
    unsent: dict[tuple[str, str, tuple[str, ...]], UnsentCommand] = field(default_factory=dict)
    outbox: OutboxDepth = field(default_factory=OutboxDepth)
    link_problem: str = ""
    headline: Headline | None = None
    keys: dict[str, str] = field(default_factory=dict)
    jobs: dict[str, BatchRun] = field(default_factory=dict)
    outage: BrokerOutage = field(default_factory=BrokerOutage)
    log: SessionLog = field(default_factory=SessionLog)
    problems_seen: dict[str, datetime] = field(default_factory=dict)
    earlier_filters: dict[Scope, list[str]] = field(default_factory=lambda: {scope: [] for scope in Scope})
    device_sort: Sort = field(default_factory=Sort)
    device_columns: frozenset[str] | None = None  # those that the operator chose; None: by default
    device_group: GroupBy | None = None  # what the list of devices is grouped by
    view: View | None = None  # the saved view of the devices that was taken last
    device_pane: int = 0  # columns that the operator gave it; 0: by the size of the terminal
    receipts: Receipts = field(init=False)
    tour: Tour = field(init=False)
    local_time: bool = False
    overview_first: bool = False
    outbox_unread: bool = False
    _outbox_due: float = 0.0
    _chosen: dict[str, list[Choice]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.receipts = Receipts(self.log)
        self.tour = tour_of(self.program)

    def chosen(self, tenant: str) -> tuple[Choice, ...]:
        """Return what was chosen after `:` in this tenant, the newest first."""
        return tuple(self._chosen.get(tenant, ()))

    def choose(self, choice: Choice) -> None:
        """Remember a choice as the newest; its note may be out of date the next time."""
        before = [one for one in self._chosen.get(self.tenant, []) if one.key != choice.key]
        self._chosen[self.tenant] = [replace(choice, note="chosen lately"), *before[: _MOST_CHOSEN - 1]]

    def run_job(
        self, node: DOMNode, tenant: str, job: BatchRun, where: str = "", *, resumed: bool = False
    ) -> None:
        """Commit a recorded bulk send while `node` exists, whichever screen is open.

        `where` is the filter that found its devices; `resumed`: only what got nothing is sent to.
        """
        self.jobs[job.draft.batch_id] = job
        self.log.bulk(self.clock.now(), tenant, job, where, resumed=resumed)

        async def run() -> None:
            try:
                await self.program.bulk.run(tenant, job)
            except ConsoleError as error:
                job.error = f"{error} {job.done:,} of {job.total:,} are dealt with."
            self.program.feed.tell(tenant)

        start(node, run, f"bulk {job.draft.batch_id}")

    @property
    def sending(self) -> tuple[BatchRun, ...]:
        """The bulk sends of this process that are under way."""
        return tuple(job for job in self.jobs.values() if not job.ended)

    @property
    def identity(self) -> HeaderIdentity:
        program = self.program
        return HeaderIdentity(self.tenant, program.operator, demo=program.demo, read_only=program.read_only)

    @property
    def zone(self) -> tzinfo | None:
        """The zone in which instants are shown: UTC, or None for the terminal's own."""
        return None if self.local_time else UTC

    def unsent_command(
        self, device_ids: tuple[str, ...] = (), origin: str = "", content: Saved | None = None
    ) -> tuple[UnsentCommand, bool]:
        """Return the unsent command for these devices, or a new one, and whether it was begun earlier.

        A draft belongs to its devices: it is never offered as a command to others. `origin` is the command
        that is edited: each edit is kept apart from the draft, and from the others.
        """
        new = UnsentCommand(device_ids=device_ids)
        if content is not None:
            new = UnsentCommand(content.command_type, content.params, content.ttl, device_ids=device_ids)
        key = (self.tenant, origin, device_ids)
        kept = self.unsent[key] = self.unsent.pop(key, new)  # the newest stands last
        return kept, kept.content != new.content

    def drafts_for_others(self, device_ids: tuple[str, ...]) -> list[UnsentCommand]:
        """Return the drafts that were begun for other devices of this tenant, the newest first."""
        return [
            kept
            for (tenant, origin, devices), kept in reversed(self.unsent.items())
            if tenant == self.tenant and not origin and devices != device_ids and kept.is_worth_keeping
        ]

    def forget(self, sent: UnsentCommand) -> None:
        """Drop the draft of a command that has been sent."""
        self.unsent = {key: kept for key, kept in self.unsent.items() if kept is not sent}
        self.tour.sent()

    def forget_empty(self) -> None:
        """Drop the drafts in which nothing stands."""
        self.unsent = {key: kept for key, kept in self.unsent.items() if kept.is_worth_keeping}

    @property
    def linked(self) -> bool:
        """Whether both links are up and the last read succeeded."""
        view = self.program.health.view()
        return view.database.up and view.broker.up and not self.link_problem

    async def read_headline(self) -> None:
        """Read the headline; without a worker of this console that counts, there is none.

        Raises:
            ConsoleError: the database did not answer.
        """
        tenant = self.tenant
        found = await self.program.figures.headline(tenant)
        if tenant == self.tenant:
            self.headline = found.value if found.freshness.has_worker else None

    async def read_outbox(self) -> None:
        """Read how much waits for publication; less often while nothing waits.

        Raises:
            ConsoleError: the database did not answer.
        """
        moment = time.monotonic()
        self.outbox_unread = self.outbox.depth == 0 and moment < self._outbox_due
        if self.outbox_unread:
            return
        self._outbox_due = moment + _OUTBOX_EVERY_S
        view = await self.program.history.outbox(self.tenant)
        self.outbox = OutboxDepth(view.depth, view.oldest_at, view.next_deadline)
