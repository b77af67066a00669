"""The console on a terminal far away: it touches no terminal, signal or file of this process."""

from console.tui.application.app import ConsoleApp
from console.tui.screens.fleet import FleetScreen
from console.tui.screens.live import LiveScreen
from console.tui.screens.overview import OverviewScreen

CRASHED = "device-console crashed; whoever runs this server has the report."


class RemoteApp(ConsoleApp):
    """Says at the other end how it ended; this process's terminal is not its own."""

    farewell = ""

    @property
    def is_watched(self) -> bool:
        """Whether the screen shows what happens by itself, and is looked at without a key."""
        return isinstance(self._top, OverviewScreen | FleetScreen | LiveScreen)

    def tell(self, notice: str) -> None:
        """Say something on the screen that is seen now."""
        self._say(notice)

    def last_words(self, error: BaseException | None) -> str:
        super().last_words(error)
        self.farewell = CRASHED
        return CRASHED
