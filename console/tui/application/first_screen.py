"""Which screen comes first: the overview from 100 devices on, else the devices.

Decided in docs/decisions/0085-the-first-screen.md
"""

from collections.abc import Callable

MANY_DEVICES = 100


class FirstScreen:
    """Decides once. `wish` is ``overview``, ``devices`` or ``auto``; `begin` puts the overview on top.

    `is_home` returns whether the devices are on top.
    """

    def __init__(self, wish: str, begin: Callable[[], None], is_home: Callable[[], bool]) -> None:
        self._wish = wish
        self._begin = begin
        self._is_home = is_home
        self._is_open = wish == "auto"

    def at_start(self) -> None:
        """Begin with the overview where it is wanted whatever there is."""
        if self._wish == "overview":
            self._begin()

    def touched(self) -> None:
        """Leave the screen that is there: the operator has begun."""
        self._is_open = False

    def covers(self, devices: int) -> bool:
        """Begin with the overview if the first page has so many devices; return whether it is on top."""
        is_first, self._is_open = self._is_open and self._is_home(), False
        if is_first and devices >= MANY_DEVICES:
            self._begin()
        return not self._is_home()
