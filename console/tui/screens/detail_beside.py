"""The command under the cursor in full, beside the history where there is room."""

from collections.abc import Callable

from textual.timer import Timer

from console.domain.history import CommandDetail
from console.errors import ConsoleError
from console.tui.screens.base import WIDE
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowNotice
from console.tui.widgets.detail import DetailView

_DELAY_S = 0.08  # nothing is read while the cursor is moving


class DetailBeside(DetailView):
    """Reads and shows the command whose id `cursor` returns."""

    UNFOLDS = "enter"  # opens the command on a screen of its own; f is the list's

    def __init__(self, state: ConsoleState, cursor: Callable[[], str | None]) -> None:
        super().__init__(id="pane")
        self._state = state
        self._cursor = cursor
        self._detail: CommandDetail | None = None
        self._timer: Timer | None = None

    @property
    def _has_room(self) -> bool:
        return self.app.size.width >= WIDE

    async def read(self) -> None:
        """Read the command under the cursor.

        Raises:
            ConsoleError: the database did not answer.
        """
        key = self._cursor()
        if not self._has_room or key is None:
            self._detail = None
        else:
            self._detail = await self._state.program.history.command(self._state.tenant, key)
        self.paint()

    def paint(self) -> None:
        """Show what was read, with times as of now."""
        if self._has_room:
            empty = "Nothing is selected." if self._cursor() is None else "This command has been deleted."
            self.show(self._detail, self._state.clock.now(), empty, self._state.zone)

    def follow_cursor(self) -> None:
        """Read again as soon as the cursor rests."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_DELAY_S, self._read_now)

    def fill(self) -> None:
        """Read at once if there is room now and nothing was read before."""
        if self._has_room and self._detail is None:
            self._read_now()

    def _read_now(self) -> None:
        start(self, self._try_to_read, "detail", exclusive=True)

    async def _try_to_read(self) -> None:
        try:
            await self.read()
        except ConsoleError as error:
            self.post_message(ShowNotice(str(error), "bad"))
