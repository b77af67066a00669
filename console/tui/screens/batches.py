"""The bulk sends of a tenant, newest first."""

import time
from datetime import datetime
from typing import Any, ClassVar

from textual import on
from textual.binding import BindingType

from console.domain.batches import Batch
from console.domain.filters.language import Filter, Scope
from console.tables.columns import Cell
from console.tui.keys.actions import Action, bindings_for
from console.tui.lists.batch_outcomes import BatchOutcomes
from console.tui.presenters.batches import COLUMNS, batch_cells
from console.tui.screens import actions
from console.tui.screens.clipboard import copy_text
from console.tui.screens.paged_list import PAGE, ListSpec, PagedScreen
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowBatch
from console.tui.widgets.table import LineTable


class BatchesScreen(PagedScreen[Batch]):
    """The list of bulk sends; enter opens one."""

    KIND = "batches"

    def __init__(self, state: ConsoleState) -> None:
        self._outcomes = BatchOutcomes()
        self._seen_words: dict[str, dict[str, None]] = {"type": {}, "by": {}}
        super().__init__(
            state,
            ListSpec(
                scope=Scope.BATCHES,
                title="Bulk sends",
                one="bulk send",
                many="bulk sends",
                empty="Nothing has been sent to many at once. Mark devices with space or a, then press c.",
                columns=COLUMNS,
                page=self._page,
                key=lambda batch: batch.batch_id,
                sort_key=lambda batch: (batch.created_at, batch.batch_id),
                cells=self._cells,
                values=self._words,
            ),
        )

    def _words(self) -> dict[str, tuple[str, ...]]:
        """Return the values of all rows read so far: half a word hides the rows that would complete it."""
        return {key: tuple(words) for key, words in self._seen_words.items()}

    async def _page(self, wanted: Filter, before: Batch | None) -> tuple[Batch, ...]:
        page = await self.state.program.bulk.batches(self.state.tenant, PAGE, before, wanted)
        for draft in (batch.draft for batch in page):
            self._seen_words["type"].setdefault(draft.command_type)
            if draft.created_by:
                self._seen_words["by"].setdefault(draft.created_by)
        return page

    async def read(self) -> None:
        await super().read()
        await self._count()

    async def _count(self) -> None:
        """Count the commands of the rows in view that are due; the rest in the next read."""
        shown = [self.listed.rows.rows[key] for key in self._in_view]
        due = self._outcomes.due(shown)
        if due:
            began = time.monotonic()
            found = await self.state.program.bulk.outcomes(self.state.tenant, due)
            self._outcomes.take(found, time.monotonic() - began)
            if not self._outcomes.has_all(self._in_view):
                self.request_read()

    @property
    def _in_view(self) -> list[str]:
        rows = self.listed.rows.rows
        return [key for key in self.listed.filtered.table.window() if key in rows]

    @on(LineTable.WindowMoved)
    def _window_moved(self) -> None:
        if not self._outcomes.has_all(self._in_view):
            self.request_read()

    def _cells(self, batch: Batch, now: datetime) -> dict[str, Cell]:
        job = self.state.jobs.get(batch.batch_id)
        phases = self._outcomes.get(batch.batch_id)
        return batch_cells(batch, now, phases, is_sending=job is not None and not job.ended)

    def _open(self) -> None:
        if self.listed.chosen is not None:
            self.post_message(ShowBatch(self.listed.chosen.batch_id))

    def _copy_id(self) -> None:
        if self.listed.chosen is not None:
            copy_text(self, "the id", self.listed.chosen.batch_id)

    ACTIONS: ClassVar[tuple[Action[Any], ...]] = (
        actions.open_row(_open, PagedScreen.no_row),
        actions.filter_rows(PagedScreen.open_filter),
        actions.copy_id(_copy_id, PagedScreen.no_row),
        *actions.everywhere(actions.back(PagedScreen.go_back)),
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(KIND, ACTIONS)
