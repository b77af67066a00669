"""The bulk sends of a tenant, newest first."""

from typing import Any, ClassVar

from textual.binding import BindingType

from console.domain.batches import Batch
from console.domain.filters.language import Filter, Scope
from console.tui.keys.actions import Action, bindings_for
from console.tui.presenters.batches import COLUMNS, batch_cells
from console.tui.screens import actions
from console.tui.screens.clipboard import copy_text
from console.tui.screens.paged_list import PAGE, ListSpec, PagedScreen
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowBatch


class BatchesScreen(PagedScreen[Batch]):
    """The list of bulk sends; enter opens one."""

    KIND = "batches"

    def __init__(self, state: ConsoleState) -> None:
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
                cells=batch_cells,
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
