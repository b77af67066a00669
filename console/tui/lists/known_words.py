"""The words that complete a filter: those on screen, and those of the whole tenant."""

from collections.abc import Callable, Mapping

from console.domain.filters.values import KnownValues
from console.errors import ConsoleError
from console.tui.state.console_state import ConsoleState

Words = Mapping[str, tuple[str, ...]]


class KnownWords:
    """Returns values by key when called: those that `read` fetched, with those of the loaded rows."""

    def __init__(self, state: ConsoleState, loaded: Callable[[], Words]) -> None:
        self._state = state
        self._loaded = loaded
        self._tenant = KnownValues()

    def __call__(self) -> KnownValues:
        return self._tenant.with_more(self._loaded())

    async def read(self) -> None:
        """Read the values that occur in the tenant; a link that is down is reported elsewhere."""
        try:
            self._tenant = await self._state.program.history.known_values(self._state.tenant)
        except ConsoleError:
            return
