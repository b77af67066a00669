"""The loaded part of a history: pages by keyset at its end, the newest page again at its head."""

from collections.abc import Iterable

from console.domain.batches import RETRIED
from console.domain.commands import Command
from console.domain.history import Cursor, HistoryPage

Key = tuple[float, str]
_OFFERING = 500


class HistoryRows:
    """Commands by id, newest first, with the position at which the next page begins.

    `revision` is another number after each change.
    """

    def __init__(self) -> None:
        self.commands: dict[str, Command] = {}
        self.order: list[str] = []
        self.more = True
        self.reached: Cursor | None = None
        self.revision = 0

    @property
    def has_next(self) -> bool:
        """Whether there is another page; only known once something has been read."""
        return self.more and (bool(self.order) or self.reached is not None)

    def words(self) -> dict[str, tuple[str, ...]]:
        """Return the values of the newest of these commands that can complete a filter, by key."""
        loaded = list(self.commands.values())[:_OFFERING]
        return {
            "type": tuple(sorted({c.command_type for c in loaded})),
            "by": tuple(sorted({c.created_by for c in loaded if c.created_by})),
            "device": tuple(sorted({c.device_id for c in loaded})),
        }

    def next_bad(self, key: str, by: int) -> str | None:
        """Return the next command that did not end well, by 1 to older ones and by -1 to newer ones."""
        place = self.order.index(key) + by if key in self.commands else -1
        while 0 <= place < len(self.order):
            if self.commands[self.order[place]].phase in RETRIED:
                return self.order[place]
            place += by
        return None

    @property
    def end(self) -> Cursor | None:
        """Where the next page begins; a search may have read beyond the last row that it found."""
        if self.reached is not None:
            return self.reached
        if not self.order:
            return None
        last = self.commands[self.order[-1]]
        return Cursor(last.created_at, last.command_id)

    def put_head(self, page: HistoryPage) -> None:
        """Merge the newest page: add new rows, remove rows that no longer match."""
        searched_on = self.reached is not None or not self.more
        if page.reached is not None and self.order and searched_on:
            self._put_searched(page, page.reached)
            return
        if not page.commands or not page.more or not self.order or self._gap_after(page):
            self._reset(page)
            return
        edge = _key(page.commands[-1])
        kept = {key: c for key, c in self.commands.items() if _key(c) < edge}
        kept.update((command.command_id, command) for command in page.commands)
        self.commands = kept
        self._sort()

    def put_next(self, page: HistoryPage) -> None:
        """Append an older page."""
        self.more, self.reached = page.more, page.reached
        self.update(page.commands, add=True)

    def _put_searched(self, page: HistoryPage, reached: Cursor) -> None:
        """Merge the newest page of a search that has already gone further back; keep the older rows."""
        edge = (reached.created_at.timestamp(), reached.command_id)
        kept = {key: c for key, c in self.commands.items() if _key(c) < edge}
        kept.update((command.command_id, command) for command in page.commands)
        self.commands = kept
        self._sort()

    def drop(self, command_ids: Iterable[str]) -> None:
        """Remove rows that no longer match."""
        for command_id in command_ids:
            self.commands.pop(command_id, None)
        self._sort()

    def update(self, commands: Iterable[Command], *, add: bool = False) -> None:
        """Replace rows that were read again."""
        for command in commands:
            if add or command.command_id in self.commands:
                self.commands[command.command_id] = command
        self.revision += 1
        if add:
            self._sort()

    def _gap_after(self, page: HistoryPage) -> bool:
        return _key(page.commands[-1]) > _key(self.commands[self.order[0]])

    def _reset(self, page: HistoryPage) -> None:
        self.commands = {command.command_id: command for command in page.commands}
        self.more, self.reached = page.more, page.reached
        self._sort()

    def _sort(self) -> None:
        self.revision += 1
        self.order = sorted(self.commands, key=lambda key: _key(self.commands[key]), reverse=True)


def _key(command: Command) -> Key:
    return command.created_at.timestamp(), command.command_id
