"""What a filter is completed with: what is on screen, and what occurs in the whole tenant."""

from collections.abc import Callable, Mapping

from console.domain.filter_values import KnownValues
from console.errors import ConsoleError
from console.tui.desk import Desk

Words = Mapping[str, tuple[str, ...]]


class KnownWords:
    """Called for the values by key. `read` fetches the tenant's; until then the loaded ones serve."""

    def __init__(self, desk: Desk, loaded: Callable[[], Words]) -> None:
        self._desk = desk
        self._loaded = loaded
        self._tenant = KnownValues()

    def __call__(self) -> KnownValues:
        return self._tenant.with_more(self._loaded())

    async def read(self) -> None:
        """Read what occurs in the tenant; trouble with the link is told elsewhere."""
        try:
            self._tenant = await self._desk.program.history.known_values(self._desk.tenant)
        except ConsoleError:
            return
