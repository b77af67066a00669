"""The bulk sends of a tenant, newest first."""

from typing import ClassVar

from textual.binding import BindingType

from console.domain.batches import Batch
from console.domain.filters import Scope
from console.tui.actions import bindings_for
from console.tui.desk import Desk
from console.tui.messages import ShowBatch
from console.tui.presenters.batches import COLUMNS, batch_cells
from console.tui.screens.newest import PAGE, Listing, NewestScreen


class BatchesScreen(NewestScreen[Batch]):
    """Enter opens one."""

    KIND = "batches"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("batches")

    def __init__(self, desk: Desk) -> None:
        super().__init__(
            desk,
            Listing(
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
        """What occurs in the rows that have been read."""
        drafts = [batch.draft for batch in self.rows]
        return {
            "type": tuple(dict.fromkeys(draft.command_type for draft in drafts)),
            "by": tuple(dict.fromkeys(draft.created_by for draft in drafts if draft.created_by)),
        }

    async def _page(self, text: str, before: Batch | None) -> tuple[Batch, ...]:
        return await self.desk.program.bulk.batches(self.desk.tenant, PAGE, before, text)

    def open_row(self, row: Batch) -> None:
        self.post_message(ShowBatch(row.batch_id))
