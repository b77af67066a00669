"""How many problems are new since the operator last looked at them."""

import time

from console.tui.state.console_state import ConsoleState

_EVERY_S = 5.0
_MOST = 20


class NewProblems:
    """Counts them for the title of the device list. `words` is empty while there are none."""

    def __init__(self, state: ConsoleState) -> None:
        self._state = state
        self._due = 0.0
        self.words = ""

    def look_again(self) -> None:
        """Read again with the next pass: the operator may have seen them meanwhile."""
        self._due = 0.0

    async def read(self) -> None:
        """Count them when that is due.

        Raises:
            ConsoleError: the database did not answer.
        """
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + _EVERY_S
        tenant, now = self._state.tenant, self._state.clock.now()
        since = self._state.problems_seen.setdefault(tenant, now)
        found = await self._state.program.history.problems(tenant, limit=_MOST)
        new = sum(problem.last_at is not None and problem.last_at > since for problem in found)
        many = f"{new}{'+' if new == _MOST else ''} new problem{'' if new == 1 else 's'}"
        self.words = f"{many}: p" if new else ""
