"""The list of devices with its group rows: which groups there are, which are unfolded, and what they show."""

import time
from collections.abc import Sequence

from console.domain.device_groups import DeviceGroup, DeviceGroups, GroupBy, rows_of, value_of
from console.domain.devices import Sort
from console.tables.columns import Cell
from console.tui.presenters.device_groups import group_cells
from console.tui.state.console_state import ConsoleState

_EVERY_S, _LATEST_S = 10.0, 60.0
_SHARE = 30  # of the time at most one part goes into reading the groups


class GroupRows:
    """Holds the devices that are listed, in their order; without a grouping, those are the rows.

    The groups are read apart from the list, at most every ten seconds while the same devices are asked for,
    and less often where that takes long. What grows with the devices is made once for each list of them.
    """

    def __init__(self, state: ConsoleState) -> None:
        self._state = state
        self._found: DeviceGroups | None = None
        self._members: dict[str, list[str]] = {}
        self._parted: DeviceGroups | None = None  # the groups by which the listed devices are parted there
        self._marks: frozenset[str] = frozenset()
        self._marked: dict[str, int] = {}  # how many of a group are among those marks
        self._unfolded: set[str] = set()
        self._arranged_by: GroupBy | None = None
        self._asked, self._read_for = 0, -1  # which devices are asked for, and for which the sums were read
        self._covers = False
        self._due = 0.0
        self._listed: frozenset[str] | None = None  # the same as a set, once somebody asks
        self.ids: Sequence[str] = ()

    @property
    def by(self) -> GroupBy | None:
        return self._state.device_group

    @property
    def found(self) -> DeviceGroups | None:
        """The groups as they were read last, if they are of what is grouped by now."""
        return self._found if self._found is not None and self._found.by is self.by else None

    @property
    def waits(self) -> bool:
        """Whether the devices cannot be parted yet: the list stays as it is until they can."""
        return self.by is not None and (self.found is None or not self._covers)

    @property
    def is_due(self) -> bool:
        """Whether the groups are to be read."""
        return self.by is not None and (self.waits or time.monotonic() >= self._due)

    def ask(self) -> None:
        """Other devices are asked for: sums that were read before are not shown for them."""
        self._asked += 1
        self._due = 0.0

    def take(self, ids: Sequence[str]) -> None:
        """List these devices; one that is in no known group makes the list wait for the next read."""
        self.ids, self._listed, self._parted = ids, None, None
        self._covers = self.found is not None and self.found.lists(ids)

    async def read(self, *, every: bool) -> None:
        """Read the groups of the listed devices; `every`: the list shows every device.

        Raises:
            ConsoleError: the database did not answer.
        """
        by, ids, asked, began_at = self.by, self.ids, self._asked, time.monotonic()
        if by is None:
            return
        found = await self._state.program.history.device_groups(
            self._state.tenant, by, None if every else ids
        )  # fmt: skip
        if by is self.by:
            self._found, self._read_for = found, asked
            self._covers = ids is self.ids or found.lists(self.ids)
            ended_at = time.monotonic()
            rest_s = min(_LATEST_S, max(_EVERY_S, _SHARE * (ended_at - began_at)))
            self._due = ended_at + rest_s if asked == self._asked else 0.0

    def rows(self, order: Sort, at: str | None) -> list[str]:
        """Return the rows; of a new grouping only the group of `at`, the cursor's row, is unfolded."""
        found = self.found
        if found is None:
            self._arranged_by, self._parted, self._members = None, None, {}
            return list(self.ids)
        if self._arranged_by is not found.by:
            self._arranged_by = found.by
            self._unfolded = {found.of[at]} if at is not None and at in found.of else set()
        if self._parted is not found:
            self._parted, self._members, self._marked = found, found.members(self.ids), {}
        return rows_of(found, self._members, order, self._members.keys() - self._unfolded)

    def members(self, value: str) -> Sequence[str]:
        """Return the listed devices of a group."""
        return self._members.get(value, ())

    def group_of(self, key: str | None) -> str | None:
        """Return the value of the group in which a row stands, or which it is."""
        value = value_of(key)
        if value is not None or self.found is None:
            return value
        return self.found.of.get(key or "")

    def first(self, key: str | None) -> str | None:
        """Return the row itself, or the first device of the group that it is."""
        value = value_of(key)
        return key if value is None else next(iter(self.members(value)), None)

    def holds(self, device_id: str) -> bool:
        """Return whether the device is listed, in a folded group or not."""
        if self._listed is None:
            self._listed = frozenset(self.ids)
        return device_id in self._listed

    # Folding

    def is_folded(self, value: str) -> bool:
        return value not in self._unfolded

    def fold(self, value: str) -> None:
        """Fold this group; one that is folded already folds all others."""
        if value in self._unfolded:
            self._unfolded.discard(value)
        else:
            self._unfolded.clear()

    def unfold(self, value: str) -> None:
        self._unfolded.add(value)

    # Showing

    def group(self, value: str) -> DeviceGroup | None:
        """Return the sums of a group; None while they are read."""
        is_of_these = self.found is not None and self._read_for == self._asked
        return self.found.groups.get(value) if self.found is not None and is_of_these else None

    @property
    def filled(self) -> frozenset[str]:
        """Return the columns in which something stands for a group: those of commands, if there were any."""
        groups = self.found.groups.values() if self.found is not None else ()
        ended = {"recent", "last"} if any(any(group.ended.values()) for group in groups) else set()
        return frozenset(ended | ({"flight"} if any(group.flight for group in groups) else set()))

    def cells(self, value: str, marks: frozenset[str]) -> dict[str, Cell]:
        """Return what the row of a group shows."""
        by, listed, marked = self.by or GroupBy.SITE, len(self.members(value)), self._count(value, marks)
        return dict(group_cells(by, value, self.group(value), listed, marked, folded=self.is_folded(value)))

    def _count(self, value: str, marks: frozenset[str]) -> int:
        """Count the marked devices of a group; again only when the marks or the devices are others."""
        if marks is not self._marks:
            self._marks, self._marked = marks, {}
        if value not in self._marked:
            self._marked[value] = sum(device in marks for device in self.members(value)) if marks else 0
        return self._marked[value]
