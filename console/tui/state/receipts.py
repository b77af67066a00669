"""What became of the commands that were sent from this console one by one, until shortly after their ends.

Decided in docs/decisions/0095-the-log-of-a-session.md
"""

import time

from console.domain.figures import answered_by
from console.domain.histograms import Histogram
from console.runtime.program import Program
from console.tui.presenters.receipt import Receipt, in_flight
from console.tui.state.session_log import Entry, SessionLog

STAYS_S = 8.0  # after the end
FOLLOWED_S = 60.0  # what takes longer is shown again at its end


class Receipts:
    """Follows what a session's log says was sent."""

    def __init__(self, log: SessionLog) -> None:
        self._log = log
        self._ends: dict[str, float] = {}
        self._answered: dict[str, Histogram] = {}

    def newest(self, tenant: str) -> str | None:
        """Return the id of the command that was sent last."""
        return next((entry.command_id for entry in self._log.of(tenant) if entry.sent), None)

    def shown(self, tenant: str) -> list[Receipt]:
        """Return what is in flight or has just ended, newest first."""
        now = time.monotonic()
        return [
            Receipt(entry.what, entry.command, now - entry.began, self._answered.get(entry.key, Histogram()))
            for entry in self._log.of(tenant)
            if entry.sent and self._is_shown(entry, now)
        ]

    def forget_ended(self) -> None:
        """Show no more what has ended."""
        self._ends = dict.fromkeys(self._ends, float("-inf"))

    async def read(self, program: Program, tenant: str) -> None:
        """Read all that is in flight in one query; once for each, how long its type takes usually.

        Raises:
            ConsoleError: the database did not answer.
        """
        open_ones = [one for one in self._log.of(tenant) if one.sent and in_flight(one.command)]
        if not open_ones:
            return
        for one in open_ones:
            if one.key not in self._answered:
                self._answered[one.key] = await _answered(program, one)
        page = await program.history.reread(tenant, tuple(one.command_id for one in open_ones))
        self._log.take(tenant, page.commands)

    def _is_shown(self, entry: Entry, now: float) -> bool:
        if in_flight(entry.command):
            return now - entry.began < FOLLOWED_S
        return now - self._ends.setdefault(entry.key, now) < STAYS_S


async def _answered(program: Program, entry: Entry) -> Histogram:
    """Return how long a type's answers take on the model of the entry's device."""
    learned = (await program.figures.latency(entry.tenant, entry.command_type)).value
    devices = await program.history.devices(entry.tenant, [entry.device_id]) if learned else {}
    models = {device.own_model for device in devices.values()}
    return answered_by(learned, entry.command_type, models)
