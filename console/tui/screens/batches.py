"""The bulk sends of a tenant, newest first."""

from typing import ClassVar

from textual.binding import BindingType

from console.domain.batches import Batch
from console.domain.filters.language import Filter, Scope
from console.tui.keys.actions import bindings_for
from console.tui.presenters.batches import COLUMNS, batch_cells
from console.tui.screens.paged_list import PAGE, ListSpec, NewestScreen
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowBatch


class BatchesScreen(NewestScreen[Batch]):
    """Enter opens one."""

    KIND = "batches"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("batches")

    def __init__(self, state: ConsoleState) -> None:
        self._seen_words: dict[str, dict[str, None]] = {"type": {}, "by": {}}
        super().__init__(
            state,
            ListSpec(
                scope=Scope.BATCHES,
                title="Bulk sends",
                one="batch",
                many="batches",
                empty="Nothing has been sent to many at once. Mark devices with space or a, then press c.",
                columns=COLUMNS,
                page=self._page,
                key=lambda batch: batch.batch_id,
                place=lambda batch: (batch.created_at, batch.batch_id),
                cells=batch_cells,
                values=self._words,
            ),
        )

    def _words(self) -> dict[str, tuple[str, ...]]:
        """What occurred in all that has been read: half a word hides the very rows that would complete it."""
        return {key: tuple(words) for key, words in self._seen_words.items()}

    async def _page(self, wanted: Filter, before: Batch | None) -> tuple[Batch, ...]:
        page = await self.state.program.bulk.batches(self.state.tenant, PAGE, before, wanted)
        for draft in (batch.draft for batch in page):
            self._seen_words["type"].setdefault(draft.command_type)
            if draft.created_by:
                self._seen_words["by"].setdefault(draft.created_by)
        return page

    def open_row(self, row: Batch) -> None:
        self.post_message(ShowBatch(row.batch_id))
