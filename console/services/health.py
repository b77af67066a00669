"""The state of the links and workers, as the header shows it."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, replace
from typing import Literal

from console.clock import Clock
from console.domain.lateness import Lateness
from console.errors import Cause, ConsoleError, Link
from console.services.counts import Counts

_MOST_TROUBLES = 20
Work = Literal["on", "standby", "elsewhere", "off"]
_log = logging.getLogger("console.health")


@dataclass(frozen=True, slots=True)
class LinkState:
    """One link. `since` and `retry_at` are monotonic seconds of the health's clock.

    One that is not used here is neither up nor down: `is_used`. One that is up but does not answer has been
    silent for `silent_s` seconds. `detail` is the protocol and `lacks` what it cannot do; `error` is the
    sentence of the failure; `cause` and `reason` are why, as a value and in the other side's words.
    """

    up: bool = False
    since: float = 0.0
    detail: str = ""
    latency_s: float | None = None
    retry_at: float | None = None
    error: str = ""
    cause: Cause = Cause.OTHER
    reason: str = ""
    is_used: bool = True
    silent_s: float | None = None
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class HealthView:
    """Everything the header needs at one instant; `now` is monotonic.

    `sweep_p99_s` is the lateness that 99 % of commands settled here did not exceed; None before the first.
    `silent` names the jobs that no live process runs, here or elsewhere; `silent_s` is the age of the last
    sign of life of one that did. `stopped` is why the workers of this process ended for good, if they did.
    """

    now: float
    database: LinkState
    broker: LinkState
    sweep: Work
    ingest: Work
    dispatch: Work
    sweep_p99_s: float | None
    silent: tuple[str, ...] = ()
    silent_s: float | None = None
    stopped: str = ""


class Health:
    """Written by the supervised links and workers, read by the front ends."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.began_at = clock.monotonic()
        self._database = LinkState(since=clock.monotonic())
        self._broker = {"dispatch": LinkState(since=clock.monotonic())}
        self.sweep: Work = "off"
        self._ingest: Work = "off"
        self._ingested = asyncio.Event()
        self.dispatch: Work = "off"
        self.lateness = Lateness()
        self.counts = Counts()
        self.swept_at: float | None = None  # when a pass of the sweep last ended well, monotonic
        self._stopped = ""
        self._silent: tuple[str, ...] = ()
        self._silent_s: float | None = None
        self._troubles: deque[tuple[str, str]] = deque(maxlen=_MOST_TROUBLES)

    @property
    def ingest(self) -> Work:
        """Whether this process receives the answers of the devices."""
        return self._ingest

    @ingest.setter
    def ingest(self, work: Work) -> None:
        self._ingest = work
        if work in {"on", "standby"}:
            self._ingested.set()
        else:
            self._ingested.clear()

    async def until_ingest(self) -> None:
        """Wait until this or another process receives the answers."""
        await self._ingested.wait()

    def database_up(self, *, latency_s: float | None = None, detail: str = "") -> None:
        self._database = self._up(self._database, latency_s, detail, Link.DATABASE)

    def database_down(self, error: ConsoleError, retry_in_s: float | None = None) -> None:
        self._remember(Link.DATABASE, self._database, error)
        self._database = self._down(self._database, error, retry_in_s)

    def broker_up(self, *, detail: str = "", lacks: str = "", part: str = "dispatch") -> None:
        """Record that a connection to the broker is up: the dispatcher's, or the ingest session's."""
        self._broker[part] = replace(self._up(self._part(part), None, detail, Link.BROKER, part), lacks=lacks)

    def broker_down(
        self, error: ConsoleError, retry_in_s: float | None = None, part: str = "dispatch"
    ) -> None:
        """Record that a connection to the broker broke, until `broker_up` is called for the same `part`."""
        self._remember(Link.BROKER, self._part(part), error, part)
        self._broker[part] = self._down(self._part(part), error, retry_in_s)

    def broker_unused(self) -> None:
        """Record that no worker of this process needs the broker."""
        self._broker = {"dispatch": LinkState(up=True, since=self._clock.monotonic(), is_used=False)}

    def broker_silent(self, silent_s: float | None, part: str = "dispatch") -> None:
        """Record for how many seconds the broker has not answered on this connection; None: it has."""
        if part in self._broker:
            self._broker[part] = replace(self._broker[part], silent_s=silent_s)

    def _part(self, part: str) -> LinkState:
        return self._broker.get(part, LinkState(up=True, since=self._clock.monotonic()))

    @property
    def _whole_broker(self) -> LinkState:
        """The state of all connections: the one that has been down for longest, if any is down."""
        states = self._broker.values()
        down = [state for state in states if not state.up]
        if down:
            return min(down, key=lambda state: state.since)
        main = self._broker["dispatch"]
        answers = self._part("ingest").detail
        differs = f", answers {answers}" if answers and answers != main.detail else ""
        return replace(
            main,
            silent_s=max((state.silent_s for state in states if state.silent_s is not None), default=None),
            detail=f"{main.detail}{main.lacks}{differs}",
        )

    def jobs_seen(self, silent: tuple[str, ...], silent_s: float | None) -> None:
        """Record the jobs that no live process runs, and how long ago one that did gave a sign of life."""
        self._silent, self._silent_s = silent, silent_s

    def workers_stopped(self, why: str) -> None:
        """Record that the workers of this process ended for good."""
        self._stopped = why
        self.sweep = self.ingest = self.dispatch = "off"
        self.trouble("workers", why)

    @property
    def publishes_since(self) -> float | None:
        """Since when the connection of this process that publishes is up; None while it is not."""
        link = self._broker["dispatch"]
        return link.since if link.up else None

    def trouble(self, link: str, text: str) -> None:
        """Keep a sentence about a link, to be stored as a problem."""
        self._troubles.append((link, text))

    def take_troubles(self) -> tuple[tuple[str, str], ...]:
        """Return what happened to the links since the last call, as link and sentence; only the newest."""
        taken = tuple(self._troubles)
        self._troubles.clear()
        return taken

    def _remember(self, link: Link, before: LinkState, error: ConsoleError, part: str = "") -> None:
        if before.up:  # a link that stays down is one trouble
            self.trouble(link, str(error))
            values = {"link": link, "part": part or None, "cause": error.cause.name.lower()}
            _log.warning("the %s is down: %s", link, error, extra={"event": "link_down", "values": values})

    def view(self) -> HealthView:
        return HealthView(
            now=self._clock.monotonic(),
            database=self._database,
            broker=self._whole_broker,
            sweep=self.sweep,
            ingest=self.ingest,
            dispatch=self.dispatch,
            sweep_p99_s=self.lateness.at_most_s(0.99),
            stopped=self._stopped,
            silent=self._silent,
            silent_s=self._silent_s,
        )

    def _up(
        self, before: LinkState, latency_s: float | None, detail: str, link: Link, part: str = ""
    ) -> LinkState:
        now = self._clock.monotonic()
        since = before.since if before.up else now
        if not before.up:
            values = {"link": link, "part": part or None, "down_s": round(now - before.since, 3)}
            _log.info("the %s is up", link, extra={"event": "link_up", "values": values})
        return LinkState(
            up=True, since=since, detail=detail or before.detail, latency_s=latency_s or before.latency_s
        )

    def _down(self, before: LinkState, error: ConsoleError, retry_in_s: float | None) -> LinkState:
        now = self._clock.monotonic()
        since = now if before.up else before.since
        return LinkState(
            up=False, since=since, detail=before.detail, lacks=before.lacks,
            retry_at=None if retry_in_s is None else now + retry_in_s,
            error=str(error), cause=error.cause, reason=error.detail,
        )  # fmt: skip
