"""The bulk sends of a tenant, newest first."""

from collections.abc import Iterable
from typing import Any, ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from console.domain.batches import Batch
from console.domain.filters.language import Filter, Scope
from console.tui.keys.actions import Action, bindings_for
from console.tui.presenters.batches import COLUMNS, batch_cells
from console.tui.screens import actions
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.clipboard import copy_text
from console.tui.screens.paged_list import PAGE, ListSpec, PagedList
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowBatch


class BatchesScreen(ConsoleScreen):
    """Enter opens one."""

    KIND = "batches"

    def __init__(self, state: ConsoleState) -> None:
        self._seen_words: dict[str, dict[str, None]] = {"type": {}, "by": {}}
        super().__init__(state)
        self._list = PagedList(
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
            self.request_read,
        )

    def body(self) -> Iterable[Widget]:
        return (self._list.filtered,)

    def on_mount(self) -> None:
        self._list.begin()

    async def read(self) -> None:
        await self._list.read()

    def repaint(self) -> None:
        self._list.repaint()

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

    def _no_row(self) -> str | None:
        return self._list.no_row

    def _open(self) -> None:
        if self._list.chosen is not None:
            self.post_message(ShowBatch(self._list.chosen.batch_id))

    def _copy_id(self) -> None:
        if self._list.chosen is not None:
            copy_text(self, "the id", self._list.chosen.batch_id)

    def _filter(self) -> None:
        self._list.filtered.open_filter()

    def _back(self) -> None:
        if not self._list.filtered.clear_filter():
            self.leave()

    ACTIONS: ClassVar[tuple[Action[Any], ...]] = (
        actions.open_row(_open, _no_row),
        actions.filter_rows(_filter),
        actions.copy_id(_copy_id, _no_row),
        *actions.everywhere(actions.back(_back)),
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(KIND, ACTIONS)
