"""The report when the broker is back: how long it was away, and what happened to waiting commands."""

from dataclasses import dataclass

from console.domain.text.counts import counted
from console.domain.text.durations import elapsed
from console.services.health import HealthView
from console.tui.presenters.header import OutboxDepth

LEAST_S = 2.0


@dataclass(slots=True)
class BrokerOutage:
    """Watches the broker's link and the outbox; reports the return of the link and an empty outbox."""

    _since: float | None = None
    _waited: int = 0
    _catching_up: bool = False

    def observe(self, view: HealthView, outbox: OutboxDepth) -> str:
        """Record the present state; return a sentence when there is something to report."""
        if not view.broker.up:
            if self._since is None:
                self._since, self._waited = view.broker.since, 0
            self._waited = max(self._waited, outbox.depth)
            return ""
        if self._since is not None:
            away, self._since = view.broker.since - self._since, None
            if away < LEAST_S:
                return ""
            self._catching_up = self._waited > 0
            words = f"The broker is back after {elapsed(away)}."
            return f"{words} {counted(self._waited, 'command')} waited." if self._waited else words
        if self._catching_up and not outbox.depth:
            self._catching_up = False
            return f"The outbox is empty again: what waited ({self._waited:,}) is published or has expired."
        return ""
