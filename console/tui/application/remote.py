"""The console of somebody at the other end of a link, which may be cut and taken up again.

Decided in docs/decisions/0067-one-process-for-all-sessions.md
"""

import asyncio
from collections.abc import Mapping
from functools import partial

from console.runtime.program import Program
from console.tui.application.remote_app import RemoteApp
from console.tui.terminal.capabilities import of_a_client
from console.tui.terminal.stream import Link, StreamDriver


class RemoteSession:
    """One console, and the link that it is drawn on at present, if any.

    `farewell` is what to say at the other end once it has ended; empty if the operator left.
    """

    def __init__(
        self, program: Program, term: str, environment: Mapping[str, str], size: tuple[int, int]
    ) -> None:
        self._extent = size
        self._line: Link | None = None
        self._terminal: StreamDriver | None = None
        driver = partial(StreamDriver, started=self._started)
        self._console = RemoteApp(program, of_a_client(term, environment), driver)
        self._has_mouse = program.preferences.mouse
        self._ending = ""
        self._begun = asyncio.Event()

    async def run(self) -> int:
        """Run the console until the operator leaves or `end` is called; return the exit code."""
        try:
            await self._console.run_async(mouse=self._has_mouse, size=self._extent)
        finally:
            self._begun.set()
        return self._console.return_code or 0

    def _started(self, driver: StreamDriver) -> None:
        self._terminal = driver
        self._begun.set()
        if self._line is not None:
            driver.attach(self._line, *self._extent)

    async def until_begun(self) -> None:
        """Wait until it draws, or has ended."""
        await self._begun.wait()

    @property
    def farewell(self) -> str:
        return self._console.farewell or self._ending

    @property
    def is_watched(self) -> bool:
        """Whether the screen is one that is looked at without a key."""
        return self._console.is_watched

    @property
    def sent(self) -> int:
        """How many bytes were sent to its terminals."""
        return self._terminal.sent if self._terminal else 0

    def attach(self, link: Link, columns: int, rows: int, notice: str = "") -> None:
        """Draw on this link from now on, and say `notice` there."""
        self._line, self._extent = link, (columns, rows)
        if self._terminal is not None:
            self._terminal.attach(link, columns, rows)
        if notice:
            self._console.call_later(self._console.tell, notice)

    def detach(self) -> None:
        """Go on without a terminal."""
        self._line = None
        if self._terminal is not None:
            self._terminal.detach()

    def feed(self, data: bytes) -> None:
        """Take input; before the console has started it is lost, as at a terminal that is being set up."""
        if self._terminal is not None:
            self._terminal.feed(data)

    @property
    def is_behind(self) -> bool:
        """Whether input should wait until the console has acted on what it has."""
        return self._terminal is not None and self._terminal.is_behind

    def resize(self, columns: int, rows: int) -> None:
        """Take a new size of the terminal."""
        self._extent = (columns, rows)
        if self._terminal is not None:
            self._terminal.resize(columns, rows)

    def end(self, words: str = "") -> None:
        """End the console without a question; `words` say why at the other end."""
        self._ending = words
        self._console.exit(0)
