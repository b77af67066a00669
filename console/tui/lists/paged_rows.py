"""Rows that are read page by page, newest first: the head at each refresh, the rest when scrolled to."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class PagedRows(Generic[T]):
    """Rows by key. `place` orders them as the pages do; after a page of `size` rows there may be another."""

    def __init__(self, key: Callable[[T], str], place: Callable[[T], Any], size: int) -> None:
        self._key = key
        self._place = place
        self.size = size
        self.rows: dict[str, T] = {}
        self.more = False

    @property
    def has_next(self) -> bool:
        """Whether there is another page after the last row."""
        return self.more

    @property
    def last(self) -> T | None:
        """The row after which the next page begins."""
        return next(reversed(self.rows.values()), None)

    def put_head(self, page: Sequence[T]) -> None:
        """Merge the newest page; older rows stay until they are read again."""
        rows = {self._key(row): row for row in page}
        full = len(page) == self.size
        if full:
            edge = self._place(page[-1])
            behind = [row for key, row in self.rows.items() if key not in rows and self._place(row) < edge]
            self.more = self.more or not behind
            rows |= {self._key(row): row for row in behind}
        else:
            self.more = False
        self.rows = rows

    def put_next(self, page: Sequence[T]) -> None:
        """Append an older page."""
        self.rows |= {self._key(row): row for row in page if self._key(row) not in self.rows}
        self.more = len(page) == self.size
