"""Which devices a list shows, in which order: read in pieces if that takes long, and again at intervals.

Decided in docs/decisions/0016-lists-of-any-length.md
"""

import time
from collections.abc import Callable
from contextlib import aclosing

from console.domain.devices import DeviceCounts, DeviceSearch, Sort
from console.domain.filters.keys import NEWEST_COMMAND
from console.domain.filters.language import EVERY_DEVICE, Filter
from console.domain.text.counts import counted
from console.services.reads import History

_EVERY_S = 1.0
_LATEST_S = 5.0
_SEARCH_LATEST_S = 30.0
_SHARE = 30  # of the time at most one part goes into listing the whole fleet
_SEARCH_SHARE = 5  # the same for a search through every newest command, which costs more


class DeviceList:
    """The ids of a tenant's devices that a filter matches; `show` gets each new list of them."""

    def __init__(self, history: History, tenant: str, show: Callable[[list[str]], None]) -> None:
        self._history = history
        self._tenant = tenant
        self._show = show
        self._asked = (EVERY_DEVICE, Sort())
        self._whole: tuple[Filter, Sort] | None = None
        self._shown: tuple[Filter, Sort] | None = None
        self._digest: int | None = None
        self._due = 0.0
        self.counts: DeviceCounts | None = None
        self.search: DeviceSearch | None = None

    @property
    def again_in_s(self) -> float:
        """Seconds until the list is to be read again; 0 when it is due."""
        return max(0.0, self._due - time.monotonic())

    @property
    def behind(self) -> bool:
        """Whether the shown list is of an earlier filter or order."""
        return self._shown is not None and self._shown != self._asked

    @property
    def sort(self) -> Sort:
        """The order of the shown list."""
        return self._shown[1] if self._shown is not None else Sort()

    @property
    def unfiltered(self) -> bool:
        """Whether the shown list is of an earlier filter."""
        return self._shown is not None and self._shown[0] != self._asked[0]

    def not_all(self) -> str | None:
        """Return why not everything that the filter finds is listed yet; None if it is."""
        if self.search is None:
            return None
        of = counted(self.search.total, "device")
        return f"the search has looked at {self.search.looked:,} of {of}, wait for the others"

    def ask(self, wanted: Filter, order: Sort) -> None:
        """Request other devices or another order; a read for the earlier request is dropped."""
        if (wanted, order) != self._asked:
            self._asked, self._due = (wanted, order), 0.0

    def forget(self) -> None:
        """Read the whole list next time: the shown list no longer matches the one that was read."""
        self._digest = None

    def hurry(self) -> None:
        """Read the list as soon as possible: what is made of it has changed."""
        self._due = 0.0

    async def read(self) -> None:
        """Read the requested list; show it in growing pieces when it is not shown yet and takes long.

        Raises:
            ConsoleError: the database does not answer.
        """
        started, asked = time.monotonic(), self._asked
        searching = bool(asked[0].keys & NEWEST_COMMAND)
        try:
            await (self._search(asked) if searching else self._list(asked))
        finally:
            self.search = None
        if asked != self._asked:
            return
        self.counts = await self._history.device_counts(self._tenant)
        if asked != self._asked:
            return  # the newer request is due at once
        share, latest = (_SEARCH_SHARE, _SEARCH_LATEST_S) if searching else (_SHARE, _LATEST_S)
        spent = time.monotonic() - started
        self._due = time.monotonic() + min(latest, max(_EVERY_S, spent * share))

    async def _list(self, asked: tuple[Filter, Sort]) -> None:
        known = self._digest if asked == self._whole else None
        ids, digest = await self._history.changed_device_index(self._tenant, *asked, known)
        if asked == self._asked and ids is not None:
            self._digest = digest
            self._put(asked, ids)

    async def _search(self, asked: tuple[Filter, Sort]) -> None:
        found: list[str] = []
        first = asked != self._whole
        async with aclosing(self._history.search_devices(self._tenant, *asked)) as pieces:
            async for piece in pieces:
                if asked != self._asked:
                    return
                found += piece.found
                if first:
                    self.search = piece
                    shown = await self._sorted(found, asked)
                    if asked != self._asked:
                        return  # while it was sorted
                    self._put(asked, shown, whole=False)
        found = await self._sorted(found, asked)
        if asked == self._asked:
            self._put(asked, found)

    async def _sorted(self, found: list[str], asked: tuple[Filter, Sort]) -> list[str]:
        return await self._history.in_order(self._tenant, found, asked[1])

    def _put(self, asked: tuple[Filter, Sort], ids: list[str], *, whole: bool = True) -> None:
        self._shown = asked
        if whole:
            self._whole = asked
        self._show(ids)
