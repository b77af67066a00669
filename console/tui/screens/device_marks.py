"""Marks on a list of devices: whom the next command is for."""

from console.domain.filters.language import Scope
from console.domain.text.counts import counted
from console.domain.text.safe import safe
from console.errors import ConsoleError
from console.tui.lists.device_rows import DeviceRows
from console.tui.lists.known_words import KnownWords
from console.tui.presenters.cells import Column
from console.tui.screens.base import ConsoleScreen
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowCompose, ShowHistory
from console.tui.widgets.filter_bar import FilterBar
from console.tui.widgets.table import LineTable

_WHILE_MARKING = frozenset({"compose", "tenant_history", "mark", "mark_range", "mark_all"})


class MarkingScreen(ConsoleScreen):
    """A filtered list of devices, of which some are marked; marks stay when the filter changes."""

    def __init__(self, state: ConsoleState, columns: tuple[Column, ...]) -> None:
        super().__init__(state)
        self._rows = DeviceRows()
        self._anchor: str | None = None
        self._anchor_is_new = False
        self._is_marking = False
        self._words = KnownWords(state, self._rows.words)
        self._filter = FilterBar(Scope.DEVICES, self._words)
        self._table = LineTable(
            columns, lambda key: self._rows.cells(key, self.state.clock.now()), id="table"
        )

    def show_counts(self) -> None:
        """Tell how many there are, and how many are marked."""
        raise NotImplementedError

    @property
    def marks(self) -> frozenset[str]:
        return frozenset(self._table.marks)

    @property
    def _unseen(self) -> int:
        """How many are marked that the filter does not show."""
        return sum(not self._table.holds(key) for key in self._table.marks) if self._filter.text else 0

    @property
    def _where(self) -> str:
        """The filter, when just what it finds is marked."""
        marks, shown = self._table.marks, self._table.keys
        means_it = bool(self._filter.text) and not self._filter.parsed.faults
        return self._filter.text if means_it and marks and marks == set(shown) else ""

    def unmark(self, device_ids: tuple[str, ...]) -> None:
        """Take the marks from devices that got what they were marked for."""
        self._table.marks -= set(device_ids)
        self._marked()

    def labels(self) -> dict[str, str]:
        marked = len(self._table.marks)
        leads = (
            (self._anchor, "give up the range"), (self._filter.text, "clear filter"), (marked, "clear marks"),
            (True, "back"),
        )  # fmt: skip
        return {
            "open": "history",
            "compose": f"compose to {marked:,}" if marked else "compose",
            "tenant_history": f"history of {marked:,}" if marked else "all history",
            "back": next(label for there, label in leads if there),
        }

    def reason(self, action_id: str) -> str | None:
        if self._is_marking and action_id in _WHILE_MARKING:
            return "the marks are being looked up, wait for them"
        faults = self._filter.parsed.faults
        if action_id == "mark_all" and faults:
            return f"the filter shows more than it says: {faults[0].sentence.rstrip('.')}"
        if action_id == "mark_range" and self._anchor is not None and not self._table.holds(self._anchor):
            return f"the range began at {safe(self._anchor, 40)}, which is not shown now: esc gives it up"
        return None

    def action_compose(self) -> None:
        if not self.refuse("compose"):
            marked, where = tuple(sorted(self._table.marks)), self._where
            target = where or self._target()
            devices = marked or (self._table.cursor_key or "",)
            self.post_message(ShowCompose(devices, target, where=where))

    def _target(self) -> str:
        """Whom a send means, in words, when no filter says it."""
        marks = self._table.marks
        if marks and not self._filter.text and marks == set(self._table.keys):
            return f"all {counted(len(marks), 'device')}"
        return counted(len(marks), "marked device") if marks else ""

    def action_tenant_history(self) -> None:
        if not self.refuse("tenant_history"):
            self.post_message(ShowHistory(tuple(sorted(self._table.marks)) or None))

    def action_mark(self) -> None:
        key = self._table.cursor_key
        if key is not None and not self.refuse("mark"):
            self._table.marks ^= {key}
            self._table.action_move(1)
            self._marked()

    def action_mark_range(self) -> None:
        key = self._table.cursor_key
        if key is None or self.refuse("mark_range"):
            return
        if self._anchor is None:
            self._anchor, self._anchor_is_new = key, key not in self._table.marks
            self._table.marks |= {key}
        else:
            self._table.marks |= set(self._table.between(self._anchor, key))
            self._anchor = None
        self._marked()

    def action_mark_all(self) -> None:
        if self.refuse("mark_all"):
            return
        wanted = self._filter.parsed
        if wanted.shows_decommissioned or "group" in wanted.keys:
            self._is_marking = True
            self.refresh_chrome()
            start(self, self._mark_sendable, "mark", exclusive=True)
        else:
            self._mark_or_unmark(set(self._table.keys))

    async def _mark_sendable(self) -> None:
        """Until it is known what to mark, nothing is done with the marks: they are still the old ones."""
        try:
            await self._look_up_marks()
        finally:
            self._is_marking = False
            self.refresh_chrome()

    async def _look_up_marks(self) -> None:
        """Mark what the filter shows but is not decommissioned: nothing of that gets in by a filter.

        Nothing at all where a group is unknown: without it, what it was to keep out would be marked.
        """
        shown, wanted, tenant = set(self._table.keys), self._filter.parsed, self.state.tenant
        try:
            found = await self.state.program.history.filter_notes(tenant, wanted)
            sendable = await self.state.program.history.sendable_index(tenant, wanted)
        except ConsoleError as error:
            self.say(str(error), "bad")
            return
        fault = next((note.sentence for note in found if note.is_fault), "")
        if fault:
            self.say(f"Nothing is marked: {safe(fault, 300)}", "warn")
            return
        self._mark_or_unmark(shown & set(sendable))
        left = len(shown.difference(sendable))
        if left:
            self.say(
                f"{counted(left, 'decommissioned device')} not marked: nothing can be sent there.", "warn"
            )

    def _mark_or_unmark(self, shown: set[str]) -> None:
        self._table.marks = (
            self._table.marks - shown if shown <= self._table.marks else self._table.marks | shown
        )
        self._marked()

    def action_back(self) -> None:
        """One step: the range, the filter, the marks, in the order that the footer tells."""
        if self._anchor is not None:
            if self._anchor_is_new:
                self._table.marks -= {self._anchor}
            self._anchor = None
        elif self._filter.can_clear:
            self._filter.clear()
        elif self._table.marks:
            self._table.marks = set()
        else:
            self.say("This is the first screen: q leaves the console.")
        self._marked()

    def _marked(self) -> None:
        self.show_counts()
        self.refresh_chrome()
        self._table.repaint_changes()
