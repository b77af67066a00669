"""The part of a history that a page is read from, as SQL."""

from collections.abc import Sequence
from dataclasses import dataclass

from console.domain.filters.language import Filter
from console.domain.history import Cursor
from console.store.filter_sql import Conditions, conditions
from console.store.shape import BARE, Shape
from console.store.sql import query


@dataclass(frozen=True, slots=True)
class HistoryPart:
    """The part of a history to read: some devices or all, after a key.

    Its SQL has no NULL parameter, so that one plan fits each statement.
    """

    device_ids: Sequence[str] | None
    before: Cursor | None

    def statement(
        self,
        name: str,
        used: int,
        wanted: Filter | None = None,
        last: Cursor | None = None,
        shape: Shape = BARE,
    ) -> tuple[str, list[object]]:
        """Return the statement `name` with its further parameters; `last` is the oldest key to read."""
        built = Conditions(used)
        if self.device_ids is not None and len(self.device_ids) == 1:
            built.texts.append(f"v.device_id = {built.add(self.device_ids[0])}")
        elif self.device_ids is not None:
            built.texts.append(f"v.device_id = ANY ({built.add(list(self.device_ids))}::text[])")
        for cursor, operator in ((self.before, "<"), (last, ">=")):
            if cursor is not None:
                at, key = built.add(cursor.created_at), built.add(cursor.command_id)
                built.texts.append(
                    f"(v.created_at, v.command_id) {operator} ({at}::timestamptz, {key}::text)"
                )
        if wanted:
            terms = conditions(wanted, used + len(built.parameters), shape=shape)
            built.texts += terms.texts
            built.parameters += terms.parameters
        return query(name).replace("/*where*/", built.sql), built.parameters
